"""Earlier estimates are those that the ward would have had, and so are their contributions."""

from __future__ import annotations

import pytest

from pipeline.explain.risk_changes import is_large_change
from pipeline.model.bundle import load_bundle
from pipeline.predict.earlier_estimates import past_risks
from pipeline.predict.predictions_table import ModelName
from pipeline.predict.prepare import prepare_batch, read_for
from pipeline.predict.score import score_batch


@pytest.mark.parametrize("hours", [48.0, 60.5])
def test_earlier_estimates_are_those_that_the_ward_would_have_had(mini, hours) -> None:
    """The risk shown for an earlier landmark is that of the same batch scored as of that hour."""
    bundle = load_bundle(mini.bundle)
    prepared = {
        at: prepare_batch(read_for(bundle, mini.batch, as_of=str(at)), bundle, as_of=True)
        for at in (hours, hours + 24.0)
    }
    past = past_risks(prepared[hours + 24.0], 72.0)
    past = past[past["landmark_hours"] == hours].set_index(["patient_id", "outcome"])
    rows = score_batch(prepared[hours], ModelName("m", "1")).predictions
    rows = rows[(rows["horizon_h"] == 72) & (rows["status"] == "ok")]
    rows = rows.set_index(["patient_id", "outcome"])
    shared = rows.index.intersection(past.index)
    assert len(shared) > 10
    for name in ("risk", "risk_lo", "risk_hi"):
        expected = rows.loc[shared, name].to_numpy(dtype=float)
        assert past.loc[shared, name].to_numpy(dtype=float) == pytest.approx(expected, abs=1e-12)


def test_a_large_change_is_the_difference_of_the_contributions_of_the_two_moments(mini) -> None:
    """Points of 24 h before are those of the same batch as of that hour; none where it differs."""
    bundle, hours = load_bundle(mini.bundle), 84.0
    rows, points = {}, {}
    for at in (hours - 24.0, hours):
        read = read_for(bundle, mini.batch, as_of=str(at))
        prepared = prepare_batch(read, bundle, as_of=True)
        result = score_batch(prepared, ModelName("m", "1"))
        shown = result.predictions.query("horizon_h == 72 and status == 'ok'")
        rows[at] = shown.set_index(["patient_id", "outcome"])
        output = result.explanations.query("horizon_h == 72 and level == 'analyte'")
        points[at] = dict(tuple(output.groupby(["patient_id", "outcome"])))
    past = past_risks(prepared, 72.0)
    explained = past[past["points"].map(len) > 0]
    assert set(explained["landmark_hours"]) == {hours - 24.0}
    then, later = rows.values()
    shared = then.index.intersection(later.index)
    large = [
        key
        for key in shared
        if is_large_change(then.loc[key, "risk"], later.loc[key, "risk"])
        and then.loc[key, "state_used"] == later.loc[key, "state_used"]
    ]
    assert list(explained.set_index(["patient_id", "outcome"]).index.sort_values()) == sorted(large)
    assert len(large) > 3
    for row in explained.to_dict("records"):
        key = row["patient_id"], row["outcome"]
        expected = points[hours - 24.0][key].set_index("name")["points"]
        assert row["points"] == pytest.approx(expected.to_dict(), abs=1e-9)
        start = points[hours - 24.0][key]["reference_risk"].iloc[0]
        assert row["reference_risk"] == pytest.approx(start)
        moved = points[hours][key].set_index("name")["points"] - expected
        moved = moved.sum() + 100 * (points[hours][key]["reference_risk"].iloc[0] - start)
        gap = 100 * (later.loc[key, "risk"] - then.loc[key, "risk"])
        assert moved == pytest.approx(gap)
