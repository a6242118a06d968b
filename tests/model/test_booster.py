"""The booster member keeps the sign of an analyte."""

import numpy as np
import pytest

from pipeline.features.build import build_features
from pipeline.model.booster import fit_booster, load_booster
from pipeline.model.logistic import sigmoid
from pipeline.model.stacked_rows import query
from tests.builders import at, lab, make_cohort, make_config, make_spec
from tests.model.test_calibration import rows_of


@pytest.mark.parametrize("sign", [1, -1])
def test_the_booster_keeps_the_sign_of_an_analyte(sign):
    random = np.random.default_rng(0)
    value = np.exp(random.normal(2, 1, 200))
    cohort = make_cohort(200, [lab(number, "crp", value[number], 10.0) for number in range(200)])
    matrix = build_features(cohort, at(*[(number, 24.0) for number in range(200)]), make_spec())
    label = (random.random(200) < sigmoid(np.log(value) - 2)).astype(float)
    rows = rows_of(label, np.full(200, 24.0))
    config = make_config(booster_min_child_weight=1.0).model
    member = fit_booster("booster", ("crp__last",), (sign,), None, matrix, rows, config, seed=0)
    log_odds = member.log_odds(matrix, query(200, (24.0,), 3))
    change = np.diff(log_odds[np.argsort(value)]) * sign
    assert (change >= -1e-6).all()
    assert (log_odds.max() - log_odds.min() > 0.1) == (sign == 1)


def trained(n=120, refits=0):
    random = np.random.default_rng(5)
    value = np.exp(random.normal(2, 1, n))
    labs = [lab(who, "crp", value[who], 10.0) for who in range(n)]
    grades = [(who, "crs", who % 3, 20.0) for who in range(n)]
    matrix = build_features(
        make_cohort(n, labs, grades), at(*[(who, 24.0) for who in range(n)]), make_spec()
    )
    label = (random.random(n) < sigmoid(np.log(value) - 2)).astype(float)
    often = random.multinomial(n, np.full(n, 1 / n), size=refits).astype(float)
    member = fit_booster(
        "booster",
        ("crp__last", "time__hours"),
        (1, 0),
        "state_crs__grade",
        matrix,
        rows_of(label, np.full(n, 24.0)),
        make_config(booster_min_child_weight=1.0).model,
        seed=1,
        resample=often if refits else None,
    )
    return member, matrix


def test_a_booster_and_its_refits_come_back_from_their_files(tmp_path):
    member, matrix = trained(refits=2)
    member.save(tmp_path / "crs_0.ubj")
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    again = load_booster(member.to_dict(), "crs_0.ubj", files)
    rows = query(len(matrix.values), (24.0, 72.0), 3)
    np.testing.assert_array_equal(
        again.all_log_odds(matrix, rows, 4), member.all_log_odds(matrix, rows, 4)
    )
    assert len(list(tmp_path.iterdir())) == 3


def test_trees_read_the_columns_then_horizon_threshold_and_distance_to_the_grade():
    member, matrix = trained()
    rows = query(len(matrix.values), (48.0,), 3)
    inputs = member.inputs(matrix, rows)
    expected = np.column_stack(
        [
            matrix.column("crp__last"),
            matrix.column("time__hours"),
            np.full(len(matrix.values), np.log(48.0)),
            np.full(len(matrix.values), 3.0),
            3.0 - matrix.column("state_crs__grade"),
        ]
    )
    np.testing.assert_allclose(inputs, expected, rtol=1e-6)


def test_a_longer_horizon_never_lowers_and_a_higher_threshold_never_raises_the_log_odds():
    member, matrix = trained()
    n = len(matrix.values)
    near, far = (member.log_odds(matrix, query(n, (hours,), 3)) for hours in (24.0, 168.0))
    low, high = (member.log_odds(matrix, query(n, (24.0,), grade)) for grade in (1, 3))
    assert (far >= near - 1e-6).all()
    assert (high <= low + 1e-6).all()
