"""Inputs of an estimate: their age and range, and which are missing, old or rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import age_text, listed_phrases, phrase
from pipeline.format import joined


@dataclass(frozen=True)
class EstimateInputs:
    """Age and range of the inputs, from one row of ``predictions.csv``.

    Attributes
    ----------
    newest : float
        Age of the newest sample in hours.
    stale, out_of_range : tuple of str
        Keys of analytes with an old result, or with one outside the training range.
    """

    newest: float
    stale: tuple[str, ...] = ()
    out_of_range: tuple[str, ...] = ()


def inputs_of(row: Mapping[str, Any]) -> EstimateInputs:
    """Read the inputs from a row of ``predictions.csv``.

    Parameters
    ----------
    row : mapping
        ``newest_lab_hours``, ``analytes_stale`` and ``out_of_range`` are used.

    Returns
    -------
    EstimateInputs

    Examples
    --------
    >>> row = {"newest_lab_hours": "3.5", "analytes_stale": "il6;nfl", "out_of_range": ""}
    >>> inputs_of(row)
    EstimateInputs(newest=3.5, stale=('il6', 'nfl'), out_of_range=())
    """
    lists = (
        tuple(key for key in str(row[name]).split(";") if key)
        for name in ("analytes_stale", "out_of_range")
    )
    return EstimateInputs(float(row["newest_lab_hours"]), *lists)


def results_refused(summary: ModelSummary, refused: PatientRejects) -> dict[str, int]:
    """Number of rejected results of each analyte of the model, if any."""
    return {key: refused.results[key] for key in summary.analytes if key in refused.results}


def results_text(count: int) -> str:
    """Format a number of results."""
    return phrase("missing", "result" if count == 1 else "results", count=count)


def missing_sentences(
    record: PatientRecord, inputs: EstimateInputs, summary: ModelSummary, refused: PatientRejects
) -> list[str]:
    """Return sentences on missing, old and rejected results.

    Parameters
    ----------
    record : PatientRecord
        The patient at the landmark.
    inputs : EstimateInputs
        From :func:`inputs_of`.
    summary : ModelSummary
        The model.
    refused : PatientRejects
        Rejected results, which are not listed as never measured.

    Returns
    -------
    list of str

    Examples
    --------
    >>> import pandas as pd
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.analytes import dictionary
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.explain.patient_record import records
    >>> landmark = pd.DataFrame({"patient": [0], "hours": [72.0]})
    >>> [record] = records(empty_cohort(["P-1"]), landmark)
    >>> model = SimpleNamespace(analytes={"crp": dictionary()["crp"]}, outcomes={})
    >>> missing_sentences(record, EstimateInputs(100.0), model, PatientRejects())
    ['No result so far: CRP.']
    """
    core = [key for key, analyte in summary.analytes.items() if analyte.core]
    measured = set(record.labs["analyte"])
    lost = results_refused(summary, refused)
    never = [summary.analytes[key].short for key in core if key not in measured and key not in lost]
    newest = record.labs.groupby("analyte")["collected_hours"].max()
    ages = sorted(
        ((key, record.hours - float(newest[key])) for key in inputs.stale if key in newest),
        key=lambda item: -item[1],
    )
    sentences = []
    if lost:
        named = [f"{summary.analytes[key].short} ({results_text(n)})" for key, n in lost.items()]
        sentences.append(phrase("missing", "results_refused", analytes=joined(named)))
    if never:
        sentences.append(phrase("missing", "never", analytes=joined(never)))
    if ages:
        named = [
            phrase("missing", "stale_one", analyte=summary.analytes[key].short, age=age_text(age))
            for key, age in ages
            if key in summary.analytes
        ]
        sentences.append(phrase("missing", "stale", analytes=listed_phrases(named)))
    scales = dict.fromkeys(outcome.scale for outcome in summary.outcomes.values())
    uncharted = [
        scale.upper()
        for scale in scales
        if scale != "death" and not (record.grades["scale"] == scale).any()
    ]
    if uncharted:
        sentences.append(phrase("missing", "grades_none", scales=joined(uncharted)))
    if refused.rows > sum(lost.values()):
        key = "refused_too" if lost else "refused"
        return [*(sentences or [_none(summary)]), phrase("missing", key)]
    return sentences or [_none(summary)]


def _none(summary: ModelSummary) -> str:
    return phrase("missing", "none", hours=f"{summary.stale_hours:g}")
