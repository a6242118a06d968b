"""Every check finds its planted defect and stays silent on the same export without it."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.cohort.audit.registry import CHECKS, by_code
from pipeline.cohort.simulate import defects_values
from pipeline.cohort.simulate.defects import DEFECTS, plant_defect
from tests.cohort.audit.conftest import ACCEPT_ALL, in_memory, run, settings

assert defects_values  # registers its defects

NEEDS_READING = {"CHK001", "CHK002", "CHK103"}


def without_limit_codes(tables):
    """Simulated assays write 301 or 15001 beyond their limit, which two checks rightly find."""
    labs = tables["labs"]
    codes = labs["value"].isin(["301", "2501", "15001"]) | (labs["analyte"] == "il1ra")
    return {**tables, "labs": labs[~codes]}


def strangers_grades(tables):
    """Grades of other patients: simulated wards draw more from the sick, which is rightly found."""
    grades, people = tables["assessments"], tables["patients"]["patient_id"]
    other = dict(zip(people, np.roll(people, 7), strict=True))
    return {**tables, "assessments": grades.assign(patient_id=grades["patient_id"].map(other))}


COUNTERPARTS = {
    "CHK108": strangers_grades,
    "CHK202": without_limit_codes,
    "CHK203": without_limit_codes,
}


def test_every_check_has_a_defect_to_find() -> None:
    assert sorted(DEFECTS) == sorted(check.code for check in CHECKS)


@pytest.mark.parametrize("code", sorted(DEFECTS))
def test_a_planted_defect_is_found_and_a_clean_export_is_not_blamed(code, clean, opened) -> None:
    config = settings(**ACCEPT_ALL) if code == "CHK103" else None
    look = opened if code in NEEDS_READING else in_memory
    spoilt = plant_defect(clean, code, np.random.default_rng(7), 1.0)
    found = run(code, look(spoilt, config))
    assert found
    for item in found:
        assert (item.code, item.title) == (code, by_code()[code].title)
        assert item.summary
        assert item.remedy
        assert item.effect
    sound = COUNTERPARTS.get(code, dict)(clean)
    assert run(code, look(sound, config)) == []
