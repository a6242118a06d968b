"""Drugs spoil, move or alter what is measured after them, and only after them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.features.build import build_features
from pipeline.features.drug_effects import drug_effects
from pipeline.features.statistics import BY_NAME
from pipeline.model.abstention import analyte_ages
from tests.builders import at, lab, make_cohort, make_spec

KEYS = ("il6", "crp", "il1ra", "ifn_gamma", "fibrinogen", "platelets")
SPEC = make_spec(
    KEYS,
    statistics=tuple(BY_NAME),
    effects=drug_effects(set(KEYS)),
    channels=("il6_post_il6r",),
    drugs=("corticosteroid", "il6_receptor_blocker"),
    treatment_statistics=(
        "given", "hours_since_last", "n_doses", "dex_mg", "prophylaxis", "therapy",
    ),
)  # fmt: skip


def features(labs, doses, *hours):
    cohort = make_cohort(1, labs, treatments=doses)
    return build_features(cohort, at(*[(0, hour) for hour in hours]), SPEC)


def test_il6_after_receptor_blockade_is_a_series_of_its_own():
    labs = [lab(0, "il6", 8.0, -5.0), lab(0, "il6", 16.0, 10.0), lab(0, "il6", 512.0, 30.0)]
    labs += [lab(0, "il6", 256.0, 40.0)]
    matrix = features(labs, [(0, "tocilizumab", 20.0), (0, "tocilizumab", 35.0)], 25.0, 48.0)
    np.testing.assert_equal(matrix.column("il6__last"), [4.0, 4.0])
    np.testing.assert_equal(matrix.column("il6__peak"), [4.0, 4.0])
    np.testing.assert_equal(matrix.column("il6_post_il6r__last"), [np.nan, 8.0])
    np.testing.assert_equal(matrix.column("il6_post_il6r__delta_72h"), [np.nan, -1.0])
    assert np.isnan(matrix.column("il6_post_il6r__fold_baseline")).all()
    assert matrix.column("il6_post_il6r__last_under_drug")[1] == 1.0
    players = {meta.player for meta in matrix.metas if meta.subject == "il6_post_il6r"}
    assert players == {"il6", "measurement"}
    keys, ages = analyte_ages(matrix)
    assert ages[1, keys.index("il6")] == 8.0
    assert len(keys) == len(KEYS)


def test_changes_do_not_straddle_a_dose():
    labs = [lab(0, "crp", 8.0, -5.0), lab(0, "crp", 64.0, 10.0), lab(0, "crp", 32.0, 18.0)]
    labs += [lab(0, "crp", 4.0, 44.0), lab(0, "crp", 2.0, 52.0)]
    matrix = features(labs, [(0, "tocilizumab", 20.0)], 20.0, 60.0)
    for name in ("delta_72h", "slope_72h", "robust_slope_72h", "sd_72h", "range_72h"):
        assert np.isnan(matrix.column(f"crp__{name}")).tolist() == [False, True], name
    for name in ("fold_baseline", "diff_baseline", "drop_from_peak"):
        assert np.isnan(matrix.column(f"crp__{name}")).tolist() == [False, True], name
    assert matrix.column("crp__delta_24h")[1] == -1.0
    assert matrix.column("crp__max_72h").tolist() == [6.0, 6.0]
    assert matrix.column("crp__last_under_drug").tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("drug", "analyte", "hours", "legal"),
    [
        ("anakinra", "il1ra", 72.0, True),
        ("emapalumab", "ifn_gamma", math.inf, False),
        ("siltuximab", "il6", 1440.0, False),
    ],
)
def test_results_that_read_the_drug_are_left_out_as_long_as_it_lasts(drug, analyte, hours, legal):
    labs = [lab(0, analyte, 64.0, t) for t in (5.0, 10.0, 30.0, 82.0, 82.5)]
    matrix = features(labs, [(0, drug, 10.0)], 100.0)
    assert matrix.column(f"{analyte}__draws")[0] == (3.0 if legal else 2.0)
    assert matrix.column(f"{analyte}__last")[0] == 6.0
    again = features(labs, [(0, drug, 10.0), (0, drug, 12.0)], 100.0)
    assert again.column(f"{analyte}__draws")[0] == 2.0


@pytest.mark.parametrize(
    ("drug", "analyte"),
    [
        ("cryoprecipitate", "fibrinogen"),
        ("fresh_frozen_plasma", "fibrinogen"),
        ("platelet_transfusion", "platelets"),
    ],
)
def test_what_was_infused_is_flagged_and_no_change_is_taken_across_it(drug, analyte):
    labs = [lab(0, analyte, 100.0, 5.0), lab(0, analyte, 160.0, 15.0), lab(0, analyte, 90.0, 25.0)]
    matrix = features(labs, [(0, drug, 10.0), (0, drug, 20.0)], 9.0, 18.0, 30.0)
    assert matrix.column(f"{analyte}__last_under_drug").tolist() == [0.0, 1.0, 1.0]
    assert np.isnan(matrix.column(f"{analyte}__delta_24h")[1:]).all()
    assert matrix.column(f"{analyte}__draws").tolist() == [1.0, 2.0, 3.0]


doses = st.lists(
    st.tuples(
        st.just(0),
        st.sampled_from(["tocilizumab", "anakinra", "siltuximab", "cryoprecipitate", "cryo"]),
        st.integers(-20, 120).map(float),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=30)
@given(
    before=doses,
    after=doses,
    hours=st.lists(st.integers(-20, 100).map(float), min_size=1, max_size=8, unique=True),
)
def test_a_dose_at_or_after_the_landmark_changes_no_bit(before, after, hours):
    labs = [lab(0, key, 5.0 + hour % 7, hour) for hour in hours for key in KEYS]
    moment = 60.0
    past = [dose for dose in before if dose[2] < moment]
    late = [(who, drug, moment + abs(hour)) for who, drug, hour in after]
    row = features(labs, past, moment).values
    np.testing.assert_array_equal(features(labs, [*late, *past], moment).values, row)
