"""Proposes and reads the mapping of a wide sheet, a YAML file that a person confirms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pandas as pd
import yaml
from pydantic import ValidationError

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.drug_names import drug_index
from pipeline.cohort.schema import READINGS, TableSchema
from pipeline.cohort.specimens import (
    NOTHING,
    specimen_classes,
    specimen_names,
    stated_in_name,
)
from pipeline.cohort.spelling import normalise_name
from pipeline.cohort.units import conversion
from pipeline.errors import UsageError
from pipeline.importers.lab_headers import compact, lab_column
from pipeline.importers.wide_clocks import clock_columns
from pipeline.importers.wide_columns import (
    CLOCKS,
    GradeColumn,
    StrictModel,
    TimeColumn,
    WideMapping,
)
from pipeline.importers.wide_proposal import (
    column_of_specimens,
    dose_column,
    observation_item,
    with_clocks,
    with_values,
)
from pipeline.resources import read_yaml, schema_yaml

M = TypeVar("M", bound="StrictModel")
HEADER = """\
# Meaning of each column of {file}, proposed by cytocast import. Nothing is imported before you
#   1. correct errors and fill in every blank unit ('' if the header has none),
#   2. move columns to import from 'ignored' to their group,
#   3. name every blank clock: collected (labs), assessed (grades), given (doses), observed
#      (observations); a column with another clock: crs_grade: {{scale: crs, at: tox_date}},
#   4. fill in blank 'values', as in sex: {{to: sex, values: {{'1': male, '2': female}}}},
#   5. set confirmed: true.
# Analytes and units: data_schema/analytes.yaml. Times read 'at' (ISO 8601), or 'hours' or 'days'
# since the infusion; time: names the column with the time of day, if it is a separate column.
# specimen: names the column with the specimen of each row (serum, CSF, ...), if there is one.
"""


_IDS = ("patientid", "subjectid", "studyid", "recordid", "usubjid", "mrn", "patmrnid", "pid",
        "patient", "subject", "patno", "patnr", "patientnr", "id")  # fmt: skip
_TIMES = {
    "at": ("collectedat", "collectiontime", "collectiondatetime", "collectiondate", "datetime",
           "timestamp", "sampletime", "sampledate", "drawtime", "drawdate", "labdate",
           "collecteddatetime", "collecteddate", "collectdttm", "specimentakentime",
           "specimntakentime", "labordatum", "abnahmezeitpunkt", "abnahmedatum",
           "entnahmezeitpunkt", "entnahmedatum",
           "date", "time", "datum"),
    "hours": ("collectedhours", "hourssinceinfusion", "hourspostinfusion", "hours", "hour"),
    "days": ("collecteddays", "dayssinceinfusion", "dayspostinfusion", "daypostinfusion",
             "infusionday", "studyday", "labday", "days", "day"),
}  # fmt: skip
_RESULTED = {"at": ("resultedat", "resulttime", "resultdatetime", "reportedat", "reporttime"),
             "hours": ("resultedhours",), "days": ("resulteddays",)}  # fmt: skip
_PATIENT = {
    "infusion_time": ("infusiontime", "infusiondate", "infusiondatetime", "cartinfusiondate"),
    "age_years": ("ageyears", "age", "ageatinfusion"),
    "sex": ("sex", "gender"),
    "product": ("product", "cartproduct"),
    "site": ("site", "hospital", "centre", "center"),
    "disease": ("disease", "diagnosis"),
}
_GRADES = {
    scale: (scale, f"{scale}grade", f"grade{scale}", f"tox{scale}", f"tox{scale}grade",
            f"{scale}gradeastct", f"{scale}astct", f"astct{scale}", f"astct{scale}grade")
    for scale in ("crs", "icans")
}  # fmt: skip


def read_mapping(path: Path) -> WideMapping:
    """Read a mapping; refuse it unless it is confirmed and complete.

    Parameters
    ----------
    path : Path
        YAML file.

    Returns
    -------
    WideMapping

    Raises
    ------
    UsageError
        If the file cannot be read, is incomplete (with the missing parts), or is not confirmed.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> text = "{patient_id: id, collected: date, labs: {CRP: {analyte: crp, unit: mg/L}}"
    >>> with NamedTemporaryFile(suffix=".yaml") as file:
    ...     written = Path(file.name).write_text(text + ", confirmed: true}")
    ...     read_mapping(Path(file.name)).labs
    {'CRP': LabColumn(analyte='crp', unit='mg/L')}
    """
    mapping = load_mapping(path, WideMapping)
    problems = [*_lab_problems(mapping), *_field_problems(mapping), *_clock_problems(mapping)]
    if problems:
        raise UsageError(f"mapping {path} is not complete:\n  " + "\n  ".join(problems))
    if not mapping.confirmed:
        raise UsageError(f"mapping {path} is not confirmed; check it and set confirmed: true in it")
    return mapping


def load_mapping(path: Path, model: type[M]) -> M:
    """Read and validate a mapping file.

    Raises
    ------
    UsageError
        If the file cannot be read or has wrong keys (all are listed).
    """
    try:
        return model.model_validate(read_yaml(path))
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(part) for part in item['loc']) or '(top level)'}: {item['msg']}"
            for item in error.errors(include_url=False)
        ]
        raise UsageError(f"mapping {path} cannot be used:\n" + "\n".join(lines)) from error


def write_mapping(mapping: StrictModel, path: Path, header: str, notes: Sequence[str] = ()) -> None:
    r"""Write a mapping for a person to check.

    Parameters
    ----------
    mapping : StrictModel
    path : Path
    header : str
        Comment at the top.
    notes : sequence of str
        Lines on the content of the export, for comments at the end.

    Raises
    ------
    UsageError
        If the file cannot be written.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> mapping = propose_mapping(["id", "Date", "CRP (mg/L)"])
    >>> with NamedTemporaryFile() as file:
    ...     write_mapping(mapping, Path(file.name), "# check\n")
    ...     Path(file.name).read_text().splitlines()[:3]
    ['# check', 'confirmed: false', 'patient_id: id']
    """
    content = mapping.model_dump(mode="json", exclude_none=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    lines = ["Found in the export:", *notes] if notes else []
    comments = "".join(f"# {line}\n" for line in lines)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(header + text + comments, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write the mapping {path}: {error.strerror}; choose another path"
        ) from error


def propose_mapping(header: Sequence[str], table: pd.DataFrame | None = None) -> WideMapping:
    """Propose the roles of columns from their names and the cells of the sheet.

    The clock of a group is blank if several columns match.

    Parameters
    ----------
    header : sequence of str
    table : DataFrame, optional
        Text cells; without a table, only the names are used.

    Returns
    -------
    WideMapping
        Not confirmed.

    Examples
    --------
    >>> mapping = propose_mapping(["Patient ID", "Day", "CRP (mg/L)", "IL-6", "Ward"])
    >>> mapping.labs["CRP (mg/L)"].unit, mapping.labs["IL-6"].unit, mapping.ignored
    ('mg/L', '', ('Ward',))
    """
    left = list(header)
    identity = _take(left, _IDS)
    resulted = _take_time(left, _RESULTED)
    patients = {}
    for field, names in _PATIENT.items():
        column = _take(left, names)
        if column:
            patients[column] = field
    grades: dict[str, str | GradeColumn] = {}
    for scale, names in _GRADES.items():
        column = _take(left, names)
        if column:
            grades[column] = scale
    labs = {name: lab for name in left if (lab := lab_column(name))}
    left = [name for name in left if name not in labs]
    specimen = column_of_specimens(left, table)
    left = [name for name in left if name != specimen]
    clocks = clock_columns(left, table)
    taken = {*clocks.reads, *clocks.time_of_day.values()}
    doses = {name: dose for name in left if name not in taken and (dose := dose_column(name))}
    items = {name: item for name in left if name not in taken and (item := observation_item(name))}
    return with_clocks(
        WideMapping(
            patient_id=identity or "",
            collected=_take_time(left, _TIMES) or TimeColumn(column="", reads="at"),
            resulted=resulted,
            specimen=specimen or None,
            labs=labs,
            patients=with_values(patients, table),
            grades=grades,
            doses=doses,
            observations={name: item for name, item in items.items() if name not in doses},
        ),
        header,
        clocks,
        table,
    )


def _lab_problems(mapping: WideMapping) -> list[str]:
    problems = []
    for column, lab in mapping.labs.items():
        analyte = dictionary().get(lab.analyte)
        if analyte is None:
            if not lab.analyte:
                problems.append(
                    f"labs.{column}: 'analyte' is blank; name it, or move the column to 'ignored'"
                )
            continue  # an analyte of the cohort; reading accepts or rejects it
        stated = stated_in_name(column)
        own = specimen_classes(analyte.specimen) or NOTHING
        if stated and own and stated.isdisjoint(own):
            problems.append(
                f"labs.{column}: the name states {specimen_names(stated)}, but {lab.analyte} is "
                f"measured in {analyte.specimen}; move the column to 'ignored' or correct the "
                "analyte"
            )
            continue
        if not lab.unit:
            legal = ", ".join([analyte.unit, *analyte.conversions])
            problems.append(f"labs.{column}: 'unit' is blank; units of {lab.analyte}: {legal}")
            continue
        _, why = conversion(analyte, lab.unit)
        if why:
            problems.append(f"labs.{column}: {why}")
    return problems


def _field_problems(mapping: WideMapping) -> list[str]:
    fields = TableSchema.load("patients").fields
    scales = TableSchema.load("assessments").scales
    items = schema_yaml("observations.yaml")["items"]
    problems = [] if mapping.patient_id else ["patient_id is blank; name the column of the sheet"]
    stated = {column: item.to for column, item in mapping.patient_columns().items()}
    problems += [
        f"patients.{column}: '{name}' is not a column of data_schema/patients.json"
        for column, name in stated.items()
        if name not in fields or name == "patient_id"
    ]
    problems += [
        f"grades.{column}: '{item.scale}' is not a scale; use one of {', '.join(scales)}"
        for column, item in mapping.grade_columns().items()
        if item.scale not in scales
    ]
    problems += [
        f"observations.{column}: '{item.item}' is not an item; use one of {', '.join(items)}"
        for column, item in mapping.observation_columns().items()
        if item.item not in items
    ]
    for column, dose in mapping.doses.items():
        if dose.drug and normalise_name(dose.drug) not in drug_index():
            problems.append(
                f"doses.{column}: '{dose.drug}' is not a drug of data_schema/drugs.yaml"
            )
        if not dose.unit and (dose.drug or dose.dose):
            problems.append(f"doses.{column}: 'unit' is blank; state the unit of the doses")
    both = {name.rsplit("_", 1)[0] for name in stated.values()}
    for clock in sorted(both):
        readings = [name for name in stated.values() if name in
                 {f"{clock}_{item}" for item in READINGS}]  # fmt: skip
        if len(readings) > 1:
            problems.append(
                f"patients: {' and '.join(readings)} are two readings of one clock; keep one"
            )
    return problems


def _clock_problems(mapping: WideMapping) -> list[str]:
    """Clocks that are blank or read in several ways, and codes without a meaning."""
    problems = []
    for group, name in CLOCKS.items():
        columns = mapping.columns_of(group)
        clocks = {column: mapping.clock_of(group, column) for column in columns}
        blank = [column for column, clock in clocks.items() if clock and not clock.column]
        if blank:
            problems.append(
                f"{name}.column is blank; name the column with the time of {', '.join(blank)}, or "
                "add a clock to each: at: <column>"
            )
        reads = sorted({clock.reads for clock in clocks.values() if clock})
        if len(reads) > 1:
            problems.append(
                f"{group}: the clocks have the readings {' and '.join(reads)}; use one per table"
            )
    if not mapping.collected.column and not mapping.labs:
        problems.append("collected.column is blank; name the column of the sheet")
    coded = {f"patients.{name}": item.values for name, item in mapping.patient_columns().items()}
    for group in CLOCKS:
        coded |= {f"{group}.{key}": item.values for key, item in mapping.columns_of(group).items()}
    for role, values in coded.items():
        blank = [code for code, meaning in (values or {}).items() if not meaning]
        if blank:
            problems.append(f"{role}: 'values' is blank for {', '.join(blank)}; state the meaning")
    legal = schema_yaml("exchange.yaml")["clocks"]["sex"]
    for column, item in mapping.patient_columns().items():
        wrong = [
            meaning
            for meaning in (item.values or {}).values()
            if meaning and meaning.lower() not in legal
        ]
        if item.to == "sex" and wrong:
            problems.append(f"patients.{column}: '{wrong[0]}' is not one of {', '.join(legal)}")
    return problems


def _take(left: list[str], names: Sequence[str]) -> str:
    for name in names:
        for column in left:
            if compact(column) == name:
                left.remove(column)
                return column
    return ""


def _take_time(left: list[str], names: dict[str, tuple[str, ...]]) -> TimeColumn | None:
    for reads, spelled in names.items():
        column = _take(left, spelled)
        if column:
            return TimeColumn.model_validate({"column": column, "reads": reads})
    return None
