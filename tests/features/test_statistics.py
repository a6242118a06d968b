"""Values of statistics agree with their declared unit, scale and selection."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.features.series import series_features, series_meta
from pipeline.features.statistics import (
    BY_NAME,
    DEFAULT,
    MEASUREMENT,
    PLAIN,
    REQUIRED,
    SIGNED,
    STATISTICS,
    WINDOWED,
    select_statistics,
)
from tests.builders import at, lab, make_cohort, make_spec

SPEC = make_spec(("albumin", "crp"), windows=(24.0, 72.0), statistics=tuple(BY_NAME))


def made_series(seed=0, patients=120):
    """Results (value, hour, side) per patient: few and many, before and after time zero."""
    random = np.random.default_rng(seed)
    for patient in range(patients):
        count = int(random.integers(1, 2 + patient % 12))
        hours = random.choice(np.arange(-48.0, 72.0), count, replace=False)
        values = random.integers(1, 65, count).astype(float)
        sides = random.choice([-1, 0, 0, 0, 1], count)
        yield list(zip(values.tolist(), hours.tolist(), sides.tolist(), strict=True))


SERIES = list(made_series())


def by_statistic(series, analyte, *, factor=1.0, late=0.0):
    """Statistic to its values per patient, without and in each window."""
    labs = [
        lab(patient, analyte, factor * value, hour + late, side=side)
        for patient, points in enumerate(series)
        for value, hour, side in points
    ]
    landmarks = at(*[(patient, 72.0 + late) for patient in range(len(series))])
    values = series_features(make_cohort(len(series), labs), landmarks, SPEC)
    metas = series_meta(SPEC)
    return {
        name: np.stack(
            [
                values[:, number]
                for number, meta in enumerate(metas)
                if (meta.analyte, meta.statistic) == (analyte, name)
            ],
            axis=1,
        )
        for name in BY_NAME
    }


@pytest.fixture(scope="module")
def linear():
    return by_statistic(SERIES, "albumin")


def alike(one, other, name):
    np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_made_series_give_every_statistic_several_values(linear, name):
    if name == "last_under_drug":  # no drug is given here
        assert not linear[name].any()
    else:
        assert len(np.unique(linear[name][~np.isnan(linear[name])])) > 1 or name == "ever_measured"


def test_values_twice_as_large_change_each_statistic_as_its_kind_says(linear):
    twice = by_statistic(SERIES, "albumin", factor=2.0)
    for name, values in linear.items():
        scaled = BY_NAME[name].kind in ("level", "change", "rate")
        alike(twice[name], (2.0 if scaled else 1.0) * values, name)


@pytest.mark.parametrize("analyte", ["albumin", "crp"])
def test_a_ratio_is_a_log2_on_either_scale(analyte):
    values = by_statistic([[(2.0, -5.0, 0), (16.0, 5.0, 0)]], analyte)
    assert [name for name, item in BY_NAME.items() if item.kind == "ratio"] == ["fold_baseline"]
    assert values["fold_baseline"].tolist() == [[3.0]]


def test_on_the_log2_scale_only_levels_move_and_by_one():
    once = by_statistic(SERIES, "crp")
    twice = by_statistic(SERIES, "crp", factor=2.0)
    for name, values in once.items():
        alike(twice[name], values + (1.0 if BY_NAME[name].kind == "level" else 0.0), name)


def test_how_something_was_measured_does_not_depend_on_the_values(linear):
    flat = [[(7.0, hour, side) for _, hour, side in points] for points in SERIES]
    other = by_statistic(flat, "albumin")
    for name in MEASUREMENT:
        np.testing.assert_array_equal(other[name], linear[name], err_msg=name)
    assert not np.array_equal(other["last"], linear["last"])


def test_a_window_does_not_depend_on_when_time_zero_was(linear):
    later = by_statistic(SERIES, "albumin", late=6.0)
    for name in WINDOWED:
        alike(later[name], linear[name], name)
    assert not np.array_equal(later["first"], linear["first"], equal_nan=True)


def test_every_statistic_is_plain_or_windowed_and_has_a_formula():
    assert len(BY_NAME) == len(STATISTICS) == len(PLAIN) + len(WINDOWED)
    assert not set(PLAIN) & set(WINDOWED)
    assert all(item.formula for item in STATISTICS)
    values = by_statistic([[(3.0, 5.0, 0)]], "albumin")
    assert {name: table.shape[1] for name, table in values.items()} == {
        **dict.fromkeys(PLAIN, 1),
        **dict.fromkeys(WINDOWED, len(SPEC.windows_hours)),
    }


def test_a_direction_is_never_assumed_of_how_something_was_measured():
    assert not SIGNED & MEASUREMENT
    assert set(REQUIRED) < set(DEFAULT) < set(BY_NAME)


@given(names=st.lists(st.sampled_from(list(BY_NAME)), max_size=12))
def test_selected_statistics_are_the_named_and_required_in_the_order_of_columns(names):
    selected = select_statistics(names, "features.statistics")
    assert list(selected) == [item for item in BY_NAME if item in names or item in REQUIRED]
    assert select_statistics(selected, "features.statistics") == selected


def test_a_name_that_is_no_statistic_is_refused_with_the_setting():
    with pytest.raises(UsageError, match=r"features\.statistics .*: mode, wish;"):
        select_statistics(["wish", "peak", "mode"], "features.statistics")
