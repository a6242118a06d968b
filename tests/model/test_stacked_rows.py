"""Stacked rows and their weights against a naive Kaplan-Meier."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.outcomes import build_targets
from pipeline.model.stacked_rows import FollowUp, censoring_weight, stack
from tests.builders import at, make_cohort

ends = st.lists(
    st.tuples(st.integers(1, 12).map(float), st.integers(0, 2)), min_size=1, max_size=25
)


def naive_followed(rows, hours):
    """Kaplan-Meier by its definition: losses at a moment come after events of that moment."""
    share = 1.0
    for moment in sorted({end for end, status in rows if status == 0}):
        if moment < hours:
            exposed = sum(end > moment or (end == moment and status == 0) for end, status in rows)
            lost = sum(end == moment and status == 0 for end, status in rows)
            share *= 1.0 - lost / exposed
    return share


@settings(deadline=None)
@given(rows=ends, landmark=st.integers(0, 11), ahead=st.integers(0, 12))
def test_censoring_weights_agree_with_a_naive_kaplan_meier(rows, landmark, ahead):
    end, status = (np.array(column) for column in zip(*rows, strict=True))
    follow_up = FollowUp.fit(end.astype(float), status.astype(np.int8))
    start = naive_followed(rows, landmark)
    if start == 0:
        return
    kept = naive_followed(rows, landmark + ahead) / start
    weight = censoring_weight(follow_up, np.array([landmark]), np.array([ahead]), 0.1)[0]
    assert weight == pytest.approx(1.0 / max(kept, 0.1))
    reach = follow_up.reach(np.array([float(landmark)]), 0.1)[0]
    assert (ahead <= reach) == (kept >= 0.1 - 1e-12)


def targets_of(onsets, followed, hours=(24.0,)):
    grades = [(number, "crs", 3, onset) for number, onset in enumerate(onsets) if onset is not None]
    cohort = make_cohort(
        len(onsets), assessments=grades, patients={"followed_until_hours": followed}
    )
    landmarks = at(*[(number, hour) for number in range(len(onsets)) for hour in hours])
    return cohort, landmarks, build_targets(cohort, landmarks, "crs", (1, 3))


def test_stacked_rows_carry_labels_and_weights():
    onsets, followed = [40.0, None, None, None], np.array([600.0, 60.0, 600.0, 600.0])
    _, _, targets = targets_of(onsets, followed)
    rows = stack(targets, (24.0, 72.0), reported=(3,), other_weight=0.5, ipcw_floor=0.1)

    def block(threshold, horizon):
        chosen = (rows.threshold == threshold) & (rows.horizon == horizon)
        return rows.landmark[chosen], rows.label[chosen], rows.weight[chosen]

    for threshold, share in ((3, 1.0), (1, 0.5)):
        landmark, label, weight = block(threshold, 24.0)
        assert landmark.tolist() == [0, 1, 2, 3]
        assert label.tolist() == [1, 0, 0, 0]
        np.testing.assert_allclose(weight, share)
        landmark, label, weight = block(threshold, 72.0)
        assert landmark.tolist() == [0, 2, 3]
        assert label.tolist() == [1, 0, 0]
        np.testing.assert_allclose(weight, np.array([1, 1.5, 1.5]) * share)
    only = stack(targets, (24.0,), reported=(3,), other_weight=0.0, ipcw_floor=0.1)
    assert set(only.threshold) == {3.0}
