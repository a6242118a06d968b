"""Every check finds its planted defect and stays silent on the same export without it."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.cohort.audit.registry import CHECKS, by_code
from pipeline.cohort.simulate.defects import DEFECTS, plant_defect
from tests.cohort.audit.conftest import ACCEPT_ALL, in_memory, run, settings

NEEDS_READING = {"CHK001", "CHK002", "CHK103"}
# true of the simulated wards by design: sicker patients have more drawn, some assays come once
HOLDS_IN_SIMULATION = {"CHK107"}


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
    if code not in HOLDS_IN_SIMULATION:
        assert run(code, look(clean, config)) == []
