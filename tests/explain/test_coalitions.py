"""Contributions stay exact with a custom member: brute force over the displayed risk agrees."""

import numpy as np
import pytest

from pipeline.explain.contributions import contributions
from pipeline.model.background import learn_background
from tests.builders import course_cohort
from tests.model.conftest import fit
from tests.model.test_custom_member import BOOSTING


@pytest.fixture(scope="module", params=[("labs", "booster", "state"), ()])
def custom(request):
    return fit(course_cohort(), members=request.param, custom={"boosting": BOOSTING})


def explained(custom, rows):
    at_risk = custom.targets.at_risk[:, custom.targets.thresholds.index(3)]
    background = learn_background(
        custom.matrix, at_risk, custom.targets.patient, custom.model.columns
    )
    part = custom.matrix.take(rows)
    return part, contributions(custom.model, part, 3, (24.0, 168.0), background), background


def test_points_sum_to_the_displayed_risk(custom):
    rows = np.arange(0, len(custom.matrix.values), 40)
    part, result, _ = explained(custom, rows)
    shown = custom.model.risk(part, 3, (24.0, 168.0))
    np.testing.assert_allclose(result.risk, shown, atol=1e-6)
    total = 100 * (result.risk - result.reference_risk)
    np.testing.assert_allclose(result.points.sum(axis=2), total, atol=1e-9)
    crp = result.players.index("crp")
    assert np.abs(result.points[:, :, crp]).max() > 0


def test_the_reference_is_the_mean_risk_of_prototypes_at_the_patients_moment(custom):
    from pipeline.explain.contributions import _prototypes

    rows = np.array([3, 50])
    part, result, background = explained(custom, rows)
    for row in range(len(rows)):
        patient = part.take(np.array([row]))
        known = bool(custom.model.state_known(patient)[0])
        others, weight = _prototypes(patient, background, custom.model.grade if known else None)
        risk = custom.model.risk(others, 3, (24.0, 168.0), use_state=known)
        np.testing.assert_allclose(
            result.reference_risk[row], weight @ risk / weight.sum(), atol=1e-6
        )
