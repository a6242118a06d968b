"""What a training cohort teaches beside coefficients, each part from its own rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.config import Config
from pipeline.model.background import MIN_PATIENTS
from pipeline.model.cohort_profile import Profile, first_delays
from pipeline.model.training_reference import base_rate_table, feature_ranges
from pipeline.reading.reader import read_cohort
from pipeline.train.learned_reference import (
    lab_profile,
    last_results_of_days,
    learn_reference,
    unit_counts,
)
from tests.builders import lab, make_cohort, make_config

PROFILE = Profile({}, {}, {}, {}, {}, {})


@pytest.fixture(scope="module")
def reference(steps):
    return learn_reference(steps.read, steps.task, steps.scales, PROFILE)


def test_base_rates_and_ranges_are_those_of_the_training_landmarks(steps, reference):
    part = steps.scales["crs"]
    table = base_rate_table(part.matrix, part.targets, 3, part.model.horizons, ipcw_floor=0.1)
    assert reference.base_rates == {"severe_crs": table}
    assert reference.ranges == feature_ranges(part.matrix, part.targets.patient)


def test_products_are_counted_by_patient(steps, reference):
    counts = steps.task.cohort.patients["product"].value_counts()
    assert sorted(reference.products.values()) == sorted(counts.tolist())
    assert sum(reference.products.values()) == len(steps.task.cohort)
    assert reference.n_patients == steps.task.cohort.n_patients


def test_every_prototype_averages_several_patients(steps, reference):
    (background,) = reference.background.values()
    assert set(background.columns) <= set(steps.scales["crs"].matrix.names)
    assert background.days
    assert all((day.patients >= MIN_PATIENTS).all() for day in background.days.values())


def test_ages_are_clipped_exactly_where_landmarks_stood_on_a_grid_only(steps, reference):
    sources = set(steps.scales["crs"].matrix.landmarks["source"])
    assert reference.clip_ages == (sources == {"grid"})


def test_what_was_read_is_kept_as_it_was(steps, reference):
    assert reference.limits == steps.task.limits
    assert reference.local == steps.read.local
    assert reference.spec == steps.task.spec
    assert reference.profile is PROFILE


def cohort_of(*labs):
    patients = max(row[0] for row in labs) + 1
    ends = {"record_end_hours": np.full(patients, 200.0)}
    return make_cohort(patients, labs, patients=ends)


def test_each_patient_is_looked_at_once_a_day_just_after_the_last_result():
    cohort = cohort_of(
        lab(0, "crp", 5.0, 1.0, 2.0),
        lab(0, "crp", 6.0, 9.0, 10.5),
        lab(0, "il6", 6.0, 25.0, 26.0),
        lab(1, "crp", 6.0, 1.0, 30.0),
        lab(1, "crp", 6.0, -9.0, -3.0),
    )
    result = last_results_of_days(cohort, np.inf)
    assert result["patient"].tolist() == [0, 0, 1]
    np.testing.assert_allclose(result["hours"], [10.5 + 1 / 60, 26 + 1 / 60, 30 + 1 / 60])
    assert len(last_results_of_days(cohort, 26.5)) == 2


def sources(*rows):
    return pd.DataFrame(rows, columns=["patient_id", "unit", "collected_hours", "delay_hours"])


def test_a_patient_counts_once_per_unit_and_small_counts_are_raised_to_five():
    rows = [(f"P{n}", "mg/L", 1.0, 2.0) for n in range(9)] * 2 + [("P0", "mg/dL", 5.0, 2.0)]
    assert unit_counts(sources(*rows)) == {"patients": 9, "units": {"mg/L": 9, "mg/dL": 5}}


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    folder = tmp_path_factory.mktemp("profile")
    ids = [f"P{number}" for number in range(8)]
    pd.DataFrame({"patient_id": ids, "record_end_hours": 200}).to_csv(
        folder / "patients.csv", index=False
    )
    rows = [
        {"patient_id": who, "analyte": "crp", "value": 10 + n, "unit": "mg/L",
         "collected_hours": 20 + n, "resulted_hours": 21 + 2 * n}
        for n, who in enumerate(ids)
    ] + [
        {"patient_id": who, "analyte": "il6", "value": 7, "unit": "pg/mL", "collected_hours": 20,
         "resulted_hours": 22}
        for who in ids[:4]
    ] + [{"patient_id": "P0", "analyte": "crp", "value": "soon", "unit": "mg/L",
          "collected_hours": 30, "resulted_hours": 31}]  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "labs.csv", index=False)
    pd.DataFrame({"patient_id": ids, "scale": "crs", "grade": 0, "assessed_hours": 20}).to_csv(
        folder / "assessments.csv", index=False
    )
    return read_cohort(folder, make_config().cohort)


def look(read, keys=("crp", "il6")):
    config = Config(outcomes=make_config().outcomes)
    return lab_profile(read, read.cohort, keys, config)


def test_analytes_of_fewer_than_five_patients_are_left_out(read):
    result = look(read)
    assert set(result["units"]) == set(result["delays"]) == {"crp"}


def test_delays_are_those_of_each_patients_first_stated_result(read):
    delays = look(read)["delays"]["crp"]
    waited = [1.0 + n for n in range(8)]
    assert delays["patients"] == 8
    assert delays["median"] == np.median(waited)
    slow = np.quantile(waited, 0.8, method="inverted_cdf")
    assert delays["slow_hours"] == slow
    assert delays["slow"] == max(5, sum(hours > slow for hours in waited))
    first = first_delays(read.sources[read.sources["analyte"] == "crp"])
    assert sorted(first["delay_hours"]) == waited


def test_patients_with_a_rejected_row_are_counted_as_five_at_least(read):
    assert look(read)["refused"] == {"patients": 8, "refused": 5}


def test_an_analyte_that_the_model_does_not_read_is_not_looked_at(read):
    assert look(read, ("il6",))["units"] == {}


def test_landmarks_of_a_day_count_their_patients(read):
    days = look(read)["days"]
    assert days
    assert all(day.patients >= 5 for day in days.values())
    assert max(day.analytes["crp"].measured for day in days.values()) == 8
