import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.limits import apply_limits, infer_limits


def labs(values, *, analyte="d_dimer", side=0, cancelled=False):
    return pd.DataFrame(
        {
            "analyte": pd.Series([analyte] * len(values), dtype="str"),
            "value": np.asarray(values, dtype=float),
            "side": np.full(len(values), side, dtype=np.int8),
            "cancelled": cancelled,
        }
    )


SPREAD = list(np.linspace(0.3, 20.0, 60))


def test_a_pile_at_the_top_is_a_silent_upper_limit():
    assert infer_limits(labs([*SPREAD, *[21.0] * 20])) == {"d_dimer": {"upper": 21.0}}


def test_a_pile_at_the_bottom_is_a_silent_lower_limit():
    assert infer_limits(labs([*SPREAD, *[0.19] * 20])) == {"d_dimer": {"lower": 0.19}}


def test_both_ends():
    table = pd.concat([labs([*SPREAD, *[21.0] * 9, *[0.19] * 9]), labs(SPREAD, analyte="crp")])
    assert infer_limits(table) == {"d_dimer": {"lower": 0.19, "upper": 21.0}}


@pytest.mark.parametrize(
    "table",
    [
        labs(SPREAD),
        labs([*SPREAD, *[21.0] * 7]),
        labs([*SPREAD, *[0.0] * 20]),
        labs([*SPREAD, *[10.0123] * 20]),
        labs([1.0] * 20 + [2.0] * 5),
        labs(np.repeat(np.arange(1, 30), 9)),
        labs([*SPREAD, *[21.0] * 20], side=1),
        labs([*SPREAD, *[21.0] * 20], cancelled=True),
        labs([]),
    ],
    ids=[
        "no pile",
        "few",
        "zero",
        "inside",
        "few distinct values",
        "ties everywhere",
        "already marked",
        "cancelled",
        "empty",
    ],
)
def test_no_limit_is_invented(table):
    assert infer_limits(table) == {}


def test_rare_extremes_of_a_large_table_are_no_limit():
    assert infer_limits(labs([*np.linspace(1, 20, 2000), *[21.0] * 10])) == {}


def test_limits_censor_exact_values_at_and_beyond_them():
    table = labs([0.1, 0.19, 5.0, 21.0, 30.0])
    marked = apply_limits(table, {"d_dimer": {"lower": 0.19, "upper": 21.0}})
    assert marked["value"].tolist() == [0.19, 0.19, 5.0, 21.0, 21.0]
    assert marked["side"].tolist() == [-1, -1, 0, 1, 1]
    assert marked["side"].dtype == np.int8


def test_limits_are_applied_as_learned_whatever_the_new_batch_holds():
    limits = infer_limits(labs([*SPREAD, *[21.0] * 20]))
    assert apply_limits(labs([21.0]), limits)["side"].tolist() == [1]
    assert apply_limits(labs([50.0] * 40), limits)["value"].unique().tolist() == [21.0]


def test_marked_rows_other_analytes_and_an_empty_table_stay_as_they_are():
    for table in (labs([0.1, 30.0], side=-1), labs([0.1, 30.0], analyte="crp"), labs([])):
        assert apply_limits(table, {"d_dimer": {"lower": 0.19, "upper": 21.0}}).equals(table)
        assert apply_limits(table, {}).equals(table)


def test_applying_twice_is_applying_once():
    limits = {"d_dimer": {"lower": 0.19, "upper": 21.0}}
    once = apply_limits(labs([0.1, 5.0, 30.0]), limits)
    assert apply_limits(once, limits).equals(once)


def test_applied_limits_are_not_found_again():
    table = labs([*SPREAD, *[21.0] * 20])
    assert infer_limits(apply_limits(table, infer_limits(table))) == {}
