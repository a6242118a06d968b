"""Contributions against the model itself: brute force with real rows, sums, axioms and shap."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from pipeline.explain.coalitions import Switchboard
from pipeline.explain.contributions import _prototypes, contributions
from pipeline.explain.game import Effort, owen_values
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.background import Background, Prototypes
from pipeline.model.calibration import Calibration, identity
from pipeline.model.stacked_rows import query
from tests.explain.conftest import THRESHOLD

HORIZONS = (24.0, 72.0, 168.0)


def explain(explained, matrix=None, background=None, effort=None):
    return contributions(
        explained.model,
        explained.matrix if matrix is None else matrix,
        THRESHOLD,
        HORIZONS,
        background or explained.background,
        effort,
    )


def opponents(explained, row):
    patient = explained.matrix.take(np.array([row]))
    known = bool(explained.model.state_known(patient)[0])
    grade = explained.model.grade if known else None
    others, weight = _prototypes(patient, explained.background, grade)
    return patient, others, weight, explained.model.variant_of(known)


def brute_risk(explained, players, row, coalition):
    """Worth of a coalition by running the model on rows put together column by column."""
    patient, others, weight, variant = opponents(explained, row)
    values = others.values.copy()
    for number, meta in enumerate(patient.metas):
        own = [n for n, m in enumerate(patient.metas) if m.player == meta.player]
        lacking = (
            meta.group == "analyte"
            and np.isnan(
                [patient.values[0, n] for n in own if patient.metas[n].group == "analyte"]
            ).all()
        )
        player = "measurement" if lacking else meta.player
        if coalition[players.index(player)] or meta.name == "time__hours":
            values[:, number] = patient.values[0, number]
    rows = FeatureMatrix(values, patient.metas, others.landmarks)
    asked = query(len(values), HORIZONS, THRESHOLD)
    risk = variant.risk(rows, asked).reshape(len(values), -1)
    return (weight / weight.sum()) @ risk


def test_points_sum_to_risk_minus_reference_and_the_risk_is_the_displayed_one(explained):
    result = explain(explained)
    total = result.points.sum(axis=2) / 100
    np.testing.assert_allclose(total, result.risk - result.reference_risk, atol=1e-11)
    shown = explained.model.risk(explained.matrix, THRESHOLD, HORIZONS)
    np.testing.assert_allclose(result.risk, shown, atol=1e-14)
    assert np.abs(result.points).max() > 1.0
    assert not result.error.any()


def test_the_reference_is_the_mean_risk_of_the_background(explained):
    result = explain(explained)
    for row in range(len(explained.matrix.values)):
        nobody = np.zeros(len(result.players), dtype=bool)
        expected = brute_risk(explained, result.players, row, nobody)
        np.testing.assert_allclose(result.reference_risk[row], expected, atol=1e-6)


@pytest.mark.parametrize("row", [0, 3, 5])
def test_points_equal_brute_force_over_rows_put_together(explained, row):
    result = explain(explained)
    names = list(dict.fromkeys(result.pathways))
    union_of = [names.index(pathway) for pathway in result.pathways]
    every = np.array(list(product([False, True], repeat=len(result.players))))
    worth = {item.tobytes(): brute_risk(explained, result.players, row, item) for item in every}

    def value(coalitions):
        return np.array([worth[np.ascontiguousarray(item).tobytes()] for item in coalitions])

    expected = owen_values(value, union_of, Effort()).points
    np.testing.assert_allclose(result.points[row], 100 * expected.T, atol=1e-4)


def test_sampling_changes_points_within_their_error_but_no_sum(explained):
    exact, sampled = explain(explained), explain(explained, effort=Effort(budget=4, pairs=30))
    assert sampled.error.max() > 0
    gap = sampled.points - exact.points
    assert np.abs(gap).max() < max(6 * sampled.error.max(), 1.0)
    np.testing.assert_allclose(gap.sum(axis=2), 0.0, atol=1e-9)


def test_players_like_the_background_get_exactly_nothing(explained):
    """A background of one prototype, from which a patient differs in CRP only."""
    patient = explained.matrix.take(np.array([0]))
    columns = tuple(patient.names)
    values = patient.values.copy()
    for number, meta in enumerate(patient.metas):
        if meta.player == "crp":
            values[:, number] += 2.0
    day = int(patient.landmarks["hours"].iloc[0] // 24)
    background = Background(columns, {day: Prototypes(np.array([5.0]), values)})
    result = explain(explained, patient, background)
    crp = result.players.index("crp")
    assert np.abs(result.points[0, :, crp]).min() > 0
    assert not np.delete(result.points, crp, axis=2).any()


def test_an_analyte_without_results_counts_as_measurement(explained):
    values = explained.matrix.values.copy()
    for number, meta in enumerate(explained.matrix.metas):
        if meta.subject == "crp":
            values[:, number] = 0.0 if meta.statistic in ("ever_measured", "count") else np.nan
    lacking = replace(explained.matrix, values=values)
    result = explain(explained, lacking)
    assert not result.points[:, :, result.players.index("crp")].any()
    assert result.points[:, :, result.players.index("measurement")].any()


def test_without_a_known_grade_the_clinical_state_gets_nothing(explained):
    result = explain(explained)
    unknown = ~explained.model.state_known(explained.matrix)
    state = result.players.index("clinical_state")
    assert unknown.any()
    assert not result.points[unknown][:, :, state].any()
    assert result.points[~unknown][:, :, state].any()


def own_column_players(matrix):
    """The same landmarks with every column as a player of its own."""
    metas = tuple(
        replace(meta, player=meta.name, group="host_product", pathway=meta.name)
        for meta in matrix.metas
    )
    return replace(matrix, metas=metas)


def column_values(explained, row, variant):
    """Shapley values in log-odds of every column, from the terms in closed form."""
    patient, others, _, _ = opponents(explained, row)
    patient, others = own_column_players(patient), own_column_players(others)
    names = (*patient.names, "measurement", "clinical_state")
    board = Switchboard(variant, patient.metas, names, THRESHOLD, HORIZONS)
    # shap does not weight its background
    game = board.game(patient, others, np.ones(len(others.values)))
    share = (game.terms @ game.weight) / game.subsets.sum(axis=1)[:, None]
    return patient, others, game.subsets.T.astype(float) @ share


def test_booster_terms_equal_interventional_tree_shap(explained):
    shap = pytest.importorskip("shap")
    booster = explained.model.no_state.boosters[0]
    alone = replace(
        explained.model.no_state,
        linear=(),
        calibration=identity(HORIZONS, (THRESHOLD,)),
    )
    for row in (0, 5):
        patient, others, found = column_values(explained, row, alone)
        for number, horizon in enumerate(HORIZONS):
            own = booster.inputs(patient, query(1, (horizon,), THRESHOLD))
            rows = booster.inputs(others, query(len(others.values), (horizon,), THRESHOLD))
            explainer = shap.TreeExplainer(booster.booster, rows, model_output="raw")
            values = explainer.shap_values(own, check_additivity=False)[0]
            for column, name in enumerate(booster.columns):
                mine = found[patient.names.index(name), number]
                assert mine == pytest.approx(values[column], abs=1e-5), name
            assert np.abs(values).max() > 0.05


def test_linear_terms_equal_linear_shap(explained):
    shap = pytest.importorskip("shap")
    member = next(m for m in explained.model.no_state.linear if m.name == "labs")
    alone = replace(
        explained.model.no_state,
        linear=(member,),
        boosters=(),
        calibration=identity(HORIZONS, (THRESHOLD,)),
    )
    patient, others, found = column_values(explained, 0, alone)
    size = len(member.design.columns)
    explainer = shap.LinearExplainer(
        (member.coefficients[0, :size], 0.0), member._standardised(others)
    )
    values = explainer.shap_values(member._standardised(patient))[0]
    for column, name in enumerate(member.design.columns):
        mine = found[patient.names.index(name)]
        np.testing.assert_allclose(mine, values[column], atol=1e-10)
    assert np.abs(values).max() > 0.05


@pytest.mark.parametrize("kind", ["bent", "updated", "prior"])
def test_points_sum_to_the_risk_of_a_calibration_with_a_slope_per_horizon(explained, kind):
    steps = np.array([0.1, 0.2]), np.zeros(0), HORIZONS, (THRESHOLD,)
    line = Calibration(0.2, 1.3, *steps, deviation=np.array([0.4, 0.0, -0.5]), centre=-4.0)
    bent = replace(explained.model.no_state, calibration=line)
    if kind == "updated":
        bent = replace(bent, update=replace(line, intercept=-0.5))
    if kind == "prior":
        bent = replace(explained.model.no_state, prior=bent)
    model = replace(explained.model, state=None, grade=None, no_state=bent)
    result = explain(replace(explained, model=model))
    shown = model.risk(explained.matrix, THRESHOLD, HORIZONS)
    everyone = query(len(shown), HORIZONS, THRESHOLD)
    unordered = model.no_state.unordered(explained.matrix, everyone).reshape(shown.shape)
    assert (np.diff(unordered, axis=1) < 0).any()
    assert (np.diff(shown, axis=1) >= 0).all()
    np.testing.assert_allclose(result.risk, shown, atol=1e-6)
    total = 100 * (result.risk - result.reference_risk)
    np.testing.assert_allclose(result.points.sum(axis=2), total, atol=1e-9)
    low, high = model.interval(explained.matrix, THRESHOLD, HORIZONS, 0.8)
    assert ((low <= shown) & (shown <= high)).all()
    one = contributions(model, explained.matrix, THRESHOLD, (100.0,), explained.background)
    between = model.risk(explained.matrix, THRESHOLD, (100.0,))
    np.testing.assert_allclose(one.risk, between, atol=1e-6)
    assert ((shown[:, 1:2] <= between) & (between <= shown[:, 2:])).all()


def test_mean_log_odds_are_those_of_the_members(explained):
    patient, others, weight, variant = opponents(explained, 0)
    players = (*dict.fromkeys(meta.player for meta in patient.metas), "measurement")
    game = Switchboard(variant, patient.metas, players, THRESHOLD, HORIZONS).game(
        patient, others, weight
    )
    nobody = np.zeros((1, len(players)), dtype=bool)
    asked = query(len(others.values), HORIZONS, THRESHOLD)
    expected = variant.calibration.log_odds(variant.blend(others, asked), asked)
    expected = expected.reshape(len(others.values), -1)
    np.testing.assert_allclose(
        game.mean_log_odds(nobody)[0], (weight / weight.sum()) @ expected, atol=1e-5
    )
