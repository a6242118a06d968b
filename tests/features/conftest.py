"""Lab series with everything that happens to results, shared by the tests of this room."""

import numpy as np
import pytest

from pipeline.features.statistics import BY_NAME
from tests.builders import at, lab, make_cohort, make_spec

SPEC = make_spec(analytes=("albumin", "crp", "platelets"), statistics=tuple(BY_NAME))


@pytest.fixture(scope="module")
def messy():
    """Late, withdrawn, corrected, limited and repeated results on and between the hours."""
    random = np.random.default_rng(7)
    rows = []
    for _ in range(900):
        patient, key = (
            int(random.integers(0, 12)),
            str(random.choice(["albumin", "crp", "platelets"])),
        )
        collected = float(random.choice([random.uniform(-200, 300), random.integers(-50, 80) * 4]))
        value = float(random.choice([0.0, -0.0, 5e-324, 1.0, random.lognormal(1, 2)]))
        status = str(random.choice(["preliminary", "final", "corrected", "cancelled"]))
        late = float(random.choice([0.0, 2.0, 90.0]))
        side = int(random.choice([-1, 0, 0, 1]))
        rows.append(lab(patient, key, value, collected, collected + late, side, status))
    moments = [(patient, 12.0 * step) for patient in range(12) for step in range(1, 24)]
    return make_cohort(12, rows), at(*moments)


def bits(values):
    return np.ascontiguousarray(values).view(np.uint64)
