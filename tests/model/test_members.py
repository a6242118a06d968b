"""Columns and signs of each member."""

from dataclasses import replace

import pytest

from pipeline.features.build import feature_metas
from pipeline.model.members import (
    booster_columns,
    grade_column,
    labs_design,
    reference_design,
    state_design,
)
from tests.builders import make_config, make_spec


@pytest.mark.parametrize(
    ("direction", "signs", "read"),
    [
        ({"crs": "up"}, True, {"peak"}),
        ({"crs": "down"}, True, {"nadir"}),
        ({"icans": "up"}, True, {"peak", "nadir"}),
        ({"crs": "up"}, False, {"peak", "nadir"}),
    ],
)
def test_the_linear_member_reads_the_feared_extreme_only(fitted, direction, signs, read):
    analyte, *others = fitted.plan.spec.analytes
    spec = replace(fitted.plan.spec, analytes=(replace(analyte, direction=direction), *others))
    config = fitted.plan.config.model_copy(update={"signs": signs})
    design = labs_design("crs", spec, fitted.matrix.metas, config, with_state=False)
    extremes = {f"{analyte.key}__{kind}" for kind in ("peak", "nadir")}
    assert extremes & set(design.columns) == {f"{analyte.key}__{kind}" for kind in read}


METAS = feature_metas(make_spec(analytes=("crp", "fibrinogen", "platelets")))
SPEC = make_spec(analytes=("crp", "fibrinogen", "platelets"))


@pytest.mark.parametrize("scale", ["crs", "icans"])
def test_signs_follow_the_dictionary_and_can_be_switched_off(scale):
    config = make_config().model
    design = labs_design(scale, SPEC, METAS, config, with_state=False)
    direction = {analyte.key: analyte.direction.get(scale) for analyte in SPEC.analytes}
    expected = {"up": 1, "down": -1, None: 0}
    for key in ("crp", "fibrinogen", "platelets"):
        sign = design.sign[design.columns.index(f"{key}__last")]
        assert sign == expected.get(direction[key], 0)
    unsigned = make_config(signs=False).model
    assert set(labs_design(scale, SPEC, METAS, unsigned, with_state=False).sign) == {0}
    assert set(booster_columns(scale, SPEC, METAS, unsigned, with_state=True)[1]) == {0}


def test_without_state_no_member_reads_a_grade():
    config = make_config().model
    labs = labs_design("crs", SPEC, METAS, config, with_state=False)
    names, signs = booster_columns("crs", SPEC, METAS, config, with_state=False)
    assert labs.grade is None
    assert not [name for name in (*labs.columns, *names) if name.startswith("state_")]
    assert len(names) == len(set(names)) == len(signs)
    with_state = booster_columns("crs", SPEC, METAS, config, with_state=True)[0]
    assert set(names) < set(with_state)
    assert [name for name in with_state if name.startswith("state_")]


def test_the_reference_reads_the_grades_that_are_charted_and_the_day():
    config = make_config().model
    assert reference_design("crs", SPEC, config).columns == ("state_crs__grade", "time__hours")
    icans = reference_design("icans", SPEC, config)
    assert {"state_icans__grade", "state_crs__grade", "time__hours"} <= set(icans.columns)
    assert icans.grade == grade_column("icans", SPEC) == "state_icans__grade"
    ungraded = reference_design("crs", make_spec(scales=()), config)
    assert (ungraded.columns, ungraded.grade) == (("time__hours",), None)


def test_every_column_of_a_design_has_a_penalty_and_a_sign():
    config = make_config().model
    designs = [
        reference_design("icans", SPEC, config),
        state_design("icans", SPEC, METAS, config),
        labs_design("icans", SPEC, METAS, config, with_state=True),
    ]
    known = {meta.name for meta in METAS}
    for design in designs:
        assert len(design.columns) == len(design.ridge) == len(design.sign)
        assert {name.rstrip("?") for name in design.columns} <= known
