"""Patients who were never graded on a scale: unknown, or without the event."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.cohort.tables import Cohort

Ungraded = Literal["as_charted", "unknown", "no_event"]
ReadAs = Literal["unknown", "no_event"]
STATED_ELSEWHERE = "death"  # dates of death stand in the patients table


@dataclass(frozen=True)
class NeverGraded:
    """How many of a cohort no assessment of a scale tells of, and what is made of them.

    Attributes
    ----------
    scale : str
    n, of : int
        Infusions without a usable assessment, and all of them; one per patient mostly.
    with_zero : int
        Graded ones with at least one charted grade 0.
    unit : str
        ``patients``, or ``infusions`` where some patients have more than one.
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
    """Whether each infusion is without a usable assessment on a scale.

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
    """What no assessment of a scale means, by the setting or by what the ward charts.

    Parameters
    ----------
    graded, with_zero : int
        Patients with an assessment of the scale, and those of them with a grade 0.

    Examples
    --------
    >>> absence_means("as_charted", 80, 70), absence_means("as_charted", 80, 3)
    ('unknown', 'no_event')
    """
    if setting != "as_charted":
        return setting
    return "unknown" if 2 * with_zero > graded else "no_event"


def count_ungraded(cohort: Cohort, scale: str, setting: Ungraded) -> NeverGraded:
    """Count who was never graded on a scale and say how the labels read them.

    As charted means: where most graded patients have a grade 0, the ward charts that there was
    nothing, so silence is unknown; where most have none, only events were charted, so silence is
    no event.

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
    """Whether nothing is known of each infusion on a scale, because nobody graded it.

    Never so for ``death``, which the patients table states too.
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
    """Why no outcome can be learned, because nobody has a single grade; "" where somebody has.

    Parameters
    ----------
    scales : collection of str
        Those of the configured outcomes; deaths may stand in patients.
    grades : str
        ``cohort.grades``: where grades come from.
    files : mapping
        Table to its file.
    counts : mapping
        File to its counts of rows, as in :class:`pipeline.reading.read_result.ReadResult`.
    refused : mapping
        File to what was refused of it and why, where anything was.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> nobody, file = empty_cohort(["a"]), {"assessments": "assessments.csv"}
    >>> no_grades_reason(nobody, ["crs"], "charted", file, {"assessments.csv": {"read": 0}}, {})
    'assessments.csv has a header but no row, so there is no outcome to learn from'
    """
    deaths = STATED_ELSEWHERE in scales and cohort.patients["death_hours"].notna().any()
    if len(cohort.assessments) or deaths:
        return ""
    sources = ["assessments"] if grades != "derived" else []
    sources += ["observations"] if grades != "charted" else []
    told = [
        f"{files[name]} has a header but no row"
        if counts[files[name]]["read"] == 0
        else f"no row of {files[name]} gives a grade"
        for name in sources
        if name in files
    ]
    found = f"{' and '.join(told)}, so there is no outcome to learn from"
    why = [refused[files[name]] for name in sources if refused.get(files.get(name, ""))]
    return ". ".join([found, *why]).removesuffix(".")


def ungraded_text(entry: Mapping[str, Any]) -> str:
    """Who was never graded on a scale and what was made of it, a phrase without a final stop.

    Parameters
    ----------
    entry : mapping
        From :meth:`NeverGraded.to_dict`.

    Examples
    --------
    >>> found = NeverGraded("crs", 12, 80, 68, "patients", "as_charted", "unknown").to_dict()
    >>> print(ungraded_text(found))
    crs: 12 of 80 patients were never graded and are left out as unknown, because 68 of the 68 \
graded ones have a charted grade 0
    """
    scale, n, of, unit = (entry[key] for key in ("scale", "n", "of", "unit"))
    if n == 0:
        return f"{scale}: all {of} {unit} were graded"
    made = (
        "are left out as unknown" if entry["read_as"] == "unknown" else "count as without the event"
    )
    why = (
        f"because {entry['with_zero']} of the {of - n} graded ones have a charted grade 0"
        if entry["setting"] == "as_charted"
        else f"as cohort.ungraded: {entry['setting']} states"
    )
    return f"{scale}: {n} of {of} {unit} were never graded and {made}, {why}"
