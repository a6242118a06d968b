"""The spec: what a training cohort makes of the settings, and the same after storage."""

import numpy as np
import pytest

from pipeline.cohort.analytes import Analyte
from pipeline.config import Config, FeatureConfig
from pipeline.config_cohort import CohortConfig
from pipeline.errors import UsageError
from pipeline.features.build import build_features
from pipeline.features.spec import learn_spec, spec_from_dict
from tests.builders import at, lab, make_cohort, make_config, make_spec


def test_a_spec_survives_json_form():
    spec = make_spec(host=(("age_years", "number"), ("product", "category", ("axi_cel",))))
    assert spec_from_dict(spec.to_dict()) == spec


def test_the_spec_takes_what_was_measured_and_refuses_what_does_not_exist():
    cohort = make_cohort(1, [lab(0, "crp", 1.0, 1.0), lab(0, "il6", 1.0, 1.0, status="cancelled")])
    assert [analyte.key for analyte in learn_spec(cohort, make_config(), {}).analytes] == ["crp"]
    wanted = make_config().model_copy(update={"features": FeatureConfig(analytes=("nosuch",))})
    with pytest.raises(UsageError, match="nosuch"):
        learn_spec(cohort, wanted, {})


def test_rules_and_channels_are_learned_and_kept_with_the_spec():
    labs = [lab(0, "il6", 8.0, 5.0), lab(0, "crp", 8.0, 5.0)]
    plain = learn_spec(make_cohort(1, labs), make_config(), {})
    assert plain.channels == ()
    assert {effect.drug for effect in plain.drug_effects} >= {"tocilizumab", "siltuximab"}
    labs += [lab(0, "il6", 8.0, 50.0)]
    cohort = make_cohort(1, labs, treatments=[(0, "tocilizumab", 20.0)])
    settings_ = Config(
        outcomes=make_config().outcomes, features=FeatureConfig(treatment_statistics=("dex_mg",))
    )
    spec = learn_spec(cohort, settings_, {})
    assert spec.channels == ("il6_post_il6r",)
    assert spec_from_dict(spec.to_dict()) == spec
    off = Config(outcomes=settings_.outcomes, features=FeatureConfig(drug_rules=False))
    unruled = learn_spec(cohort, off, {})
    assert unruled.drug_effects == unruled.channels == ()
    row = build_features(cohort, at((0, 60.0)), unruled)
    assert row.column("il6__hours_since_last")[0] == 10.0
    # a model trained without the channel does not use its results, rather than mixing them in
    matrix = build_features(cohort, at((0, 60.0)), plain)
    assert matrix.column("il6__hours_since_last")[0] == 55.0
    old = {key: value for key, value in plain.to_dict().items() if key != "drug_effects"}
    assert (
        build_features(cohort, at((0, 60.0)), spec_from_dict(old)).column("il6__hours_since_last")[
            0
        ]
        == 10.0
    )


def test_drug_classes_and_scales_are_those_that_occur_and_levels_those_of_five_patients():
    people = {
        "product": ["Axi-cel"] * 5 + ["liso-cel"] * 6 + ["mine"] * 4 + [""],
        "HCT-CI": ["3", "", "1"] + ["2"] * 13,
        "blank": [""] * 16,
        "rare": ["a", "b"] * 4 + [""] * 8,
    }
    cohort = make_cohort(
        16,
        [lab(0, "crp", 1.0, 1.0)],
        [(0, "icans", 0, 5.0)],
        [(0, "dexamethasone", 3.0), (1, "norepinephrine", 4.0)],
        patients=people,
    )
    config = Config(
        outcomes=make_config().outcomes,
        cohort=CohortConfig(host_columns=("HCT-CI", "blank", "rare", "absent", "product")),
    )
    spec = learn_spec(cohort, config, {})
    assert spec.drug_classes == ("corticosteroid",)
    assert spec.state_scales == ("icans",)
    assert [(column.name, column.kind) for column in spec.host] == [
        ("HCT-CI", "number"),
        ("product", "category"),
    ]
    assert spec.host[1].levels == ("axi_cel", "liso_cel")


def test_settings_override_the_directions_of_the_dictionary():
    cohort = make_cohort(1, [lab(0, key, 1.0, 1.0) for key in ("crp", "fibrinogen")])

    def directions(**signs):
        config = Config(outcomes=make_config().outcomes, features=FeatureConfig(signs=signs))
        analytes = learn_spec(cohort, config, {}).analytes
        return {analyte.key: dict(analyte.direction) for analyte in analytes}

    plain = directions()
    assert plain["crp"]["crs"] == "up"
    assert "crs" not in directions(crp="free")["crp"]
    assert directions(fibrinogen={"crs": "decreasing"})["fibrinogen"]["crs"] == "down"
    assert directions(crp="decreasing")["fibrinogen"] == plain["fibrinogen"]
    with pytest.raises(UsageError, match="nosuch"):
        directions(nosuch="free")


@pytest.mark.parametrize(("top", "logged"), [(9.0, False), (500.0, True)])
def test_a_local_analyte_is_logged_where_it_spreads_over_a_decade(top, logged):
    local = Analyte("saa", "SAA", "SAA", "mg/L", "inflammation", local=True)
    values = np.geomspace(1.0, top, 21)
    cohort = make_cohort(1, [lab(0, "saa", value, hour) for hour, value in enumerate(values)])
    (analyte,) = learn_spec(cohort, make_config(), {"saa": local}).analytes
    assert analyte.log == logged
    assert (analyte.floor is not None) == logged


def test_a_score_is_built_where_all_its_parts_were_measured():
    def built(*keys):
        cohort = make_cohort(1, [lab(0, key, 1.0, 1.0) for key in keys])
        config = Config(outcomes=make_config().outcomes, features=FeatureConfig(scores="all"))
        return learn_spec(cohort, config, {}).scores

    assert "s_easix" in built("ldh", "platelets")
    assert "easix" not in built("ldh", "platelets")
    assert "s_easix" not in built("ldh")


def test_a_stored_spec_keeps_reasons_as_text():
    spec = make_spec(analytes=("d_dimer",))
    reasons = spec.to_dict()["analytes"][0]["refused"].values()
    assert reasons
    assert all(isinstance(reason, str) for reason in reasons)
    assert spec_from_dict(spec.to_dict()).analytes == spec.analytes


@pytest.mark.parametrize(
    ("settings", "logged"),
    [({}, True), ({"scale": "log2"}, False), ({"signed": True}, False), ({"scale": "ln"}, False)],
)
def test_no_second_logarithm_is_taken(settings, logged):
    labs = [lab(0, "x", float(value), float(value)) for value in (1, 2, 5, 20, 60, 200)]
    analyte = Analyte("x", "X", "X", "u", "inflammation", local=True, **settings)
    (local,) = learn_spec(make_cohort(1, labs), make_config(), {"x": analyte}).analytes
    assert local.log == logged


def test_a_local_analyte_is_no_part_of_a_score():
    names = ("ldh", "creatinine", "platelets")
    labs = [lab(0, key, 50.0, 1.0) for key in names]
    config = make_config().model_copy(update={"features": FeatureConfig(scores=("easix",))})
    assert learn_spec(make_cohort(1, labs), config, {}).scores == ("easix",)
    local = {"ldh": Analyte("ldh", "LDH", "LDH", "NPX", "inflammation", local=True, signed=True)}
    assert learn_spec(make_cohort(1, labs), config, local).scores == ()
