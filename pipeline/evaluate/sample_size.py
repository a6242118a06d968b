"""Sample size that a model needs (Riley et al.), compared with the cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp, inf, log, sqrt

import numpy as np

from pipeline.config import Config
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.report import event_patients
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.evaluation_report import NeededPatients, SampleSizeReport
from pipeline.model.linear import effective_parameters
from pipeline.model.outcomes import reported_thresholds
from pipeline.model.risk_model import RiskModel
from pipeline.model.stacked_rows import Targets, stack

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
        For a shrinkage of coefficients by at most a tenth.
    nagelkerke : int
        For a difference of apparent and true Nagelkerke R2 of at most .05.
    overall_risk : int
        For an overall risk known within .05.
    """

    shrinkage: int
    nagelkerke: int
    overall_risk: int

    @property
    def needed(self) -> int:
        """The largest of the three."""
        return max(self.shrinkage, self.nagelkerke, self.overall_risk)


def required_patients(parameters: float, prevalence: float, r2: float) -> SampleSize:
    """Patients needed for a model with the given number of parameters.

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
    """Number of parameters that the patients support by the first two criteria.

    Examples
    --------
    >>> round(supported_parameters(662, 0.174, 0.288), 1)
    24.0
    """
    each = max(_per_parameter(r2, SHRINKAGE), _per_parameter(r2, _gap_shrinkage(r2, prevalence)))
    return patients / each


def overall_margin(patients: int, prevalence: float) -> float:
    """Half width of the 95% interval of the overall risk; the third criterion requires .05.

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

    distance = float(np.sqrt(2.0) * norm.ppf(auroc))
    node, weight = np.polynomial.hermite_e.hermegauss(80)
    weight = weight / weight.sum()
    start = log(prevalence / (1.0 - prevalence)) - distance**2 / 2.0
    event = weight @ -np.logaddexp(0.0, -(start + distance * (node + distance)))
    other = weight @ -np.logaddexp(0.0, start + distance * node)
    gain = prevalence * event + (1.0 - prevalence) * other - _null(prevalence)
    return float(1.0 - exp(-2.0 * max(gain, 0.0)))


def size_report(
    name: str, config: Config, model: RiskModel, matrix: FeatureMatrix, targets: Targets
) -> SampleSizeReport:
    """Patients needed and parameters supported for one outcome.

    Parameters are the effective parameters of the linear members, averaged over the members. The
    booster has no such count and is not included. ``sentence`` is the warning printed at the end
    of training.

    Parameters
    ----------
    name : str
        Outcome.
    config : Config
    model : RiskModel
        Fitted on all patients.
    matrix : FeatureMatrix
        Features of all training landmarks.
    targets : Targets
        Of these landmarks.

    Returns
    -------
    SampleSizeReport

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.features.build import build_features
    >>> from pipeline.model.bundle import empty_bundle
    >>> from pipeline.model.fit_plan import FitPlan
    >>> from pipeline.model.fitting import fit_risk_model
    >>> bundle, patient = empty_bundle(), np.arange(20)
    >>> landmarks = pd.DataFrame({"patient": patient, "hours": 24.0})
    >>> matrix = build_features(empty_cohort(["P"] * 20), landmarks, bundle.reference.spec)
    >>> event = (patient % 4 == 0)[:, None]
    >>> times, status = np.where(event, 20.0, 200.0), event.astype(np.int8)
    >>> rest = np.ones(20), patient, np.full(20, 24.0), np.full((20, 1), 200.0), patient
    >>> targets = Targets((3,), times, status, np.full((20, 1), True), *rest)
    >>> config = bundle.config.model.model_copy(update={"members": ("labs",)})
    >>> plan = FitPlan("crs", (3,), bundle.reference.spec, config, seed=0, jobs=1)
    >>> model = fit_risk_model(matrix, targets, plan)
    >>> report = size_report("severe_crs", bundle.config, model, matrix, targets)
    >>> report.n_patients, report.n_event_patients, report.needed.all
    (20, 5, 289)
    """
    outcome = config.outcomes[name]
    column = targets.thresholds.index(outcome.threshold)
    patients = len(np.unique(targets.patient[targets.at_risk[:, column]]))
    events = event_patients(targets, outcome.threshold)
    parameters = _member_parameters(config, outcome.scale, model, matrix, targets)
    used = float(np.mean(list(parameters.values())))
    expected = config.evaluation.expected_auroc
    size, supported, margin = None, None, None
    sentence = f"{name}: {evaluation_phrase('warnings', 'no_sample_size')}"
    if 0 < events < patients:
        prevalence = events / patients
        r2 = cox_snell_r2(expected, prevalence)
        size = required_patients(used, prevalence, r2)
        supported = supported_parameters(patients, prevalence, r2)
        margin = overall_margin(patients, prevalence)
        supports = all(value <= supported for value in parameters.values())
        text = evaluation_phrase(
            "warnings",
            "sample_size",
            events=events,
            patients=patients,
            auroc=f"{expected:g}",
            supported=f"{supported:.1f}",
            margin=f"{100 * margin:.1f}",
            used=f"{used:.1f}",
            needed=size.needed,
        )
        sentence = f"{name}: {text}"
        if not supports:
            sentence += " " + evaluation_phrase("warnings", "not_supported")
    return SampleSizeReport(
        n_patients=patients,
        n_event_patients=events,
        expected_auroc=expected,
        effective_parameters={key: round(value, 1) for key, value in parameters.items()},
        effective_parameters_mean=round(used, 1),
        needed=None
        if size is None
        else NeededPatients(
            shrinkage=size.shrinkage,
            nagelkerke_gap=size.nagelkerke,
            overall_risk=size.overall_risk,
            all=size.needed,
        ),
        supported_parameters=None if supported is None else round(supported, 1),
        overall_risk_margin=None if margin is None else round(margin, 4),
        sentence=sentence,
    )


def parameters_text(supported: float, members: Sequence[float], mean: float) -> str:
    """Sentence on the parameters that the sample supports and those of the linear members.

    Parameters
    ----------
    supported : float
    members : sequence of float
        Effective parameters of each linear member; trees have no number.
    mean : float
        Of the members.

    Returns
    -------
    str

    Examples
    --------
    >>> print(parameters_text(3.0, [10.7, 21.0, 63.3], 31.7))
    The sample supports 3.0 parameters; the linear members have 10.7 to 63.3 each, mean 31.7 \
(trees not counted).
    """
    low, high = (f"{end(members or [mean]):.1f}" for end in (min, max))
    return evaluation_phrase(
        "warnings",
        "parameters" if low == high else "parameters_range",
        supported=f"{supported:.1f}",
        low=low,
        high=high,
        mean=f"{mean:.1f}",
    )


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


def _member_parameters(
    config: Config, scale: str, model: RiskModel, matrix: FeatureMatrix, targets: Targets
) -> dict[str, float]:
    settings = config.model
    rows = stack(
        targets,
        tuple(float(hours) for hours in settings.horizons_hours),
        reported=reported_thresholds(config.outcomes, scale),
        other_weight=settings.other_threshold_weight,
        weights=settings.threshold_weights.get(scale),
        ipcw_floor=settings.ipcw_floor,
    )
    if model.shown is model.state:
        rows = rows.of(model.state_used(matrix))
    members = model.shown.linear or (model.reference,)
    return {member.name: effective_parameters(member, matrix, rows) for member in members}
