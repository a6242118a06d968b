"""A scored batch: who has an estimate, what explains it, and what tells the syndromes apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.explanation_rows import COLUMNS, CONTRASTED
from pipeline.model.status import ABSTAINED, EVENT_PRESENT, OK, REJECTED, OutcomeStatuses
from pipeline.predict.outcome_scores import explain_outcome, score_outcome
from pipeline.predict.score import BatchResult, score_batch
from tests.predict.conftest import NAME

KEY = ["patient_id", "horizon_h", "name"]


@pytest.fixture(scope="module")
def result(mixed):
    return score_batch(mixed, NAME)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABCD"), st.sampled_from([OK, EVENT_PRESENT, ABSTAINED, REJECTED])
        ),
        max_size=12,
    )
)
def test_a_patient_is_unscored_where_no_outcome_has_an_answer(rows):
    table = pd.DataFrame(rows, columns=["patient_id", "status"])
    expected = 0
    for patient in {patient for patient, _ in rows}:
        mine = {status for who, status in rows if who == patient}
        expected += not mine & {OK, EVENT_PRESENT}
    assert BatchResult(table, pd.DataFrame()).unscored_patients() == expected


def test_the_unscored_patients_of_a_batch_are_the_rejected_and_the_abstained(mini, result):
    status = result.predictions.groupby("patient_id")["status"].agg(set)
    assert result.unscored_patients() == sum(not item & {OK, EVENT_PRESENT} for item in status)
    assert result.unscored_patients() >= 2  # no lab row, and unusable rows
    assert set(status.index) == set(mini.patients)


def test_exactly_the_estimates_are_explained_and_with_the_risk_that_is_shown(result):
    shown = result.predictions[result.predictions["status"] == OK]
    shown = shown.set_index(["patient_id", "outcome", "horizon_h"])["risk"].astype(float)
    rows = result.explanations[result.explanations["level"] == "pathway"]
    explained = rows.groupby(["patient_id", "outcome", "horizon_h"])["risk"].agg(["min", "max"])
    assert set(explained.index) == set(shown.index)
    for end in ("min", "max"):
        np.testing.assert_allclose(explained[end], shown.loc[explained.index], rtol=1e-12)


def test_a_contrast_is_the_difference_of_points_where_both_syndromes_are_estimated(result):
    rows = result.explanations
    contrast = rows[rows["level"] == "contrast"].set_index(KEY)["points"]
    own = rows[rows["level"] != "contrast"]
    first, second = (
        own[own["outcome"] == name].drop_duplicates(KEY).set_index(KEY)["points"]
        for name in CONTRASTED
    )
    both = first.index.intersection(second.index)
    assert set(contrast.index) == set(both)
    np.testing.assert_allclose(contrast.loc[both], first.loc[both] - second.loc[both], atol=1e-12)


def test_the_error_is_the_largest_of_any_outcome(mixed, result):
    errors = [
        explain_outcome(mixed, score_outcome(mixed, name)).points_error
        for name in mixed.bundle.config.outcomes
    ]
    assert result.points_error == max(errors)


def test_a_batch_without_an_estimate_has_predictions_and_an_empty_table_of_reasons(mixed):
    silent = {
        name: OutcomeStatuses(np.full_like(item.status, ABSTAINED), item.reason)
        for name, item in mixed.statuses.items()
    }
    result = score_batch(replace(mixed, statuses=silent), NAME)
    assert result.explanations.empty
    assert list(result.explanations) == COLUMNS
    assert set(result.predictions["status"]) == {ABSTAINED, REJECTED}
    assert result.unscored_patients() == result.predictions["patient_id"].nunique()
    assert result.points_error == 0.0
