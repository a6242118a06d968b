"""The columns of ``predictions.csv``, counted again from the rows of the labs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.model.manifest import SCHEMA_VERSION
from pipeline.model.status import ABSTAINED, EVENT_PRESENT, OK, REJECTED
from pipeline.predict.outcome_scores import explain_outcome, score_outcome
from pipeline.predict.predictions_table import COLUMNS, predictions_table
from pipeline.resources import schema_json
from tests.predict.conftest import NAME

FEW_EVENTS = 5


@pytest.fixture(scope="module")
def scores(mixed):
    return [score_outcome(mixed, name) for name in mixed.bundle.config.outcomes]


@pytest.fixture(scope="module")
def table(mixed, scores):
    return predictions_table(mixed, scores, [explain_outcome(mixed, each) for each in scores], NAME)


@pytest.fixture(scope="module")
def landmark_rows(table):
    """One row per patient who has a landmark."""
    return table[table["landmark_hours"].notna()].drop_duplicates("patient_id")


def visible(prepared, patient, moment):
    """Results of a patient on screen at a moment, the newest version of each draw."""
    labs = prepared.cohort.labs
    number = prepared.cohort.patients["patient_id"].tolist().index(patient)
    rows = labs[
        (labs["patient"] == number)
        & (labs["collected_hours"] < moment)
        & (labs["resulted_hours"] < moment)
        & (moment <= labs["superseded_hours"])
        & ~labs["cancelled"]
    ]
    keys = [analyte.key for analyte in prepared.bundle.reference.spec.analytes]
    return rows[rows["analyte"].isin(keys)]


def test_columns_and_codes_are_those_of_the_schema(table):
    fields = {
        item["name"]: item.get("constraints", {})
        for item in schema_json("predictions.json")["fields"]
    }
    assert list(table) == COLUMNS == list(fields)
    assert set(table["status"]) == {OK, ABSTAINED, EVENT_PRESENT, REJECTED}
    for name, rules in fields.items():
        if rules.get("required"):
            assert table[name].notna().all(), name
        if "enum" in rules:
            assert set(table[name]) <= set(rules["enum"])


def test_every_patient_of_the_input_has_every_outcome_and_horizon_once_in_order(mixed, table):
    config, models = mixed.bundle.config, mixed.bundle.models
    expected = []
    for patient in sorted(mixed.read.seen_ids):
        for name, outcome in config.outcomes.items():
            after = outcome.shown_after
            if after is not None:
                row = np.flatnonzero(mixed.patient_ids == patient)
                if not len(row) or mixed.statuses[after].status[row[0]] != EVENT_PRESENT:
                    continue
            expected += [(patient, name, hours) for hours in models[outcome.scale].horizons]
    rows = table[["patient_id", "outcome", "horizon_h"]].itertuples(index=False, name=None)
    assert list(rows) == expected


def test_a_patient_without_a_usable_lab_row_is_rejected_with_the_code(mini, mixed, table):
    none, unusable = mini.patients[:2]
    rejected = table[table["status"] == REJECTED]
    assert set(rejected["patient_id"]) == {none, unusable}
    reasons = rejected.groupby("patient_id")["status_reason"].unique().map(list)
    assert reasons[none] == ["no_lab_rows"]
    assert reasons[unusable] == [mixed.read.lost[unusable]] == ["unit_refused"]
    assert rejected[["risk", "landmark_hours", "base_rate"]].isna().all(axis=None)
    assert set(rejected["outcome"]) == {"severe_crs", "icans"}


def test_figures_are_given_exactly_with_an_estimate(table):
    estimated = table["status"] == OK
    for name in ("risk", "risk_lo", "risk_hi", "interval_level", "base_rate", "base_rate_n"):
        assert (table[name].notna() == estimated).all(), name
    assert (table.loc[estimated, "state_used"].isin(["true", "false"])).all()
    assert (table["top_1"] != "").any()
    assert (table.loc[~estimated, "top_1"].fillna("") == "").all()
    assert (table.loc[estimated, "status_reason"] == "").all()
    assert (table.loc[~estimated, "status_reason"] != "").all()


def test_a_ratio_needs_a_base_rate_of_five_events(table):
    estimated = table[table["status"] == OK]
    enough = estimated["base_rate"] * estimated["base_rate_n"] >= FEW_EVENTS
    assert enough.any()
    assert not enough.all()
    ratio = (estimated["risk"] / estimated["base_rate"]).where(enough)
    np.testing.assert_allclose(estimated["ratio_to_base"].astype(float), ratio.astype(float))
    assert table.loc[table["status"] != OK, "ratio_to_base"].isna().all()


@pytest.mark.parametrize(("patients", "given"), [(49.0, False), (50.0, True)])
def test_five_events_are_enough_for_a_ratio(mixed, scores, patients, given):
    tenth = [
        replace(
            each,
            base_rate=np.full_like(each.base_rate, 0.1),
            base_rate_n=np.full_like(each.base_rate, patients),
        )
        for each in scores
    ]
    explanations = [explain_outcome(mixed, each) for each in tenth]
    rows = predictions_table(mixed, tenth, explanations, NAME)
    assert (rows["ratio_to_base"].notna() == ((rows["status"] == OK) & given)).all()


def test_results_of_the_last_day_are_counted_as_they_stand_in_the_labs(mixed, landmark_rows):
    for row in landmark_rows.itertuples():
        known = visible(mixed, row.patient_id, row.landmark_hours)
        age = row.landmark_hours - known["collected_hours"]
        assert row.n_labs_24h == (age <= 24.0).sum()
        assert row.newest_lab_hours == pytest.approx(age.min())


def test_an_analyte_is_present_or_stale_by_the_age_of_its_newest_result(mixed, landmark_rows):
    limit = mixed.bundle.config.predict.stale_hours
    for row in landmark_rows.itertuples():
        known = visible(mixed, row.patient_id, row.landmark_hours)
        ages = row.landmark_hours - known.groupby("analyte")["collected_hours"].max()
        assert set(row.analytes_present.split(";")) == set(ages.index[ages <= limit])
        assert {key for key in row.analytes_stale.split(";") if key} == set(
            ages.index[ages > limit]
        )


def test_an_analyte_is_out_of_range_by_its_newest_value(mini, mixed, landmark_rows):
    ranges, spec = mixed.bundle.reference.ranges, mixed.bundle.reference.spec
    logged = {analyte.key: analyte.log for analyte in spec.analytes}
    result = {}
    for row in landmark_rows.itertuples():
        known = visible(mixed, row.patient_id, row.landmark_hours).sort_values("collected_hours")
        outside = set()
        for key, last in known.groupby("analyte").tail(1).set_index("analyte").iterrows():
            value = last["value"] * (spec.below_limit_factor if last["side"] < 0 else 1.0)
            value = np.log2(value) if logged[key] else value
            low, high = ranges[f"{key}__last"]
            if value > high or (value < low and last["side"] >= 0):
                outside.add(key)
        result[row.patient_id] = outside
        assert {key for key in row.out_of_range.split(";") if key} == outside
    assert "ferritin" in result[mini.patients[4]]
    assert set() in result.values()


def test_the_moment_of_the_landmark_is_that_many_hours_after_the_infusion(mixed, landmark_rows):
    start = mixed.cohort.patients.set_index("patient_id")["infusion_time"]
    for row in landmark_rows.itertuples():
        moment = start[row.patient_id] + pd.Timedelta(hours=row.landmark_hours)
        assert abs(pd.Timestamp(row.landmark_at) - moment) <= pd.Timedelta(seconds=0.5)
        assert row.infusion_day == row.landmark_hours // 24


def test_the_model_is_named_on_every_row(mixed, table):
    named = table[["model_name", "model_version", "bundle_sha", "schema_version"]].drop_duplicates()
    assert named.to_numpy().tolist() == [["m", "1", mixed.bundle.sha256, SCHEMA_VERSION]]


def test_outcomes_and_explanations_must_be_as_many(mixed, scores):
    with pytest.raises(ValueError, match="zip"):
        predictions_table(mixed, scores, [], NAME)
