"""Published comparators come from the cohort, not from what the model reads, and say why not."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluate.comparators import published_scores
from tests.builders import at, lab, make_cohort, make_spec


def cohort(*labs, **patients):
    return make_cohort(2, labs=labs, patients=patients or None)


def test_easix_is_computed_even_where_the_model_does_not_read_its_inputs():
    labs = [lab(0, "ldh", 400.0, 20.0), lab(0, "creatinine", 1.5, 20.0), lab(0, "crp", 50.0, 20.0)]
    labs += [lab(0, "platelets", 100.0, 20.0)]
    values, absent = published_scores(
        cohort(*labs), at((0, 24.0), (1, 24.0)), make_spec(analytes=("albumin",))
    )
    assert values["easix"][0] == pytest.approx(np.log2(400 * 1.5 / 100))
    assert np.isnan(values["easix"][1])
    assert values["m_easix"][0] == pytest.approx(np.log2(400 * 5.0 / 100))
    assert values["last_crp"][0] == pytest.approx(np.log2(50.0))
    assert absent["last_ferritin"] == "never measured in this cohort"
    assert "not measured" in absent["car_hematotox"]
    assert "NfL" in absent["nfl_age_z"]


def test_a_result_that_arrives_after_the_landmark_is_not_seen():
    values, absent = published_scores(
        cohort(lab(0, "crp", 50.0, 20.0, 30.0)), at((0, 24.0)), make_spec()
    )
    assert "last_crp" not in values
    assert set(absent) >= {"easix", "last_crp"}


def test_age_stands_behind_the_nfl_score():
    labs = [lab(0, "nfl", 40.0, 20.0), lab(1, "nfl", 40.0, 20.0)]
    values, _ = published_scores(
        cohort(*labs, age_years=[30.0, 80.0]), at((0, 24.0), (1, 24.0)), make_spec()
    )
    assert values["nfl_age_z"][0] > values["nfl_age_z"][1]


def test_series_kept_apart_after_a_drug_do_not_disturb_the_scores():
    treated = make_cohort(
        1,
        labs=[lab(0, "il6", 9.0, 5.0), lab(0, "il6", 900.0, 40.0), lab(0, "crp", 8.0, 40.0)],
        treatments=[(0, "tocilizumab", 20.0)],
    )
    spec = replace(make_spec(analytes=("il6",)), channels=("il6_post_il6r",))
    values, _ = published_scores(treated, at((0, 48.0)), spec)
    assert values["last_crp"][0] == pytest.approx(3.0)
