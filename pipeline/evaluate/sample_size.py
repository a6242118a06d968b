"""How many patients a risk model needs, by the three criteria of Riley et al.

Riley et al., 10.1002/sim.7992; the step from an AUROC to the Cox-Snell R2 is Riley et al.,
10.1002/sim.8806. Above an AUROC of about .85 the first criterion is too small by half or more
(10.1186/s12874-024-02268-5).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, inf, log, sqrt

import numpy as np

SHRINKAGE = 0.9
NAGELKERKE_GAP = 0.05
RISK_MARGIN = 0.05
_NORMAL_975 = 1.959963984540054


@dataclass(frozen=True)
class SampleSize:
    """Patients needed by each criterion.

    Attributes
    ----------
    shrinkage : int
        So that coefficients need to be shrunk by at most a tenth.
    nagelkerke : int
        So that apparent and true Nagelkerke R2 differ by at most .05.
    overall_risk : int
        So that the overall risk is known within .05.
    """

    shrinkage: int
    nagelkerke: int
    overall_risk: int

    @property
    def needed(self) -> int:
        """The largest of the three."""
        return max(self.shrinkage, self.nagelkerke, self.overall_risk)


def required_patients(parameters: float, prevalence: float, r2: float) -> SampleSize:
    """Patients needed for a model with so many parameters.

    Parameters
    ----------
    parameters : float
        Candidate or effective parameters.
    prevalence : float
        Share of patients with the outcome.
    r2 : float
        Cox-Snell R2 that the model is expected to reach.

    Examples
    --------
    >>> required_patients(24, 0.174, 0.288)
    SampleSize(shrinkage=623, nagelkerke=662, overall_risk=221)
    """
    precise = ceil((_NORMAL_975 / RISK_MARGIN) ** 2 * prevalence * (1.0 - prevalence))
    return SampleSize(
        ceil(parameters * _per_parameter(r2, SHRINKAGE)),
        ceil(parameters * _per_parameter(r2, _gap_shrinkage(r2, prevalence))),
        precise,
    )


def supported_parameters(patients: int, prevalence: float, r2: float) -> float:
    """Parameters that so many patients support by the first two criteria.

    Examples
    --------
    >>> round(supported_parameters(662, 0.174, 0.288), 1)
    24.0
    """
    each = max(_per_parameter(r2, SHRINKAGE), _per_parameter(r2, _gap_shrinkage(r2, prevalence)))
    return patients / each


def overall_margin(patients: int, prevalence: float) -> float:
    """Half width of the 95 % interval of the overall risk; the third criterion wants .05.

    Examples
    --------
    >>> round(overall_margin(221, 0.174), 3)
    0.05
    """
    return _NORMAL_975 * sqrt(prevalence * (1.0 - prevalence) / patients)


def cox_snell_r2(auroc: float, prevalence: float) -> float:
    """Cox-Snell R2 of a calibrated model with this AUROC.

    The linear predictor is normal with equal spread in patients with and without the outcome, so
    the integrals are one-dimensional and no simulation is needed.

    Examples
    --------
    >>> round(cox_snell_r2(0.75, 0.09), 3), round(cox_snell_r2(0.5, 0.09), 3)
    (0.069, 0.0)
    """
    from scipy.stats import norm

    apart = float(np.sqrt(2.0) * norm.ppf(auroc))
    node, weight = np.polynomial.hermite_e.hermegauss(80)
    weight = weight / weight.sum()
    start = log(prevalence / (1.0 - prevalence)) - apart**2 / 2.0
    event = weight @ -np.logaddexp(0.0, -(start + apart * (node + apart)))
    other = weight @ -np.logaddexp(0.0, start + apart * node)
    gain = prevalence * event + (1.0 - prevalence) * other - _null(prevalence)
    return float(1.0 - exp(-2.0 * max(gain, 0.0)))


def _null(prevalence: float) -> float:
    """Mean log-likelihood of the overall risk."""
    return prevalence * log(prevalence) + (1.0 - prevalence) * log(1.0 - prevalence)


def _gap_shrinkage(r2: float, prevalence: float) -> float:
    """Shrinkage at which apparent and true Nagelkerke R2 differ by the stated gap."""
    return r2 / (r2 + NAGELKERKE_GAP * (1.0 - exp(2.0 * _null(prevalence))))


def _per_parameter(r2: float, shrinkage: float) -> float:
    """Patients per parameter for an expected shrinkage."""
    if r2 <= 0.0:
        return inf
    return 1.0 / ((shrinkage - 1.0) * log(1.0 - r2 / shrinkage))
