"""Inputs of an estimate: their age and range, and which are missing, old or rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.model_summary import ModelSummary, graded_scales
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import age_text
from pipeline.resources import schema_json


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


def grades_refused(summary: ModelSummary, refused: PatientRejects) -> dict[str, int]:
    """Number of rejected grades by scale of the model; unknown scales together last, as blank."""
    used, known = graded_scales(summary), schema_json("assessments.json")["scales"]
    counts: Counter[str] = Counter()
    for scale, number in refused.grades.items():
        if scale in used or scale not in known:
            counts[scale if scale in used else ""] += number
    return {scale: counts[scale] for scale in [*used, ""] if counts[scale]}


@dataclass(frozen=True)
class MissingInput:
    """One missing or old input.

    Attributes
    ----------
    analyte : str
        Key; blank for a grade or other rows.
    kind : str
        ``never``, ``stale``, ``grades`` or ``refused``: a key of ``missing`` in
        ``sentences.yaml``.
    name : str
    age : str
        Age of an old result; else blank.
    """

    analyte: str
    kind: str
    name: str
    age: str = ""


def missing_inputs(
    record: PatientRecord, inputs: EstimateInputs, summary: ModelSummary, refused: PatientRejects
) -> list[MissingInput]:
    """Return every lab never measured (core labs first), old results and uncharted grades.

    Parameters
    ----------
    record : PatientRecord
        The patient at the landmark.
    inputs : EstimateInputs
        From :func:`inputs_of`.
    summary : ModelSummary
        The model.
    refused : PatientRejects
        Rejected results, which are not listed as never measured; other rejected rows are the last
        item.

    Returns
    -------
    list of MissingInput

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
    >>> missing_inputs(record, EstimateInputs(100.0), model, PatientRejects())
    [MissingInput(analyte='crp', kind='never', name='CRP', age='')]
    """
    lost = results_refused(summary, refused)
    absent = [key for key in summary.analytes if key not in record.results and key not in lost]
    absent.sort(key=lambda key: not summary.analytes[key].core)
    items = [MissingInput(key, "never", summary.analytes[key].short) for key in absent]
    ages = {
        key: record.hours - record.results[key][-1].hours
        for key in inputs.stale
        if key in record.results and key in summary.analytes
    }
    items += [
        MissingInput(key, "stale", summary.analytes[key].short, age_text(ages[key]))
        for key in sorted(ages, key=lambda key: -ages[key])
    ]
    items += [
        MissingInput("", "grades", scale.upper())
        for scale in graded_scales(summary)
        if scale not in record.charted
    ]
    stated = (lost, refused.grades, refused.doses)
    if refused.rows > sum(sum(counts.values()) for counts in stated):
        items.append(MissingInput("", "refused", ""))
    return items
