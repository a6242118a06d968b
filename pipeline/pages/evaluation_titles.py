"""Names, title and banner of an evaluation page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.format import words
from pipeline.model.evaluation_report import EvaluatedCohort, EvaluationReport

TEMPLATES = Path(__file__).parent / "templates"
WORDS: Mapping[str, Any] = json.loads((TEMPLATES / "words.json").read_text(encoding="utf-8"))
NAMES: Mapping[str, str] = WORDS["predictors"]


_MARK = " (simulated patients)"
_BOTH = "Simulated patients: nothing on this page is clinical evidence."


def named(predictor: str) -> str:
    """Return the display name of a predictor, event or part.

    Examples
    --------
    >>> named("last_crp"), named("some_score")
    ('Last CRP', 'Some score')
    """
    return str(NAMES.get(predictor, words(predictor)))


def page_title(report: EvaluationReport) -> str:
    """Return a title with the training cohort and the scored cohort.

    Parameters
    ----------
    report : EvaluationReport
        Only its kind and cohort are used.

    Returns
    -------
    str

    Examples
    --------
    >>> ward = EvaluatedCohort(name="ward", trained_on="demo", trained_on_synthetic=True)
    >>> page_title(EvaluationReport(kind="external", cohort=ward))
    'Evaluation of the model of demo (simulated patients) on ward'
    >>> page_title(EvaluationReport(kind="apparent", cohort=EvaluatedCohort(name="ward")))
    'Apparent evaluation of the model of ward, on its own training patients'
    """
    cohort = report.cohort
    own = f"{cohort.name}{_MARK if cohort.synthetic else ''}"
    if report.kind == "apparent":
        return f"Apparent evaluation of the model of {own}, on its own training patients"
    if cohort.trained_on is None:
        return f"Evaluation of {own}"
    simulated = _MARK if model_simulated(cohort) else ""
    return f"Evaluation of the model of {cohort.trained_on}{simulated} on {own}"


def model_simulated(cohort: EvaluatedCohort) -> bool:
    """Whether the training patients are simulated; if not stated, as the scored ones are."""
    stated = cohort.trained_on_synthetic
    return cohort.synthetic if stated is None else stated


def banner_text(cohort: EvaluatedCohort, *, synthetic: bool = False) -> str:
    """Return the banner on simulated patients; blank if there are none.

    Examples
    --------
    >>> banner_text(EvaluatedCohort(trained_on_synthetic=True))[:40]
    'The model learned from simulated patient'
    >>> banner_text(EvaluatedCohort())
    ''
    """
    model, scored = model_simulated(cohort), cohort.synthetic
    if synthetic or (model and scored):
        return _BOTH
    if model:
        return (
            "The model learned from simulated patients; those it was scored on are not marked as "
            "simulated. No risk of this model is clinical evidence."
        )
    if scored:
        return (
            "The patients scored here are simulated; those the model learned from are not marked "
            "as such. Nothing on this page shows how good the model is for real patients."
        )
    return ""


def subject_text(cohort: EvaluatedCohort) -> str:
    """Describe the training and scored cohorts and whether each is marked as simulated.

    Examples
    --------
    >>> ward = EvaluatedCohort(name="ward", trained_on="demo", trained_on_synthetic=True)
    >>> print(subject_text(ward))
    The model learned from “demo” (simulated patients); scored are the patients of “ward” (not \
marked as simulated).
    """
    if cohort.trained_on is None:
        return ""
    return (
        f"The model learned from “{cohort.trained_on}” ({_marked(model_simulated(cohort))}); "
        f"scored are the patients of “{cohort.name}” ({_marked(cohort.synthetic)})."
    )


def _marked(simulated: bool) -> str:
    return "simulated patients" if simulated else "not marked as simulated"
