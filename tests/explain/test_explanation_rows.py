"""Contributions as rows: sentences, absent results and the contrast between the syndromes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.explain.contributions import contributions
from pipeline.explain.explanation_rows import contrast_rows, explanation_rows, top_reasons
from pipeline.explain.ranked_reasons import LEAST_POINTS
from pipeline.features.spec import learn_spec
from tests.builders import course_cohort, make_config
from tests.explain.conftest import THRESHOLD

HORIZONS = (24.0, 72.0)


@pytest.fixture(scope="module")
def spec():
    return learn_spec(course_cohort(n_patients=80, seed=3), make_config(), {})


@pytest.fixture(scope="module")
def asked(explained):
    """The landmarks, of which the second has no ferritin."""
    values = explained.matrix.values.copy()
    for number, meta in enumerate(explained.matrix.metas):
        if meta.subject == "ferritin":
            counted = meta.statistic in ("ever_measured", "count")
            values[1, number] = 0.0 if counted else np.nan
    return replace(explained.matrix, values=values)


@pytest.fixture(scope="module")
def result(explained, asked):
    return contributions(explained.model, asked, THRESHOLD, HORIZONS, explained.background)


@pytest.fixture(scope="module")
def newest(asked, spec):
    """A result of 12 below its limit for every analyte but the second landmark's ferritin."""
    return pd.DataFrame(
        [
            (number, analyte.key, 12.0, -1, 5.0)
            for number in range(len(asked.values))
            for analyte in spec.analytes
            if (number, analyte.key) != (1, "ferritin")
        ],
        columns=["landmark", "analyte", "value", "side", "collected_hours"],
    )


@pytest.fixture(scope="module")
def rows(asked, result, newest, spec):
    ids = pd.Series([f"P{number}" for number in range(len(asked.values))])
    return explanation_rows(result, asked, newest, ids, spec, "severe_crs", HORIZONS)


def test_levels_sum_to_the_same_and_pathways_to_their_analytes(rows):
    key = ["patient_id", "horizon_h", "pathway"]
    by_level = rows.pivot_table(index=key, columns="level", values="points", aggfunc="sum")
    assert (by_level["analyte"] - by_level["pathway"]).abs().max() < 1e-9


def test_sentences_agree_with_the_points(rows):
    analytes = rows[rows["level"] == "analyte"]
    raising = analytes[analytes["points"] >= LEAST_POINTS]
    assert len(raising) > 0
    assert raising["sentence"].str.contains("raises the estimate by").all()
    lowering = analytes[analytes["points"] <= -LEAST_POINTS]
    assert lowering["sentence"].str.contains("lowers the estimate by").all()


def test_an_analyte_without_results_says_so(rows):
    lacking = rows[(rows["name"].isin(["crp", "ferritin"])) & rows["value"].isna()]
    assert set(lacking["patient_id"]) == {"P1"}
    assert (lacking["points"] == 0).all()
    assert set(lacking["sentence"]) == {"Ferritin not measured"}


def test_a_limit_is_shown_as_a_limit(rows):
    crp = rows[(rows["name"] == "crp") & (rows["level"] == "analyte")]
    assert (crp["value"] == 12.0).all()
    assert crp["sentence"].str.startswith("CRP <12 mg/L").all()


def test_top_reasons_are_the_largest_points(result, newest, spec):
    reasons = top_reasons(result, newest, spec)
    assert reasons.shape == (*result.risk.shape, 3)
    large = np.abs(result.points).max(axis=2) >= LEAST_POINTS
    assert large.any()
    np.testing.assert_array_equal(reasons[:, :, 0] != "", large)


def test_contrast_is_the_difference_where_both_are_estimated(rows, spec):
    icans = rows[rows["patient_id"] != "P0"].assign(outcome="icans")
    icans["points"] = icans["points"] * 0.5 + 0.2
    contrast = contrast_rows(pd.concat([rows, icans], ignore_index=True), spec)
    assert set(contrast["level"]) == {"contrast"}
    assert set(contrast["outcome"]) == {"severe_crs_vs_icans"}
    assert set(contrast["patient_id"]) == set(rows["patient_id"]) - {"P0"}
    assert not contrast.duplicated(["patient_id", "horizon_h", "name"]).any()
    key = ["patient_id", "horizon_h", "name"]
    crs = rows[rows["level"] == "pathway"].set_index(key)["points"]
    asked = contrast[contrast["name"] == contrast["pathway"]].set_index(key)["points"]
    np.testing.assert_allclose(asked, 0.5 * crs[asked.index] - 0.2, atol=1e-12)
    assert {"crp", "inflammation", "clinical_state"} <= set(contrast["name"])
    toward = contrast.loc[contrast["points"] > 0.05, "sentence"]
    away = contrast.loc[contrast["points"] < -0.05, "sentence"]
    assert toward.str.endswith("points to CRS rather than ICANS").all()
    assert away.str.endswith("points to ICANS rather than CRS").all()
    assert len(away) > 0


def test_without_a_second_outcome_there_is_no_contrast(rows, spec):
    assert len(contrast_rows(rows, spec)) == 0
