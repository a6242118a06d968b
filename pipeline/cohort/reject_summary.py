"""How much of an export is refused and why, in lines for a console."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from pipeline.cohort.analyte_resolver import AnalyteResolver, known_key
from pipeline.cohort.analytes import find_key
from pipeline.cohort.ledger import HARMLESS, Ledger
from pipeline.config_cohort import CohortConfig
from pipeline.redaction import without_cells

MAJORITY = 0.5
_CODES, _NAMES, _LONGEST = 3, 5, 160
_ABOUT_PATIENT = "The id of the patient is at fault."
_ABOUT_PATIENTS = {
    "unknown_patient": "The patient has no accepted row in patients, or the id is blank.",
    "duplicate_patient": "Rows of the patient in patients contradict each other.",
    "no_infusion_time": "The row cannot be placed: its patient has no infusion_time.",
    "required_blank": "'patient_id' is blank but required.",
}


@dataclass(frozen=True)
class PatientRejects:
    """What of a patient's input was refused.

    Attributes
    ----------
    results : mapping
        Analyte to refused results; those after the moment of prediction are not counted.
    rows : int
        Refused rows of all tables.
    """

    results: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0


def refused_rows(
    ledger: Ledger, config: CohortConfig, book: AnalyteResolver
) -> dict[str, PatientRejects]:
    """What was refused of each patient, results by analyte key where the name is known."""
    found = {}
    for patient, rows in ledger.rows_refused.items():
        results: Counter[str] = Counter()
        for name, number in ledger.results_refused.get(patient, {}).items():
            key = known_key(name, config, book)
            if key is not None:
                results[key] += number
        found[patient] = PatientRejects(dict(results), rows)
    return found


def refusal_table(rejects: pd.DataFrame, counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Per file with refused rows: how many, and the leading codes with an example and the way out.

    Cells that were ignored count as entries of their code. No id of a patient is shown.

    Parameters
    ----------
    rejects, counts
        As in :class:`pipeline.reading.read_result.ReadResult`.
    """
    lines = []
    for file, count in counts.items():
        if not count["rejected"]:
            continue
        part = rejects.loc[rejects["file"] == file]
        whole = count["read"]
        lines.append(
            f"{file}: {count['rejected']} of {whole} rows are rejected "
            f"({share_text(count['rejected'], whole)})"
        )
        for code, number in part["code"].value_counts(sort=True).head(_CODES).items():
            first = part.loc[part["code"] == code].iloc[0]
            where = f"line {first['row']}" + (f", {first['column']}" if first["column"] else "")
            lines.append(f"  {code:24} {number:>7} {share_text(int(number), whole):>6}  {where}")
            lines.append(f"      {_said(first)} {first['remedy']}".rstrip())
    return lines


def majority_lines(
    counts: Mapping[str, Mapping[str, int]],
    read: Mapping[str, int],
    rejected: Mapping[str, Mapping[str, int]],
) -> list[str]:
    """Sentences on files and analytes of which more than half is refused.

    Parameters
    ----------
    counts : mapping
        Rows per file.
    read : mapping
        Rows of labs by the name of the analyte as exported.
    rejected : mapping
        By the same names: refused rows per code.
    """
    lines = [
        f"MOST OF {file} IS REFUSED: {count['rejected']} of {count['read']} rows "
        f"({share_text(count['rejected'], count['read'])})"
        for file, count in counts.items()
        if _mostly(count)
    ]
    found = []
    for name, codes in rejected.items():
        counted = [code for code in codes if code not in HARMLESS or code == "specimen_conflict"]
        refused = sum(codes[code] for code in counted)
        if find_key(name) is None or refused <= MAJORITY * read.get(name, 0):
            continue
        code = max(codes, key=lambda item: codes[item])
        found.append((refused, name, code))
    for refused, name, code in sorted(found, key=lambda item: (-item[0], item[1]))[:_NAMES]:
        lines.append(
            f"most of '{name}' is refused: {refused} of {read[name]} rows "
            f"({share_text(refused, read[name])}), mostly {code}"
        )
    if len(found) > _NAMES:
        lines.append(f"and so is most of {len(found) - _NAMES} further analytes")
    return lines


def mostly_refused_lines(
    rejects: pd.DataFrame, counts: Mapping[str, Mapping[str, int]]
) -> list[str]:
    """Per file of which more than half is refused: how much, mostly why, and the way out.

    Examples
    --------
    >>> rejects = pd.DataFrame(
    ...     {
    ...         "file": "labs.csv",
    ...         "column": "unit",
    ...         "value": "x",
    ...         "code": ["unit_refused"] * 3,
    ...         "reason": "'x' is no unit.",
    ...         "remedy": "Correct the unit.",
    ...     }
    ... )
    >>> for line in mostly_refused_lines(rejects, {"labs.csv": {"read": 4, "rejected": 3}}):
    ...     print(line)
    MOST OF labs.csv IS REFUSED: 3 of 4 rows (75 %), mostly unit_refused: 'x' is no unit. Correct \
the unit.
    """
    lines = majority_lines(counts, {}, {})
    for place, file in enumerate(file for file in counts if _mostly(counts[file])):
        part = rejects.loc[rejects["file"] == file]
        code = part["code"].value_counts().index[0]
        first = part.loc[part["code"] == code].iloc[0]
        lines[place] += f", mostly {code}: {_said(first)} {first['remedy']}"
    return lines


def main_reject_reason(
    rejects: pd.DataFrame, counts: Mapping[str, Mapping[str, int]], file: str
) -> str:
    """How many rows of a file are refused, the commonest reason and the way out; "" without any.

    No cell is quoted, because evaluations and tracking servers keep the sentence.

    Examples
    --------
    >>> rejects = pd.DataFrame(
    ...     {
    ...         "file": "assessments.csv",
    ...         "column": "grade",
    ...         "value": "II",
    ...         "code": ["illegal_value"] * 3,
    ...         "reason": "'II' is not legal here.",
    ...         "remedy": "Write 2.",
    ...     }
    ... )
    >>> counts = {"assessments.csv": {"read": 4, "rejected": 3}}
    >>> main_reject_reason(rejects, counts, "assessments.csv")
    "3 of 4 rows of assessments.csv are refused, mostly illegal_value (3): '[text]' is not \
legal here. Write 2."
    """
    count = counts.get(file, {"read": 0, "rejected": 0})
    part = rejects.loc[rejects["file"] == file]
    if not count["rejected"] or part.empty:
        return ""
    codes = part["code"].value_counts()
    first = part.loc[part["code"] == codes.index[0]].iloc[0]
    return (
        f"{count['rejected']} of {count['read']} rows of {file} are refused, mostly "
        f"{codes.index[0]} ({codes.iloc[0]}): {_said(first, always=True)} {first['remedy']}"
    )


def refused_share(
    read: Mapping[str, int], rejected: Mapping[str, Mapping[str, int]]
) -> tuple[int, int]:
    """Refused rows of labs, and the rows that could have been used.

    Rows of analytes that no model knows, and rows without a result, are left out of both.

    Examples
    --------
    >>> refused = {"crp": {"unit_refused": 3}, "zinc": {"unknown_analyte": 9}}
    >>> refused_share({"crp": 4, "zinc": 9}, refused)
    (3, 4)
    """
    harmless = sum(codes.get(code, 0) for codes in rejected.values() for code in HARMLESS)
    refused = sum(sum(codes.values()) for codes in rejected.values()) - harmless
    return refused, sum(read.values()) - harmless


def too_many_refused(refused: int, usable: int, limit: float) -> str:
    """Why a cohort is not trained on what is left of it; empty where enough is.

    Parameters
    ----------
    refused, usable : int
        From :func:`refused_share`.
    limit : float
        ``cohort.max_rejected_share``.

    Examples
    --------
    >>> too_many_refused(1, 2, 0.5)
    ''
    >>> print(too_many_refused(2, 3, 0.5))
    2 of 3 results of known analytes are rejected (67 %), more than cohort.max_rejected_share \
(0.5) allows
    """
    if not usable or refused <= limit * usable:
        return ""
    return (
        f"{refused} of {usable} results of known analytes are rejected "
        f"({share_text(refused, usable)}), more than cohort.max_rejected_share ({limit:g}) allows"
    )


def acceptance_setting(refused: int, usable: int) -> str:
    """Lines of a configuration that accept this share.

    Examples
    --------
    >>> acceptance_setting(2, 3)
    'cohort: {max_rejected_share: 0.67}'
    """
    return f"cohort: {{max_rejected_share: {min(1.0, -(-100 * refused // usable) / 100):g}}}"


def share_text(part: int, whole: int) -> str:
    """Share in percent; the ends only where they are true.

    Examples
    --------
    >>> share_text(1, 1000), share_text(999, 1000), share_text(1, 2)
    ('<1 %', '>99 %', '50 %')
    """
    percent = 100.0 * part / whole
    if 0 < percent < 1:
        return "<1 %"
    return ">99 %" if 99 < percent < 100 else f"{percent:.0f} %"


def _mostly(count: Mapping[str, int]) -> bool:
    return bool(count["read"]) and count["rejected"] > MAJORITY * count["read"]


def _said(entry: pd.Series, *, always: bool = False) -> str:
    """Reason of an entry without cells; the id of a patient is left out."""
    if entry["column"] != "patient_id":
        return _cut(without_cells(str(entry["reason"]), str(entry["value"]), always=always))
    return _ABOUT_PATIENTS.get(str(entry["code"]), _ABOUT_PATIENT)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
