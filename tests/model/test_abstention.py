"""Abstention: each reason alone, and the first one if several apply."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import PredictConfig
from pipeline.features.build import build_features
from pipeline.model.abstention import (
    FAR,
    FEW_LABS,
    LATE,
    NO_LAB,
    PRODUCT,
    TrainingSupport,
    abstention_codes,
    analyte_ages,
    mostly_rejected_reason,
    mostly_rejected_reasons,
    out_of_range,
    support_from_rows,
    without_lab,
)
from tests.builders import at, lab, make_cohort, make_spec
from tests.exported import lab_rows, score, write_table

KEYS = ("crp", "ferritin", "il6")
RULE = PredictConfig(min_analytes=2, newest_lab_hours=24.0, max_out_of_range_share=0.5)
SUPPORT = TrainingSupport(
    KEYS, {f"{key}__last": (0.0, 10.0) for key in KEYS}, last_day=5.0, products={"axi-cel": 20}
)


def matrix_of(labs, hours=48.0, patients=1):
    cohort = make_cohort(patients, labs)
    landmarks = at(*[(number, hours) for number in range(patients)])
    return build_features(cohort, landmarks, make_spec(analytes=KEYS, scales=(), drugs=()))


def code(labs, hours=48.0, product=None, rule=RULE):
    abstentions = abstention_codes(matrix_of(labs, hours), product, SUPPORT, rule)
    assert bool(abstentions.code[0]) == bool(abstentions.sentence[0])
    return abstentions.code[0]


TWO = [lab(0, "crp", 20.0, 40.0), lab(0, "ferritin", 500.0, 40.0)]


def test_enough_recent_results_within_the_range_give_an_estimate():
    assert code(TWO) == ""


@pytest.mark.parametrize(
    ("labs", "expected"),
    [
        ([], NO_LAB),
        (TWO[:1], FEW_LABS),
        ([*TWO[:1], lab(0, "ferritin", 500.0, 23.9)], FEW_LABS),
        ([*TWO[:1], lab(0, "ferritin", 500.0, 24.0)], ""),
        ([*TWO[:1], lab(0, "ferritin", 500.0, 40.0, 48.0)], FEW_LABS),
    ],
    ids=["never", "one", "too old", "just recent", "not yet resulted"],
)
def test_results_count_while_they_are_recent_and_visible(labs, expected):
    assert code(labs) == expected


def test_from_two_days_after_training_ended_no_estimate_is_given_whatever_was_measured():
    def measured_at(hour):
        return [lab(0, key, 20.0, hour - 1.0) for key in KEYS]

    assert code(measured_at(7 * 24.0), 7 * 24.0) == ""
    assert code(measured_at(7 * 24.0 + 1), 7 * 24.0 + 1) == LATE
    assert code([], 7 * 24.0 + 1) == LATE


@pytest.mark.parametrize(
    ("product", "least", "expected"),
    [
        ("axi-cel", 20, ""),
        ("axi-cel", 21, PRODUCT),
        ("other", 0, PRODUCT),
        (None, 20, ""),
    ],
)
def test_a_product_must_have_been_seen_in_enough_patients(product, least, expected):
    rule = RULE.model_copy(update={"min_product_patients": least})
    assert code(TWO, product=pd.Series([product], dtype="str"), rule=rule) == expected


def test_a_cohort_without_products_bars_no_product():
    support = TrainingSupport(KEYS, SUPPORT.ranges, 5.0, {})
    abstentions = abstention_codes(matrix_of(TWO), pd.Series(["other"], dtype="str"), support, RULE)
    assert abstentions.code[0] == ""


def test_most_analytes_outside_the_range_are_too_far_and_half_are_not():
    high = lab(0, "crp", 2.0**11, 40.0)
    assert code([high, TWO[1]]) == ""
    assert code([high, lab(0, "ferritin", 2.0**11, 40.0)]) == FAR
    assert code([high, lab(0, "ferritin", 2.0**11, 40.0), lab(0, "il6", 20.0, 40.0)]) == FAR


def test_a_result_below_its_limit_is_not_unusually_low():
    support = TrainingSupport(KEYS, {f"{key}__last": (5.0, 10.0) for key in KEYS}, 5.0, {})
    low = matrix_of([lab(0, "crp", 1.0, 40.0), lab(0, "ferritin", 1.0, 40.0, side=-1)])
    assert out_of_range(low, support)[0].tolist() == [True, False, False]


@settings(deadline=None, max_examples=20)
@given(collected=st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 47)), max_size=8))
def test_ages_are_hours_since_the_newest_sample_of_each_analyte(collected):
    matrix = matrix_of([lab(0, key, 3.0, float(hour)) for key, hour in collected])
    keys, ages = analyte_ages(matrix)
    naive = {key: [48.0 - hour for name, hour in collected if name == key] for key in KEYS}
    expected = [min(naive[key], default=np.nan) for key in keys]
    np.testing.assert_allclose(ages[0], expected)
    assert without_lab(matrix)[0] == (not collected)


def test_training_landmarks_support_themselves():
    labs = [lab(who, key, 9.0 + who, 40.0) for who in range(24) for key in KEYS]
    matrix = matrix_of(labs, patients=24)
    products = pd.Series(["a"] * 20 + ["b"] * 4, dtype="str")
    support = support_from_rows(matrix, KEYS, products)
    assert (support.last_day, support.products) == (2.0, {"a": 20})
    assert not out_of_range(matrix, support)[1:23].any()
    abstentions = abstention_codes(matrix, products, support, RULE)
    assert abstentions.code.tolist()[1:] == [""] * 19 + [PRODUCT] * 4


@given(refused=st.integers(0, 30), accepted=st.integers(0, 30))
def test_most_results_rejected_by_number_and_by_share(refused, accepted):
    rule = PredictConfig()
    barred = refused >= rule.min_refused_results and refused > rule.max_refused_share * (
        refused + accepted
    )
    assert bool(mostly_rejected_reason(refused, accepted, rule)) == barred


def test_rejected_results_are_counted_per_patient_from_the_files(tmp_path):
    bad = [("crp", "soon", "mg/L", hour, hour) for hour in range(1, 9)]
    read = score(write_table(tmp_path / "labs.csv", lab_rows(*bad, ("il6", 5, "pg/mL", 1, 2))))
    sentences = mostly_rejected_reasons(["A", "other"], read, PredictConfig())
    assert "(8 of 9)" in sentences[0]
    assert sentences[1] == ""
