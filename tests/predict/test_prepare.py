"""A batch is prepared once, and everything about it is computed from that."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from pipeline.explain.patient_record import newest_results
from pipeline.model import bundle as bundle_module
from pipeline.model.bundle import read_features
from pipeline.model.status import EVENT_PRESENT, OK
from pipeline.monitor.observed_batch import observed_batch
from pipeline.predict import earlier_estimates, prepare
from pipeline.predict.prepare import (
    cohort_config_for,
    prepare_batch,
    read_cohort_for,
    read_for,
)
from pipeline.predict.score import score_batch
from pipeline.reading.paths import batch_paths
from pipeline.reading.reader import raw_tables, read_batch
from tests.conftest import read_predictions
from tests.predict.conftest import NAME

ONCE = (
    "read_tables",
    "apply_limits",
    "batch_landmarks",
    "build_features",
    "abstention_codes",
    "mostly_rejected_reasons",
    "subsequent_events",
    "newest_results",
)


def test_a_prediction_with_pages_prepares_its_batch_once(
    mini, bundle, predict, monkeypatch
) -> None:
    calls: Counter[str] = Counter()

    def count(module, name: str, label: str) -> None:
        original = getattr(module, name)

        def counted(*arguments, **options):
            calls[f"{label} {name}"] += 1
            return original(*arguments, **options)

        monkeypatch.setattr(module, name, counted)

    for name in (*ONCE, "outcome_statuses"):
        count(prepare, name, "batch")
    for name in ("build_features", "abstention_codes"):
        count(earlier_estimates, name, "earlier")
    for name in ("build_features", "apply_limits"):
        count(bundle_module, name, "bundle")
    assert predict(mini.batch)[0] == 0
    assert calls == {
        **{f"batch {name}": 1 for name in ONCE},
        "batch outcome_statuses": 2 * len(bundle.config.outcomes),  # now, and earlier
        "earlier build_features": 1,
        "earlier abstention_codes": 1,
    }


def test_features_are_those_of_the_one_path_that_builds_them(bundle, prepared) -> None:
    measured, matrix = read_features(prepared.read.cohort, prepared.landmarks, bundle)
    np.testing.assert_array_equal(prepared.measured.values, measured.values)
    np.testing.assert_array_equal(prepared.matrix.values, matrix.values)


def test_the_landmark_follows_the_newest_result_of_each_patient(mini, prepared) -> None:
    newest = prepared.cohort.labs.groupby("patient")["resulted_hours"].max()
    hours = prepared.landmarks.set_index("patient")["hours"]
    assert ((hours > newest) & (hours <= newest + 2 / 60)).all()
    assert prepared.patient_ids.tolist() == sorted(mini.patients)


def test_an_as_of_moment_is_the_landmark_and_hides_what_came_later(mini, bundle) -> None:
    read = read_for(bundle, mini.batch, as_of="48")
    prepared = prepare_batch(read, bundle, as_of=True)
    assert set(prepared.landmarks["hours"]) == {48.0}
    assert (prepared.cohort.labs["resulted_hours"] < 48.0).all()
    assert (prepare_batch(read, bundle).landmarks["hours"] <= 48.0 + 2 / 60).all()
    scored = score_batch(prepared, NAME).predictions
    assert scored["landmark_hours"].dropna().eq(48.0).all()


@pytest.mark.parametrize("rows", [[1, 4, 5], [0, 6]])
def test_newest_results_of_some_landmarks_are_those_of_a_batch_of_them(prepared, rows) -> None:
    expected = newest_results(prepared.cohort.labs, prepared.landmarks.iloc[rows])
    pd.testing.assert_frame_equal(prepared.newest_results(np.array(rows)), expected)


def test_statuses_are_those_of_predictions_and_of_monitoring(bundle, prepared) -> None:
    rows = score_batch(prepared, NAME).predictions.drop_duplicates(["patient_id", "outcome"])
    status = rows.set_index(["patient_id", "outcome"])["status"]
    watched = observed_batch(prepared).patients.set_index("patient_id")
    for name, outcome in bundle.config.outcomes.items():
        known = pd.Series(prepared.statuses[name].status, index=prepared.patient_ids)
        shown = known
        if outcome.shown_after is not None:
            shown = known[prepared.statuses[outcome.shown_after].status == EVENT_PRESENT]
        if len(shown):
            assert status.xs(name, level="outcome").to_dict() == shown.to_dict()
        assert (watched[f"risk:{name}"].notna() == (known == OK)).all()


def test_tables_in_memory_score_as_the_folder_and_the_command(mini, bundle, predict) -> None:
    frames = [
        score_batch(prepare_batch(read_for(bundle, source), bundle), NAME).predictions
        for source in (mini.batch, raw_tables(batch_paths(mini.batch)))
    ]
    pd.testing.assert_frame_equal(*frames)
    written = read_predictions(predict(mini.batch, "--no-pages")[1])
    risk = frames[0]["risk"].to_numpy(dtype=float)
    np.testing.assert_allclose(risk, written["risk"], atol=5.1e-5)


def test_a_batch_is_read_with_what_training_has_learned(mini, bundle) -> None:
    read, known = read_for(bundle, mini.batch), bundle.reference
    expected = read_batch(
        mini.batch, bundle.config.cohort, known.local, limits=known.limits, products=known.products
    )
    pd.testing.assert_frame_equal(read.cohort.labs, expected.cohort.labs)
    assert read.sha256 == expected.sha256
    assert cohort_config_for(bundle) is bundle.config.cohort
    assert cohort_config_for(bundle, "Europe/Berlin").time_zone == "Europe/Berlin"


def test_a_cohort_is_read_for_a_bundle_as_training_read_it(mini, bundle) -> None:
    assert read_cohort_for(bundle, mini.cohort).sha256 == bundle.provenance["cohort_sha256"]
