"""What the cohort can and cannot support: Riley's sample size against the model as fitted."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.config import Config
from pipeline.evaluate.document import event_patients
from pipeline.evaluate.outcomes import reported_thresholds
from pipeline.evaluate.sample_size import (
    cox_snell_r2,
    overall_margin,
    required_patients,
    supported_parameters,
)
from pipeline.features.build import FeatureMatrix
from pipeline.model.effective import effective_parameters
from pipeline.model.risk_model import RiskModel
from pipeline.model.stack import Targets, stack


def size_report(
    name: str, config: Config, model: RiskModel, matrix: FeatureMatrix, targets: Targets
) -> dict[str, Any]:
    """Patients needed and parameters supported for one outcome.

    Parameters are counted as effective ones of the linear members; their equal mean has the mean
    of their counts. Trees have no such count, so the figure says nothing about the booster.

    Returns
    -------
    dict
        JSON-ready; ``sentence`` is the warning printed at the end of training.
    """
    outcome = config.outcomes[name]
    column = targets.thresholds.index(outcome.threshold)
    patients = len(np.unique(targets.patient[targets.at_risk[:, column]]))
    events = event_patients(targets, outcome.threshold)
    parameters = _member_parameters(config, outcome.scale, model, matrix, targets)
    used = float(np.mean(list(parameters.values())))
    report: dict[str, Any] = {
        "n_patients": patients,
        "n_event_patients": events,
        "expected_auroc": config.evaluation.expected_auroc,
        "effective_parameters": {key: round(value, 1) for key, value in parameters.items()},
        "effective_parameters_mean": round(used, 1),
        "needed": None,
        "supported_parameters": None,
        "overall_risk_margin": None,
    }
    if not 0 < events < patients:
        report["sentence"] = f"{name}: no sample size can be given, because all or none have it."
        return report
    prevalence = events / patients
    r2 = cox_snell_r2(config.evaluation.expected_auroc, prevalence)
    needed = required_patients(used, prevalence, r2)
    supported = supported_parameters(patients, prevalence, r2)
    report["needed"] = {
        "shrinkage": needed.shrinkage,
        "nagelkerke_gap": needed.nagelkerke,
        "overall_risk": needed.overall_risk,
        "all": needed.needed,
    }
    report["supported_parameters"] = round(supported, 1)
    report["overall_risk_margin"] = round(overall_margin(patients, prevalence), 4)
    report["sentence"] = _sentence(name, report, parameters, supported)
    return report


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


def _sentence(
    name: str, report: dict[str, Any], parameters: dict[str, float], supported: float
) -> str:
    used, needed = report["effective_parameters_mean"], report["needed"]["all"]
    start = (
        f"{name}: {report['n_event_patients']} of {report['n_patients']} patients have the event. "
        f"At an AUROC of {report['expected_auroc']:g} that supports {supported:.1f} parameters and "
        f"the overall risk within {100 * report['overall_risk_margin']:.1f} points; the linear "
        f"members use {used:.1f} effective parameters (the mean over them, unweighted), for which "
        f"{needed} patients are needed "
        "(Riley, 10.1002/sim.7992)."
    )
    can = [f"{key} ({value:.1f})" for key, value in parameters.items() if value <= supported]
    cannot = [f"{key} ({value:.1f})" for key, value in parameters.items() if value > supported]
    if not cannot:
        return f"{start} The cohort supports every linear member; the booster is not counted."
    held = (
        f"The cohort supports {', '.join(can)}, but not" if can else "The cohort supports none of"
    )
    return (
        f"{start} {held} {', '.join(cannot)}; the booster is not counted. Risks may be too "
        "extreme on new patients: validate calibration there before use."
    )
