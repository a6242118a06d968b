"""Composite scores by hand: values, units, staleness, limits, clocks, and use in the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.cohort.analytes import dictionary
from pipeline.config import Config
from pipeline.errors import UsageError
from pipeline.explain.contributions import contributions
from pipeline.explain.explanation_rows import _labels
from pipeline.features.build import build_features, feature_metas
from pipeline.features.names import feature_sentence, parse_name
from pipeline.features.score_definitions import GROUP, scores, unit_factor
from pipeline.features.scores import score_values, upper_limit_of_age
from pipeline.features.spec import learn_spec, spec_from_dict
from pipeline.model.background import learn_background
from pipeline.model.members import booster_columns, labs_design
from tests.builders import at, course_cohort, lab, make_cohort, make_config, make_spec
from tests.model.conftest import fit

INPUTS = sorted({key for score in scores().values() for key in score.parts})
SPEC = make_spec(
    analytes=INPUTS,
    drugs=("il6_receptor_blocker",),
    host=(("age_years", "number"),),
)
ORDINARY = {
    "ldh": 400.0,
    "creatinine": 1.2,
    "platelets": 50.0,
    "crp": 120.0,
    "ferritin": 3840.0,
    "il6": 480.0,
    "d_dimer": 4.0,
    "fibrinogen": 250.0,
    "nfl": 34.6,
    "neutrophils": 0.9,
    "hemoglobin": 8.2,
}


def rows(values, collected=40.0, resulted=None):
    return [lab(0, key, value, collected, resulted) for key, value in values.items()]


def table(labs, *, hours=48.0, age=42.0, treatments=(), spec=SPEC, names=None):
    cohort = make_cohort(1, labs, treatments=treatments, patients={"age_years": [age]})
    return score_values(build_features(cohort, at((0, hours)), spec), names)


def one(result, name):
    return (
        float(result.values[name].iloc[0]),
        result.reasons[name].iloc[0],
        result.flags[name].iloc[0],
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("easix", 3.2630344058337934),  # log2(400 x 1.2 / 50) = log2(9.6)
        ("s_easix", 3.0),  # log2(400 / 50)
        ("m_easix", 6.584962500721156),  # log2(400 x 12 / 50) = log2(96): CRP 120 mg/L is 12 mg/dL
        ("d_dimer_fibrinogen", -5.965784284662087),  # log2(4 / 250)
        ("il6_crp", 2.0),  # log2(480 / 120)
        ("ferritin_crp", 5.0),  # log2(3840 / 120)
        ("nfl_age_z", 3.692867951399863),  # 1.96 + ln(34.6 / 17.3) / 0.4
    ],
)
def test_values_by_hand(name, expected):
    value, reason, _ = one(table(rows(ORDINARY)), name)
    assert value == pytest.approx(expected, abs=1e-9)
    assert reason == ""


@pytest.mark.parametrize(
    ("changed", "points"),
    [
        ({}, 2 + 1 + 1 + 1 + 2),
        ({"platelets": 75.0}, 1 + 1 + 1 + 1 + 2),
        ({"platelets": 175.0}, 1 + 1 + 1 + 1 + 2),
        ({"platelets": 176.0}, 0 + 1 + 1 + 1 + 2),
        ({"platelets": 74.0}, 2 + 1 + 1 + 1 + 2),
        ({"neutrophils": 1.2}, 2 + 0 + 1 + 1 + 2),
        ({"hemoglobin": 9.0}, 2 + 1 + 0 + 1 + 2),
        ({"crp": 30.0}, 2 + 1 + 1 + 0 + 2),
        ({"crp": 31.0}, 2 + 1 + 1 + 1 + 2),
        ({"ferritin": 2000.0}, 2 + 1 + 1 + 1 + 1),
        ({"ferritin": 650.0}, 2 + 1 + 1 + 1 + 1),
        ({"ferritin": 649.0}, 2 + 1 + 1 + 1 + 0),
        ({"platelets": 200, "neutrophils": 4, "hemoglobin": 12, "crp": 4, "ferritin": 200}, 0),
    ],
)
def test_car_hematotox_points(changed, points):
    before = rows({**ORDINARY, **changed}, collected=-20.0)
    assert one(table(before), "car_hematotox") == (points, "", "")


def test_scores_before_the_infusion_take_values_before_it():
    values = {"ldh": 400.0, "creatinine": 1.0, "platelets": 15.0}
    result = table([*rows(values, collected=-30.0), *rows(ORDINARY)])
    assert one(result, "easix_pre")[0] == pytest.approx(np.log2(400 / 15), abs=1e-9)
    assert one(result, "easix_pre_high")[0] == 1.0  # 4.74 is above 4.67
    lower = table(rows({**values, "platelets": 16.0}, collected=-30.0))
    assert one(lower, "easix_pre_high")[0] == 0.0  # 4.64
    missing = table(rows(ORDINARY))
    for name in ("easix_pre", "easix_pre_high", "car_hematotox"):
        value, reason, _ = one(missing, name)
        assert np.isnan(value)
        assert reason.endswith("not measured before time zero")


# ---- units ---------------------------------------------------------------------------------------


def test_crp_enters_modified_easix_in_mg_per_dl_and_nothing_else():
    result = table(rows(ORDINARY))
    wrong = np.log2(400 * 120 / 50)
    assert one(result, "m_easix")[0] == pytest.approx(wrong - np.log2(10), abs=1e-9)
    assert unit_factor(dictionary()["crp"], "mg/dL") == pytest.approx(0.1)
    with pytest.raises(ValueError, match="cannot be converted"):
        unit_factor(dictionary()["crp"], "U/L")


# ---- missing, stale, limits ----------------------------------------------------------------------


@pytest.mark.parametrize(("name", "gone"), [("easix", "creatinine"), ("nfl_age_z", "nfl")])
def test_a_missing_input_gives_a_reason(name, gone):
    result = table(rows({key: value for key, value in ORDINARY.items() if key != gone}))
    value, reason, flag = one(result, name)
    assert np.isnan(value)
    assert (reason, flag) == (f"{dictionary()[gone].short} not measured", "")


def test_a_stale_input_gives_a_reason():
    fresh = {key: value for key, value in ORDINARY.items() if key != "platelets"}
    labs = [*rows(fresh, collected=60.0), lab(0, "platelets", 50.0, 12.0)]
    assert one(table(labs, hours=60.01), "easix")[1] == "Platelets older than 48 h"
    labs[-1] = lab(0, "platelets", 50.0, 12.5)
    assert one(table(labs, hours=60.5), "easix")[1] == ""


def test_an_analyte_or_age_nobody_has_gives_a_reason():
    spec = make_spec(analytes=("ldh", "platelets", "nfl"), host=())
    result = table(rows(ORDINARY), spec=spec)
    assert one(result, "easix")[1] == "Creatinine not measured in this cohort"
    assert one(result, "nfl_age_z")[1] == "age not known"
    assert one(result, "s_easix")[1] == ""
    assert one(table(rows(ORDINARY), age=8.0), "nfl_age_z")[1] == ""


@pytest.mark.parametrize("count", [0.0, 0.4, 1.0])
def test_platelets_below_one_are_floored_and_flagged(count):
    value, reason, flag = one(table(rows({**ORDINARY, "platelets": count})), "easix")
    assert value == pytest.approx(np.log2(400 * 1.2))
    assert reason == ""
    assert flag == "Platelets counted as 1 10*9/L, its floor"


def test_a_value_at_its_limit_is_flagged():
    labs = [*rows(ORDINARY), lab(0, "ldh", 2500.0, 44.0, side=1)]
    assert one(table(labs), "s_easix")[2] == "LDH at a detection limit"


def test_il6_over_crp_is_not_computed_after_receptor_blockade():
    result = table(rows(ORDINARY), treatments=[(0, "tocilizumab", 30.0)])
    value, reason, _ = one(result, "il6_crp")
    assert np.isnan(value)
    assert reason == "not comparable after il6 receptor blocker"
    later = table(rows(ORDINARY), treatments=[(0, "tocilizumab", 48.0)])
    assert one(later, "il6_crp")[1] == ""


def test_what_was_resulted_at_the_landmark_is_invisible():
    early, late = {**ORDINARY}, {key: 3 * value for key, value in ORDINARY.items()}
    alone = table(rows(early))
    both = table([*rows(early), *rows(late, collected=45.0, resulted=48.0)])
    np.testing.assert_array_equal(alone.values, both.values)
    seen = table([*rows(early), *rows(late, collected=45.0, resulted=47.99)])
    assert one(seen, "easix")[0] != one(alone, "easix")[0]


def test_limits_by_age_are_those_of_the_bands():
    ages = np.array([22.0, 42.0, 47.0, 52.0, 62.0, 72.0, 87.0, 95.0, 12.0])
    limits = upper_limit_of_age(dictionary()["nfl"], ages)
    expected = [10.4, 17.3, 19.7, 22.4, 28.8, 37.1, 54.3, 54.3, 8.8]
    np.testing.assert_allclose(limits, expected)


# ---- the data file -------------------------------------------------------------------------------


# ---- features of the model -----------------------------------------------------------------------


def configured(chosen):
    return Config.model_validate({**make_config().model_dump(), "features": {"scores": chosen}})


def test_scores_are_off_unless_the_settings_name_them():
    cohort = make_cohort(1, rows(ORDINARY), patients={"age_years": [42.0]})
    assert learn_spec(cohort, make_config(), {}).scores == ()
    assert learn_spec(cohort, configured("all"), {}).scores == tuple(scores())
    with pytest.raises(UsageError, match=r"unknown score hscore; .*easix"):
        learn_spec(cohort, configured(("hscore",)), {})
    partly = make_cohort(1, rows({"ldh": 300.0, "platelets": 20.0}))
    assert learn_spec(partly, configured("all"), {}).scores == ("s_easix",)


def test_scores_become_columns_with_names_players_and_pathways():
    spec = replace(SPEC, scores=("m_easix", "easix_pre", "nfl_age_z"))
    assert spec_from_dict(spec.to_dict()) == spec
    cohort = make_cohort(1, rows(ORDINARY), patients={"age_years": [42.0]})
    matrix = build_features(cohort, at((0, 48.0)), spec)
    assert matrix.metas == feature_metas(spec)
    chosen = [meta for meta in matrix.metas if meta.group == GROUP]
    assert [meta.name for meta in chosen] == [
        "score_m_easix__last", "score_easix_pre__baseline", "score_nfl_age_z__last",
    ]  # fmt: skip
    assert parse_name(chosen[0].name) == ("score_m_easix", "last", None)
    assert [meta.player for meta in chosen] == [meta.subject for meta in chosen]
    assert chosen[0].pathway == "coagulation_endothelium"
    assert chosen[0].words.startswith("Modified EASIX (LDH, CRP, Platelets): log2(LDH x CRP")
    value = matrix.column("score_m_easix__last")[0]
    assert value == pytest.approx(np.log2(96))
    assert feature_sentence(chosen[0], value) == "Modified EASIX (LDH, CRP, Platelets) is 96"
    assert feature_sentence(chosen[1], np.nan).endswith("before time zero not known")
    assert feature_sentence(chosen[2], 2.0) == "NfL for age (NfL) is 2"
    plain = build_features(cohort, at((0, 48.0)), SPEC)
    np.testing.assert_array_equal(plain.values, matrix.values[:, : plain.values.shape[1]])


def test_members_take_scores_with_their_direction():
    spec = replace(SPEC, scores=("m_easix", "car_hematotox"))
    metas, config = feature_metas(spec), make_config().model
    design = labs_design("crs", spec, metas, config, with_state=True)
    sign = dict(zip(design.columns, design.sign, strict=True))
    assert sign["score_m_easix__last"] == 1
    assert sign["score_car_hematotox__baseline"] == 0
    names, signs = booster_columns("crs", spec, metas, config, with_state=False)
    assert signs[names.index("score_m_easix__last")] == 1


def test_explanations_name_a_score_by_its_parts(explained_scores):
    matrix, result = explained_scores
    assert "score_ferritin_crp" in result.players
    total = result.points.sum(axis=2)
    np.testing.assert_allclose(total, 100 * (result.risk - result.reference_risk), atol=1e-9)
    number = result.players.index("score_ferritin_crp")
    assert np.abs(result.points[:, :, number]).max() > 0
    absent = np.isnan(matrix.column("score_ferritin_crp__last"))
    assert absent.any()
    assert (result.points[absent][:, :, number] == 0).all()
    labels = _labels("score_ferritin_crp", matrix.frame(), {})
    assert labels[0] == "Ferritin over CRP (Ferritin, CRP)"


@pytest.fixture(scope="module")
def explained_scores():
    cohort = course_cohort(n_patients=60, seed=3)
    fitted = fit(cohort, bootstrap=0, scores=("ferritin_crp",))
    at_risk = fitted.targets.at_risk[:, fitted.targets.thresholds.index(3)]
    background = learn_background(
        fitted.matrix, at_risk, fitted.targets.patient, fitted.model.columns
    )
    value = fitted.matrix.column("score_ferritin_crp__last")
    chosen = np.r_[
        np.flatnonzero(at_risk & ~np.isnan(value))[:4],
        np.flatnonzero(at_risk & np.isnan(value))[:2],
    ]
    matrix = fitted.matrix.take(chosen)
    return matrix, contributions(fitted.model, matrix, 3, (24.0, 72.0), background)


def test_an_analyte_in_a_unit_of_its_own_is_refused():
    own = replace(dictionary()["crp"], unit="arbitrary", local=True)
    analytes = tuple(own if item.key == "crp" else item for item in SPEC.analytes)
    result = table(rows(ORDINARY), spec=replace(SPEC, analytes=analytes))
    value, reason, _ = one(result, "m_easix")
    assert np.isnan(value)
    assert reason == "CRP is in 'log2(arbitrary)', not in mg/L"
    assert one(result, "easix")[1] == ""
