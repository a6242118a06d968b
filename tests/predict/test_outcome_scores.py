"""One outcome of a batch: risks as the model gives them one by one, and what they are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.explain.explanation_rows import COLUMNS
from pipeline.explain.ranked_reasons import LEAST_POINTS
from pipeline.model.status import ABSTAINED, EVENT_PRESENT, OK, OutcomeStatuses
from pipeline.predict.outcome_scores import explain_outcome, score_outcome

NAMES = ("severe_crs", "icans", "severe_icans")


@pytest.fixture(scope="module")
def scored(mixed):
    return {name: score_outcome(mixed, name) for name in NAMES}


def abstaining(prepared, name):
    """The same batch with no estimate of an outcome."""
    statuses = prepared.statuses[name]
    none = OutcomeStatuses(np.full_like(statuses.status, ABSTAINED), statuses.reason)
    return replace(prepared, statuses={**prepared.statuses, name: none})


def test_the_batch_holds_estimates_abstentions_and_events(scored):
    seen = {status for each in scored.values() for status in each.statuses.status}
    assert {OK, ABSTAINED, EVENT_PRESENT} <= seen


@pytest.mark.parametrize("name", NAMES)
def test_each_estimate_is_the_risk_of_that_landmark_alone(mixed, scored, name):
    scores, outcome = scored[name], mixed.bundle.config.outcomes[name]
    model, level = mixed.bundle.models[outcome.scale], mixed.bundle.config.model.interval_level
    for row, landmark in enumerate(scores.landmarks):
        alone = mixed.matrix.take(np.array([landmark]))
        if scores.statuses.status[row] != OK:
            assert np.isnan([scores.risk[row], scores.low[row], scores.high[row]]).all()
            continue
        risk = model.risk(alone, outcome.threshold, scores.horizons)[0]
        low, high = model.interval(alone, outcome.threshold, scores.horizons, level)
        np.testing.assert_allclose(scores.risk[row], risk, rtol=1e-12)
        np.testing.assert_allclose(scores.low[row], low[0], rtol=1e-12)
        np.testing.assert_allclose(scores.high[row], high[0], rtol=1e-12)
    assert scores.horizons == model.horizons


def test_an_outcome_shown_after_another_has_the_landmarks_at_which_that_is_present(mixed, scored):
    after = mixed.bundle.config.outcomes["severe_icans"].shown_after
    present = [
        row for row, status in enumerate(mixed.statuses[after].status) if status == EVENT_PRESENT
    ]
    assert scored["severe_icans"].landmarks.tolist() == present
    for name in ("severe_crs", "icans"):
        assert scored[name].landmarks.tolist() == list(range(len(mixed.landmarks)))


@pytest.mark.parametrize("name", NAMES)
def test_the_base_rate_is_that_of_the_nearest_training_day(mixed, scored, name):
    scores, table = scored[name], mixed.bundle.reference.base_rates[name]
    for row, landmark in enumerate(scores.landmarks):
        day = mixed.landmarks["hours"].iloc[landmark] // 24
        for column, horizon in enumerate(scores.horizons):
            entry = min(table[f"{horizon:g}"], key=lambda item, day=day: abs(item["day"] - day))
            assert scores.base_rate[row, column] == entry["rate"]
            assert scores.base_rate_n[row, column] == entry["patients"]


@pytest.mark.parametrize("name", NAMES)
def test_contributions_add_up_to_the_estimate_at_every_landmark_and_horizon(mixed, scored, name):
    scores = scored[name]
    explained = explain_outcome(mixed, scores)
    estimated = scores.statuses.estimated()
    known = explained.reasons != ""
    rows = explained.table[explained.table["level"] == "analyte"]
    largest = rows["points"].abs().groupby([rows["patient_id"], rows["horizon_h"]]).max()
    for row in estimated:
        patient = mixed.patient_ids.iloc[scores.landmarks[row]]
        for column, horizon in enumerate(scores.horizons):
            shown = largest[patient, horizon] >= LEAST_POINTS  # a smaller one is no reason
            assert known[row, column, 0] == shown
    for level in ("analyte", "pathway"):
        rows = explained.table[explained.table["level"] == level]
        together = rows.groupby(["patient_id", "horizon_h"])[["points"]].sum()
        assert len(together) == len(estimated) * len(scores.horizons)
        first = rows.groupby(["patient_id", "horizon_h"])[["reference_risk"]].first()
        total = first["reference_risk"] + together["points"] / 100.0
        for row in estimated:
            patient = mixed.patient_ids.iloc[scores.landmarks[row]]
            np.testing.assert_allclose(total[patient], scores.risk[row], atol=1e-9)


def test_without_an_estimate_there_is_nothing_to_explain(mixed):
    silent = abstaining(mixed, "icans")
    scores = score_outcome(silent, "icans")
    explained = explain_outcome(silent, scores)
    assert np.isnan(scores.risk).all()
    assert not np.isnan(scores.base_rate).any()
    assert explained.table.empty
    assert list(explained.table) == COLUMNS
    assert explained.reasons.shape == (*scores.risk.shape, 3)
    assert (explained.reasons == "").all()
    assert explained.points_error == 0.0
