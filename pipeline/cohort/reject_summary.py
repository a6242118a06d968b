"""Console summary of the rejects of an export."""

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
_ABOUT_PATIENT = "The patient id is wrong."
_ABOUT_PATIENTS = {
    "unknown_patient": "The patient has no accepted row in patients, or the id is blank.",
    "duplicate_patient": "Rows of the patient in patients contradict each other.",
    "no_infusion_time": "The row cannot be placed in time: its patient has no infusion_time.",
    "required_blank": "'patient_id' is blank but required.",
}


@dataclass(frozen=True)
class PatientRejects:
    """Rejected input of one patient.

    Attributes
    ----------
    results : mapping
        Analyte to number of rejected results, without those after the time of prediction.
    rows : int
        Rejected rows of all tables.
    grades : mapping
        Scale in lower case, as exported, to number of rejected grades, also without later ones.
    doses : mapping
        Drug as exported to number of rejected doses, also without later ones.
    """

    results: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    grades: Mapping[str, int] = field(default_factory=dict)
    doses: Mapping[str, int] = field(default_factory=dict)


def refused_rows(
    ledger: Ledger, config: CohortConfig, book: AnalyteResolver
) -> dict[str, PatientRejects]:
    """Rejected rows of each patient; rejected results by analyte, grades by scale, doses by drug.

    Parameters
    ----------
    ledger : Ledger
        With the rejects of a read.
    config : CohortConfig
        ``local_analytes`` is used.
    book : AnalyteResolver
        Analytes of the cohort; results of other analytes are counted as rows only.

    Returns
    -------
    dict of str to PatientRejects
        By patient id.

    Examples
    --------
    >>> ledger = Ledger(rows_refused=Counter({"A": 2}), results_refused={"A": Counter({"CRP": 1})})
    >>> refused_rows(ledger, CohortConfig(), AnalyteResolver({}, True))
    {'A': PatientRejects(results={'crp': 1}, rows=2, grades={}, doses={})}
    """
    rejects_by_patient = {}
    for patient, rows in ledger.rows_refused.items():
        results: Counter[str] = Counter()
        for name, number in ledger.results_refused.get(patient, {}).items():
            key = known_key(name, config, book)
            if key is not None:
                results[key] += number
        grades: Counter[str] = Counter()
        for name, number in ledger.grades_refused.get(patient, {}).items():
            grades[name.strip().lower()] += number
        doses: Counter[str] = Counter()
        for name, number in ledger.doses_refused.get(patient, {}).items():
            doses[name.strip()] += number
        rejects_by_patient[patient] = PatientRejects(dict(results), rows, dict(grades), dict(doses))
    return rejects_by_patient


def refusal_table(rejects: pd.DataFrame, counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Lines on each file with rejected rows: their number and the leading codes with an example.

    Ignored cells count as entries of their code. No patient id is shown.

    Parameters
    ----------
    rejects : DataFrame
        ``file, row, column, value, code, reason, remedy``.
    counts : mapping
        File to its counts of rows.

    Returns
    -------
    list of str

    Examples
    --------
    >>> rejects = pd.DataFrame([{"file": "labs.csv", "row": 3, "column": "unit", "value": "x",
    ...     "code": "unit_refused", "reason": "'x' is no unit.", "remedy": "Correct the unit."}])
    >>> for line in refusal_table(rejects, {"labs.csv": {"read": 4, "rejected": 1}}):
    ...     print(line)
    labs.csv: 1 of 4 rows are rejected (25%)
      unit_refused                   1    25%  line 3, unit
          'x' is no unit. Correct the unit.
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
        codes = part["code"].value_counts(sort=True)
        for code, number in codes.head(_CODES).items():
            first = part.loc[part["code"] == code].iloc[0]
            where = f"line {first['row']}" + (f", {first['column']}" if first["column"] else "")
            lines.append(f"  {code:24} {number:>7} {share_text(int(number), whole):>6}  {where}")
            lines.append(f"      {_reason(first)} {first['remedy']}".rstrip())
        if len(codes) > _CODES:
            others = ", ".join(f"{code} {number}" for code, number in codes[_CODES:].items())
            lines.append(f"  other codes: {others}")
    return lines


def majority_lines(
    counts: Mapping[str, Mapping[str, int]],
    read: Mapping[str, int],
    rejected: Mapping[str, Mapping[str, int]],
) -> list[str]:
    """Lines on files and analytes with more than half of their rows rejected.

    Parameters
    ----------
    counts : mapping
        File to its counts of rows.
    read : mapping
        Exported analyte name to its rows of labs.
    rejected : mapping
        Exported analyte name to its rejected rows per code.

    Returns
    -------
    list of str

    Examples
    --------
    >>> print(*majority_lines({}, {"crp": 4}, {"crp": {"unit_refused": 3}}))
    most of 'crp' is rejected: 3 of 4 rows (75%), mostly unit_refused
    """
    lines = [
        f"MOST OF {file} IS REJECTED: {count['rejected']} of {count['read']} rows "
        f"({share_text(count['rejected'], count['read'])})"
        for file, count in counts.items()
        if _mostly(count)
    ]
    mostly_rejected = []
    for name, codes in rejected.items():
        counted = [code for code in codes if code not in HARMLESS or code == "specimen_conflict"]
        refused = sum(codes[code] for code in counted)
        if find_key(name) is None or refused <= MAJORITY * read.get(name, 0):
            continue
        code = max(codes, key=lambda item: codes[item])
        mostly_rejected.append((refused, name, code))
    mostly_rejected.sort(key=lambda item: (-item[0], item[1]))
    for refused, name, code in mostly_rejected[:_NAMES]:
        lines.append(
            f"most of '{name}' is rejected: {refused} of {read[name]} rows "
            f"({share_text(refused, read[name])}), mostly {code}"
        )
    if len(mostly_rejected) > _NAMES:
        lines.append(f"most of {len(mostly_rejected) - _NAMES} further analytes is rejected")
    return lines


def mostly_refused_lines(
    rejects: pd.DataFrame, counts: Mapping[str, Mapping[str, int]]
) -> list[str]:
    """Lines on files with more than half of their rows rejected, with main reason and remedy.

    Parameters
    ----------
    rejects : DataFrame
        ``file, row, column, value, code, reason, remedy``.
    counts : mapping
        File to its counts of rows.

    Returns
    -------
    list of str

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
    MOST OF labs.csv IS REJECTED: 3 of 4 rows (75%), mostly unit_refused: 'x' is no unit. Correct \
the unit.
    """
    lines = majority_lines(counts, {}, {})
    for place, file in enumerate(file for file in counts if _mostly(counts[file])):
        part = rejects.loc[rejects["file"] == file]
        code = part["code"].value_counts().index[0]
        first = part.loc[part["code"] == code].iloc[0]
        lines[place] += f", mostly {code}: {_reason(first)} {first['remedy']}"
    return lines


def main_reject_reason(
    rejects: pd.DataFrame, counts: Mapping[str, Mapping[str, int]], file: str
) -> str:
    """Number of rejected rows of a file, the commonest reason and its remedy; "" if none.

    No cell is quoted, because evaluations and tracking servers store the text.

    Parameters
    ----------
    rejects : DataFrame
        ``file, row, column, value, code, reason, remedy``.
    counts : mapping
        File to its counts of rows.
    file : str
        The file.

    Returns
    -------
    str

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
    "3 of 4 rows of assessments.csv are rejected, mostly illegal_value (3): '[text]' is not \
legal here. Write 2."
    """
    count = counts.get(file, {"read": 0, "rejected": 0})
    part = rejects.loc[rejects["file"] == file]
    if not count["rejected"] or part.empty:
        return ""
    codes = part["code"].value_counts()
    first = part.loc[part["code"] == codes.index[0]].iloc[0]
    return (
        f"{count['rejected']} of {count['read']} rows of {file} are rejected, mostly "
        f"{codes.index[0]} ({codes.iloc[0]}): {_reason(first, always=True)} {first['remedy']}"
    )


def refused_share(
    read: Mapping[str, int], rejected: Mapping[str, Mapping[str, int]]
) -> tuple[int, int]:
    """Number of rejected rows of labs, and of rows that could be used.

    Rows of unknown analytes and rows without a result are excluded from both.

    Parameters
    ----------
    read : mapping
        Exported analyte name to its rows of labs.
    rejected : mapping
        Exported analyte name to its rejected rows per code.

    Returns
    -------
    tuple of (int, int)

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
    """Reason to stop training because too many results are rejected; "" if there is none.

    Parameters
    ----------
    refused, usable : int
        From :func:`refused_share`.
    limit : float
        ``cohort.max_rejected_share``.

    Returns
    -------
    str

    Examples
    --------
    >>> too_many_refused(1, 2, 0.5)
    ''
    >>> print(too_many_refused(2, 3, 0.5))
    2 of 3 results of known analytes are rejected (67%), more than cohort.max_rejected_share \
(0.5) allows
    """
    if not usable or refused <= limit * usable:
        return ""
    return (
        f"{refused} of {usable} results of known analytes are rejected "
        f"({share_text(refused, usable)}), more than cohort.max_rejected_share ({limit:g}) allows"
    )


def acceptance_setting(refused: int, usable: int) -> str:
    """Configuration that accepts this share of rejects.

    Parameters
    ----------
    refused, usable : int
        From :func:`refused_share`.

    Returns
    -------
    str

    Examples
    --------
    >>> acceptance_setting(2, 3)
    'cohort: {max_rejected_share: 0.67}'
    """
    return f"cohort: {{max_rejected_share: {min(1.0, -(-100 * refused // usable) / 100):g}}}"


def share_text(part: int, whole: int) -> str:
    """Share in percent; "0%" and "100%" only if exact.

    Parameters
    ----------
    part, whole : int
        Numerator and denominator.

    Returns
    -------
    str

    Examples
    --------
    >>> share_text(1, 1000), share_text(999, 1000), share_text(1, 2)
    ('<1%', '>99%', '50%')
    """
    percent = 100.0 * part / whole
    if 0 < percent < 1:
        return "<1%"
    return ">99%" if 99 < percent < 100 else f"{percent:.0f}%"


def _mostly(count: Mapping[str, int]) -> bool:
    return bool(count["read"]) and count["rejected"] > MAJORITY * count["read"]


def _reason(entry: pd.Series, *, always: bool = False) -> str:
    """Reason of an entry without cells and patient id."""
    if entry["column"] != "patient_id":
        return _cut(without_cells(str(entry["reason"]), str(entry["value"]), always=always))
    return _ABOUT_PATIENTS.get(str(entry["code"]), _ABOUT_PATIENT)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
