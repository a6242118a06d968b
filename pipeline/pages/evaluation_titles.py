"""Names, title and banner of an evaluation page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.format import counted, words
from pipeline.model.evaluation_report import EvaluatedCohort, EvaluationReport

TEMPLATES = Path(__file__).parent / "templates"
WORDS: Mapping[str, Any] = json.loads((TEMPLATES / "words.json").read_text(encoding="utf-8"))
NAMES: Mapping[str, str] = WORDS["predictors"]


def named(predictor: str) -> str:
    """Return the display name of a predictor, event or part.

    Examples
    --------
    >>> named("last_crp"), named("some_score")
    ('Last CRP', 'Some score')
    """
    return str(NAMES.get(predictor, words(predictor)))


def predictor_rank(predictor: str) -> int:
    """Position of a predictor in ``words.json``, the model first; others last.

    Examples
    --------
    >>> predictor_rank("model"), predictor_rank("easix") < predictor_rank("some_score")
    (0, True)
    """
    order = list(NAMES)
    return order.index(predictor) if predictor in order else len(order)


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
    >>> own = EvaluatedCohort(name="synthetic", n_patients=150, synthetic=True)
    >>> page_title(EvaluationReport(kind="cross-validated", cohort=own))
    'Evaluation: synthetic cohort, 150 patients'
    >>> ward = EvaluatedCohort(name="ward", trained_on="demo", trained_on_synthetic=True)
    >>> page_title(EvaluationReport(kind="external", cohort=ward))
    'Evaluation: model of demo (simulated patients) on ward cohort'
    """
    cohort = report.cohort
    own = _cohort_name(cohort.name, simulated=cohort.synthetic)
    if report.kind == "apparent":
        text = evaluation_phrase("title", "apparent", cohort=own)
    elif cohort.trained_on is None:
        text = evaluation_phrase("title", "own", cohort=own)
    else:
        model = _cohort_name(cohort.trained_on, simulated=model_simulated(cohort))
        text = evaluation_phrase("title", "other", cohort=own, model=model)
    count = cohort.n_patients
    return f"{text}, {counted(int(count), 'patient')}" if count else text


def _cohort_name(name: str | None, *, simulated: bool) -> str:
    """Name of a cohort, marked as simulated unless the name shows it."""
    known = name or evaluation_phrase("title", "unnamed")
    if not simulated or "synthetic" in known.lower() or "simulated" in known.lower():
        return known
    return evaluation_phrase("title", "simulated", name=known)


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
        return evaluation_phrase("title", "banner_both")
    if model:
        return evaluation_phrase("title", "banner_model")
    return evaluation_phrase("title", "banner_scored") if scored else ""


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
    model, scored = (
        evaluation_phrase("title", "marked" if simulated else "not_marked")
        for simulated in (model_simulated(cohort), cohort.synthetic)
    )
    return evaluation_phrase(
        "title",
        "subject",
        trained=cohort.trained_on,
        marked=model,
        cohort=cohort.name,
        scored=scored,
    )
