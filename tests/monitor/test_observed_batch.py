"""Summaries of scored batches, counted again from their rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.ledger import HARMLESS
from pipeline.model.bundle import Bundle, load_bundle
from pipeline.model.outcomes import onset_hours
from pipeline.model.status import OK
from pipeline.monitor.observed_batch import (
    headline,
    later_outcomes,
    observe_batches,
    observed_batch,
)
from pipeline.predict.predictions_table import ModelName
from pipeline.predict.prepare import PreparedBatch, prepare_batch, read_cohort_for, read_for
from pipeline.predict.score import score_batch
from tests.conftest import Mini, edit
from tests.minicohort import cut, write_cohort

HOURS = (60, 84)


@pytest.fixture(scope="module")
def bundle(mini: Mini) -> Bundle:
    return load_bundle(mini.bundle)


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight patients with later outcomes, and as exported at 60 h and 84 h."""
    root = tmp_path_factory.mktemp("ward")
    later = write_cohort(root / "later", patients=8, seed=5, prefix="W")
    ids = [f"W{number:04d}" for number in range(8)]
    for hours in HOURS:
        cut(later, root / str(hours), hours=hours, patients=ids if hours == 84 else ids[:5])
    return root


@pytest.fixture(scope="module")
def prepared(bundle: Bundle, ward: Path) -> PreparedBatch:
    return prepare_batch(read_for(bundle, ward / "84"), bundle)


@pytest.fixture(scope="module")
def observed(prepared: PreparedBatch):
    return observed_batch(prepared)


def test_risks_are_those_of_predictions_at_the_headline_horizon(bundle, prepared, observed):
    predictions = score_batch(prepared, ModelName("m", "1")).predictions
    patients = observed.patients.set_index("patient_id")
    for name, outcome in bundle.config.outcomes.items():
        shown = predictions[
            (predictions["outcome"] == name)
            & (predictions["horizon_h"] == headline(bundle, outcome.scale))
        ].set_index("patient_id")
        if outcome.shown_after is None:
            assert set(shown.index) == set(patients.index)
        risk = patients.loc[shown.index, f"risk:{name}"]
        np.testing.assert_allclose(risk, shown["risk"].astype(float), rtol=1e-12)
        estimated = shown["status"] == OK
        base = patients.loc[shown.index, f"base:{name}"]
        np.testing.assert_array_equal(base[estimated], shown.loc[estimated, "base_rate"])
    assert observed.patients["risk:severe_crs"].notna().any()


def test_recent_results_are_the_newest_of_each_analyte_that_are_not_stale(
    bundle, prepared, observed
):
    limit, labs = bundle.config.predict.stale_hours, prepared.cohort.labs
    expected = {}
    for row in prepared.landmarks.itertuples():
        patient = prepared.cohort.patients["patient_id"].iloc[row.patient]
        for lab in labs.itertuples():
            known = lab.patient == row.patient and lab.resulted_hours < row.hours
            if known and row.hours - lab.collected_hours <= limit:
                old = expected.get((patient, lab.analyte))
                if old is None or lab.collected_hours > old[0]:
                    expected[patient, lab.analyte] = (lab.collected_hours, lab.value, lab.side)
    rows = observed.recent.set_index(["patient_id", "analyte"])
    assert rows.index.is_unique
    assert {key: (row["value"], row["side"]) for key, row in rows.iterrows()} == {
        key: (value, side) for key, (_, value, side) in expected.items()
    }


def test_a_patient_of_several_batches_counts_once_at_the_newest_landmark(bundle, ward, observed):
    early, late, again = ward / "60", ward / "84", ward / "84"
    both = observe_batches([late, early, again], bundle)
    pd.testing.assert_frame_equal(
        both.patients.sort_values("patient_id", ignore_index=True),
        observed.patients.sort_values("patient_id", ignore_index=True),
    )
    assert not both.recent.duplicated(["patient_id", "analyte"]).any()
    assert len(both.recent) == len(observed.recent)
    first = observe_batches([early], bundle)
    assert set(first.patients["patient_id"]) < set(observed.patients["patient_id"])
    assert both.n_results == first.n_results + 2 * observed.n_results
    assert len(both.sources) == len(first.sources) + 2 * len(observed.sources)
    assert both.seen_ids == first.seen_ids | observed.seen_ids


def test_refused_rows_are_counted_by_name_and_code_and_harmless_ones_left_out(
    bundle, ward, tmp_path
):
    for path in (ward / "84").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())

    def spoil(labs):
        crp = labs["analyte"] == "crp"
        mine = labs["patient_id"].isin(["W0000", "W0001"])
        labs = labs.assign(unit=labs["unit"].mask(crp & mine, "furlong"))
        return labs.assign(analyte=labs["analyte"].mask(labs["analyte"] == "il6", "zinc"))

    before = pd.read_csv(tmp_path / "labs.csv")
    edit(tmp_path / "labs.csv", spoil)
    seen = observe_batches([tmp_path, tmp_path], bundle)
    crp = ((before["analyte"] == "crp") & before["patient_id"].isin(["W0000", "W0001"])).sum()
    assert seen.refusals == Counter(
        {
            ("crp", "unit_refused"): 2 * crp,
            ("zinc", "unknown_analyte"): 2 * (before["analyte"] == "il6").sum(),
        }
    )
    assert "unknown_analyte" in HARMLESS
    assert seen.refused_results() == {("crp", "unit_refused"): 2 * crp}
    assert seen.refused_ids == {"W0000", "W0001"}
    assert seen.n_results == 2 * len(before)


def test_a_landmark_before_time_zero_is_left_out(prepared, observed):
    hours = prepared.landmarks["hours"].copy()
    hours.iloc[2] = -1.0
    early = replace(prepared, landmarks=prepared.landmarks.assign(hours=hours))
    seen = observed_batch(early)
    gone = prepared.patient_ids.iloc[2]
    kept = observed.patients[observed.patients["patient_id"] != gone].reset_index(drop=True)
    pd.testing.assert_frame_equal(seen.patients, kept)
    assert gone not in set(seen.recent["patient_id"])
    assert gone in seen.seen_ids


@pytest.mark.parametrize("wanted", [1.0, 60.0, 72.0, 1000.0])
def test_the_headline_is_the_fitted_horizon_nearest_to_that_of_the_pages(bundle, wanted):
    predict = bundle.config.predict.model_copy(update={"headline_hours": wanted})
    config = bundle.config.model_copy(update={"predict": predict})
    gaps = [abs(hours - wanted) for hours in bundle.models["crs"].horizons]
    assert abs(headline(replace(bundle, config=config), "crs") - wanted) == min(gaps)


@pytest.mark.parametrize("name", ["severe_crs", "icans"])
def test_a_later_outcome_is_the_first_onset_within_the_headline_horizon(
    bundle, ward, observed, name
):
    outcome, cohort = bundle.config.outcomes[name], read_cohort_for(bundle, ward / "later").cohort
    stranger = observed.patients.iloc[[0]].assign(patient_id="nobody")
    patients = pd.concat([observed.patients, stranger]).iloc[::-1]
    patients = patients.set_axis(np.arange(100, 100 + len(patients)))
    label = later_outcomes(patients, cohort, bundle, name)
    assert label.index.equals(patients.index)
    ids = cohort.patients["patient_id"].tolist()
    onset = onset_hours(cohort, outcome.scale, outcome.threshold)
    reach, compared = headline(bundle, outcome.scale), 0
    for row, value in zip(patients.itertuples(), label, strict=True):
        if row.patient_id == "nobody":
            assert np.isnan(value)
            continue
        ahead = onset[ids.index(row.patient_id)] - row.hours
        if ahead >= 0:
            assert value == float(ahead <= reach)
            compared += 1
    assert compared > 3
    assert later_outcomes(stranger, cohort, bundle, name).isna().all()
