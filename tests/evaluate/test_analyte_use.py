"""Which analytes were there, which were used and why not, and what each carried."""

import numpy as np

from pipeline.evaluate.analyte_use import analyte_use, first_visible
from tests.builders import lab, make_cohort, make_spec
from tests.evaluate.scored import make_scores


def table(minimum=5):
    random = np.random.default_rng(0)
    count = 200
    rows = [lab(patient, "crp", 10.0, 5.0, 9.0) for patient in range(count)]
    rows += [lab(patient, "nfl", 10.0, 5.0, 9.0) for patient in range(3)]
    rows += [lab(0, "ldh", 200.0, 5.0), lab(1, "il6", 9.0, 500.0)]
    cohort = make_cohort(count, labs=rows)
    risk = random.uniform(0.05, 0.9, count)
    label = (random.random(count) < risk).astype(float)
    scores = make_scores(
        {"model": risk},
        label,
        permuted={"crp": random.random((count, 1)), "nfl": risk[:, None]},
    )
    spec = make_spec(analytes=("crp", "il6", "nfl", "platelets"))
    columns = ("crp__last", "nfl__last", "il6__last", "time__hours")
    return analyte_use(scores.resampled(40, 0, minimum), cohort, spec, columns)


def test_an_analyte_that_carries_the_risk_shows_a_fall():
    crp = table()["crp"]
    assert crp.used
    assert (crp.rows, crp.patients, crp.row_share) == (200, 200, 1.0)
    fall = crp.importance.at("24")
    assert fall.fall_lo < fall.fall < fall.fall_hi
    assert fall.fall_lo > 0


def test_why_an_analyte_was_not_used_is_stated():
    entries = table()
    assert entries["ldh"].why.startswith("excluded by features.analytes")
    assert entries["gm_csf"].why == "no result in this cohort"
    assert entries["platelets"].why.endswith("although the model uses it")
    assert entries["il6"].why == "no result arrived before a landmark at risk"
    assert not any(entries[key].used for key in ("ldh", "gm_csf", "platelets", "il6"))
    assert entries["gm_csf"].importance.reason == "not used by the model"


def test_the_nine_core_analytes_are_always_listed():
    core = {"crp", "ferritin", "il6", "d_dimer", "fibrinogen", "csf_serum_albumin", "nfl"}
    assert core | {"il1ra", "gm_csf"} <= set(table())


def test_few_event_patients_with_a_result_give_a_reason_and_no_figure():
    entry = table()["nfl"]
    assert entry.used
    assert "fewer than 5 event patients" in entry.importance.reason


def test_a_result_counts_from_its_arrival():
    cohort = make_cohort(2, labs=[lab(0, "crp", 5.0, 10.0, 30.0), lab(0, "crp", 5.0, 20.0, 25.0)])
    assert first_visible(cohort)["crp"].tolist() == [25.0, np.inf]
