"""Patients who were never graded on a scale: read as unknown, or as without the event."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.cohort.tables import Cohort

Ungraded = Literal["as_charted", "unknown", "no_event"]
ReadAs = Literal["unknown", "no_event"]
STATED_ELSEWHERE = "death"  # the patients table has the dates of death


@dataclass(frozen=True)
class NeverGraded:
    """Number of patients without an assessment of a scale, and how their labels are read.

    Attributes
    ----------
    scale : str
        For example ``crs``.
    n, of : int
        Infusions without a usable assessment, and all infusions.
    with_zero : int
        Graded infusions with at least one charted grade 0.
    unit : str
        ``patients``, or ``infusions`` if some patients have more than one.
    setting : str
        ``cohort.ungraded``.
    read_as : str
        ``unknown`` or ``no_event``.
    """

    scale: str
    n: int
    of: int
    with_zero: int
    unit: str
    setting: Ungraded
    read_as: ReadAs

    def to_dict(self) -> dict[str, str | int]:
        """Plain values for JSON."""
        return asdict(self)


def never_graded(cohort: Cohort, scale: str) -> NDArray[np.bool_]:
    """Whether each infusion has no usable assessment on a scale.

    Parameters
    ----------
    cohort : Cohort
        ``assessments`` is used.
    scale : str
        For example ``crs``.

    Returns
    -------
    ndarray of bool, shape (n_infusions,)

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> never_graded(empty_cohort(["a"]), "crs").tolist()
    [True]
    """
    bare = np.ones(len(cohort), dtype=bool)
    rows = cohort.assessments
    bare[rows.loc[rows["scale"] == scale, "patient"].to_numpy()] = False
    return bare


def absence_means(setting: Ungraded, graded: int, with_zero: int) -> ReadAs:
    """Meaning of a missing assessment, by the setting or by the charting of the ward.

    Parameters
    ----------
    setting : {"as_charted", "unknown", "no_event"}
        ``cohort.ungraded``.
    graded, with_zero : int
        Patients with an assessment of the scale, and those among them with a grade 0.

    Returns
    -------
    {"unknown", "no_event"}

    Examples
    --------
    >>> absence_means("as_charted", 80, 70), absence_means("as_charted", 80, 3)
    ('unknown', 'no_event')
    """
    if setting != "as_charted":
        return setting
    return "unknown" if 2 * with_zero > graded else "no_event"


def count_ungraded(cohort: Cohort, scale: str, setting: Ungraded) -> NeverGraded:
    """Count the patients who were never graded on a scale, and how their labels are read.

    With ``as_charted``: if most graded patients have a grade 0, the ward charts the absence of
    events, so a missing grade is unknown. If most have none, only events are charted, so a missing
    grade is no event.

    Parameters
    ----------
    cohort : Cohort
        ``assessments`` is used.
    scale : str
        For example ``crs``.
    setting : {"as_charted", "unknown", "no_event"}
        ``cohort.ungraded``.

    Returns
    -------
    NeverGraded

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> count_ungraded(empty_cohort(["a"]), "crs", "as_charted").read_as
    'no_event'
    """
    rows = cohort.assessments.loc[cohort.assessments["scale"] == scale]
    bare = never_graded(cohort, scale)
    graded = len(cohort) - int(bare.sum())
    with_zero = int(rows.loc[rows["grade"] == 0, "patient"].nunique())
    return NeverGraded(
        scale=scale,
        n=len(cohort) - graded,
        of=len(cohort),
        with_zero=with_zero,
        unit="patients" if cohort.n_patients == len(cohort) else "infusions",
        setting=setting,
        read_as=absence_means(setting, graded, with_zero),
    )


def unknown_without_grades(cohort: Cohort, scale: str, setting: Ungraded) -> NDArray[np.bool_]:
    """Whether the outcome of each infusion is unknown on a scale, because it was never graded.

    Always False for ``death``, which is also in the patients table.

    Parameters
    ----------
    cohort : Cohort
        ``assessments`` is used.
    scale : str
        For example ``crs``.
    setting : {"as_charted", "unknown", "no_event"}
        ``cohort.ungraded``.

    Returns
    -------
    ndarray of bool, shape (n_infusions,)

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> unknown_without_grades(empty_cohort(["a"]), "crs", "unknown").tolist()
    [True]
    """
    if scale == STATED_ELSEWHERE or count_ungraded(cohort, scale, setting).read_as == "no_event":
        return np.zeros(len(cohort), dtype=bool)
    return never_graded(cohort, scale)


def no_grades_reason(
    cohort: Cohort,
    scales: Collection[str],
    grades: str,
    files: Mapping[str, str],
    counts: Mapping[str, Mapping[str, int]],
    refused: Mapping[str, str],
) -> str:
    """Why a cohort without any grade cannot be trained on; "" if there is a grade.

    Parameters
    ----------
    cohort : Cohort
        ``assessments`` and deaths are used.
    scales : collection of str
        Scales of the configured outcomes.
    grades : str
        ``cohort.grades``: the source of grades.
    files : mapping
        Table to its file.
    counts : mapping
        File to its counts of rows, as in :class:`pipeline.reading.read_result.ReadResult`.
    refused : mapping
        File to the main reason of its rejects.

    Returns
    -------
    str

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort, file = empty_cohort(["a"]), {"assessments": "assessments.csv"}
    >>> no_grades_reason(cohort, ["crs"], "charted", file, {"assessments.csv": {"read": 0}}, {})
    'assessments.csv has a header but no row, so there is no outcome to learn from'
    """
    deaths = STATED_ELSEWHERE in scales and cohort.patients["death_hours"].notna().any()
    if len(cohort.assessments) or deaths:
        return ""
    sources = ["assessments"] if grades != "derived" else []
    sources += ["observations"] if grades != "charted" else []
    problems = [
        f"{files[name]} has a header but no row"
        if counts[files[name]]["read"] == 0
        else f"no row of {files[name]} gives a grade"
        for name in sources
        if name in files
    ]
    summary = f"{' and '.join(problems)}, so there is no outcome to learn from"
    why = [refused[files[name]] for name in sources if refused.get(files.get(name, ""))]
    return ". ".join([summary, *why]).removesuffix(".")


def ungraded_text(entry: Mapping[str, Any]) -> str:
    """Sentence without a full stop on the patients who were never graded on a scale.

    Parameters
    ----------
    entry : mapping
        From :meth:`NeverGraded.to_dict`.

    Returns
    -------
    str

    Examples
    --------
    >>> entry = NeverGraded("crs", 12, 80, 68, "patients", "as_charted", "unknown").to_dict()
    >>> print(ungraded_text(entry))
    CRS: 12 of 80 patients were never graded and are excluded as unknown, because 68 of the 68 \
graded ones have a charted grade 0
    """
    key, n, of, unit = (entry[name] for name in ("scale", "n", "of", "unit"))
    scale = key if key == "death" else key.upper()
    if n == 0:
        return f"{scale}: all {of} {unit} were graded"
    reading = (
        "are excluded as unknown" if entry["read_as"] == "unknown" else "count as without the event"
    )
    why = (
        f"because {entry['with_zero']} of the {of - n} graded ones have a charted grade 0"
        if entry["setting"] == "as_charted"
        else f"as set by cohort.ungraded: {entry['setting']}"
    )
    return f"{scale}: {n} of {of} {unit} were never graded and {reading}, {why}"
