"""Riley's criteria against published and recorded figures, and against simulation."""

import numpy as np
import pytest

from pipeline.evaluate.sample_size import (
    cox_snell_r2,
    overall_margin,
    required_patients,
    supported_parameters,
)


@pytest.mark.parametrize(
    ("auroc", "prevalence", "parameters", "recorded"),
    [
        (0.75, 0.09, 5, 654),
        (0.75, 0.09, 10, 1308),
        (0.75, 0.09, 20, 2615),
        (0.85, 0.09, 10, 570),
        (0.85, 0.09, 20, 1140),
        (0.75, 0.49, 10, 429),
        (0.75, 0.49, 20, 857),
        (0.75, 0.30, 10, 511),
    ],
)
def test_recorded_sizes_are_met_within_their_simulation_noise(
    auroc, prevalence, parameters, recorded
):
    r2 = cox_snell_r2(auroc, prevalence)
    assert required_patients(parameters, prevalence, r2).needed == pytest.approx(recorded, rel=0.05)


@pytest.mark.parametrize(("auroc", "prevalence"), [(0.75, 0.09), (0.85, 0.3), (0.6, 0.5)])
def test_r2_equals_that_of_simulated_patients(auroc, prevalence):
    random = np.random.default_rng(0)
    n = 400_000
    event = random.uniform(size=n) < prevalence
    apart = float(np.sqrt(2) * np.abs(_normal_quantile(auroc)))
    score = random.normal(size=n) + apart * event
    eta = np.log(prevalence / (1 - prevalence)) - apart**2 / 2 + apart * score
    gain = np.mean(event * eta - np.logaddexp(0, eta))
    share = event.mean()
    null = share * np.log(share) + (1 - share) * np.log(1 - share)
    assert cox_snell_r2(auroc, prevalence) == pytest.approx(
        1 - np.exp(-2 * (gain - null)), abs=0.002
    )


def _normal_quantile(share: float) -> float:
    random = np.random.default_rng(1)
    return float(np.quantile(random.normal(size=2_000_000), share))


def test_supported_parameters_invert_required_patients():
    r2 = cox_snell_r2(0.75, 0.2)
    needed = required_patients(7, 0.2, r2)
    patients = max(needed.shrinkage, needed.nagelkerke)
    assert supported_parameters(patients, 0.2, r2) == pytest.approx(7, abs=0.05)
    assert overall_margin(needed.overall_risk, 0.2) <= 0.05 < overall_margin(240, 0.2)


def test_a_useless_predictor_needs_infinitely_many_patients():
    assert supported_parameters(10_000, 0.2, cox_snell_r2(0.5, 0.2)) == 0.0
