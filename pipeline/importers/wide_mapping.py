"""The mapping of a wide sheet: proposed from its header, confirmed by a person as YAML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.cohort.analytes import Analyte, dictionary, find_key
from pipeline.cohort.relative_units import relative_key, relative_unit
from pipeline.cohort.schema import READINGS, TableSchema
from pipeline.cohort.units import conversion, normalise_unit
from pipeline.errors import UsageError
from pipeline.resources import read_yaml

M = TypeVar("M", bound="StrictModel")
HEADER = """\
# What each column of {file} means. Proposed by cytocast import; nothing is imported before you
#   1. correct what is wrong and fill in every unit that is blank ('' where a header states none),
#   2. move columns that matter from 'ignored' to where they belong,
#   3. set confirmed: true.
# Analytes and units: data_schema/analytes.yaml. Times read 'at' (ISO 8601), or 'hours' or 'days'
# since the infusion.
"""


_IDS = ("patientid", "subjectid", "studyid", "recordid", "usubjid", "mrn", "pid", "patient",
        "subject", "patno", "patnr", "patientnr", "id")  # fmt: skip
_TIMES = {
    "at": ("collectedat", "collectiontime", "collectiondatetime", "collectiondate", "datetime",
           "timestamp", "sampletime", "sampledate", "drawtime", "drawdate", "labdate",
           "date", "time", "datum"),
    "hours": ("collectedhours", "hourssinceinfusion", "hourspostinfusion", "hours", "hour"),
    "days": ("collecteddays", "dayssinceinfusion", "dayspostinfusion", "daypostinfusion",
             "infusionday", "studyday", "days", "day"),
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
_GRADES = {"crs": ("crs", "crsgrade", "gradecrs"), "icans": ("icans", "icansgrade", "gradeicans")}


class StrictModel(BaseModel):
    """Base of every mapping: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TimeColumn(StrictModel):
    """A column with a time, and how it is to be read."""

    column: str
    reads: Literal["at", "hours", "days"]


class LabColumn(StrictModel):
    """A column with the results of one analyte in one unit."""

    analyte: str
    unit: str = ""


class WideMapping(StrictModel):
    """Roles of the columns of a wide sheet.

    Attributes
    ----------
    patients : dict
        Column to field of ``patients.json``; one value per patient.
    grades : dict
        Column to scale, assessed at the row's time.
    ignored : tuple of str
        Columns left out on purpose.
    """

    confirmed: bool = False
    patient_id: str
    collected: TimeColumn
    resulted: TimeColumn | None = None
    labs: dict[str, LabColumn]
    patients: dict[str, str] = Field(default_factory=dict)
    grades: dict[str, str] = Field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _each_column_once(self) -> WideMapping:
        names = self.columns()
        repeated = sorted({name for name in names if name and names.count(name) > 1})
        if repeated:
            raise ValueError(f"columns with two roles: {', '.join(repeated)}")
        targets = list(self.patients.values())
        twice = sorted({name for name in targets if targets.count(name) > 1})
        if twice:
            raise ValueError(f"two columns for one field of patients: {', '.join(twice)}")
        return self

    def columns(self) -> list[str]:
        """Every column that has a role."""
        times = [item.column for item in (self.collected, self.resulted) if item is not None]
        return [self.patient_id, *times, *self.labs, *self.patients, *self.grades, *self.ignored]


def read_mapping(path: Path) -> WideMapping:
    """Read a mapping and refuse it unless it is confirmed and complete.

    Raises
    ------
    UsageError
        Naming what to fill in, and what is legal there.
    """
    mapping = load_mapping(path, WideMapping)
    problems = [*_lab_problems(mapping), *_field_problems(mapping)]
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
        Naming every key that is wrong.
    """
    try:
        return model.model_validate(read_yaml(path))
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(part) for part in item['loc']) or '(top level)'}: {item['msg']}"
            for item in error.errors(include_url=False)
        ]
        raise UsageError(f"mapping {path} cannot be used:\n" + "\n".join(lines)) from error


def write_mapping(mapping: StrictModel, path: Path, header: str, found: Sequence[str] = ()) -> None:
    """Write a mapping for a person to check.

    Parameters
    ----------
    header : str
        Comment at the top.
    found : sequence of str
        Lines on what stands in the export, as comments at the end.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """
    content = mapping.model_dump(mode="json", exclude_none=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    notes = "".join(f"# {line}\n" for line in ["Found in the export:", *found]) if found else ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(header + text + notes, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error}") from error


def propose_mapping(header: Sequence[str]) -> WideMapping:
    """Roles of the columns as far as their names tell.

    Examples
    --------
    >>> mapping = propose_mapping(["Patient ID", "Day", "CRP (mg/L)", "IL-6", "Ward"])
    >>> mapping.labs["CRP (mg/L)"].unit, mapping.labs["IL-6"].unit, mapping.ignored
    ('mg/L', '', ('Ward',))
    """
    left = list(header)
    identity = _take(left, _IDS)
    collected = _take_time(left, _TIMES)
    resulted = _take_time(left, _RESULTED)
    patients, grades, labs = {}, {}, {}
    for field, names in _PATIENT.items():
        column = _take(left, names)
        if column:
            patients[column] = field
    for scale, names in _GRADES.items():
        column = _take(left, names)
        if column:
            grades[column] = scale
    for column in list(left):
        found = lab_column(column)
        if found is not None:
            labs[column] = found
            left.remove(column)
    return WideMapping(
        patient_id=identity or "",
        collected=collected or TimeColumn(column="", reads="at"),
        resulted=resulted,
        labs=labs,
        patients=patients,
        grades=grades,
        ignored=tuple(left),
    )


def lab_column(name: str) -> LabColumn | None:
    """Analyte and stated unit of a column name, None where it names no analyte.

    Examples
    --------
    >>> lab_column("Fibrinogen [g/L]"), lab_column("crp_mg_l").unit, lab_column("CRP").unit
    (LabColumn(analyte='fibrinogen', unit='g/L'), 'mg/L', '')
    >>> lab_column("IL6 (NPX)")
    LabColumn(analyte='il6_npx', unit='NPX')
    """
    relative = _relative_column(name)
    if relative is not None:
        return relative
    framed = re.fullmatch(r"(.+?)\s*[(\[]\s*([^()\[\]]+?)\s*[)\]](.*)", name)
    if framed:
        key = find_key(framed[1])
        basis = framed[3].strip()
        if key is not None:
            unit = f"{framed[2]} {basis}".strip()
            return LabColumn(analyte=key, unit=unit if _is_unit(dictionary()[key], unit) else "")
    key = find_key(name)
    if key is not None:
        return LabColumn(analyte=key)
    parts = re.split(r"[\s_,;:]+", name.strip())
    for cut in range(len(parts) - 1, 0, -1):
        key = find_key(" ".join(parts[:cut]))
        if key is not None:
            unit = _stated_unit(dictionary()[key], "".join(parts[cut:]))
            return LabColumn(analyte=key, unit=unit) if unit else None
    return None


def _relative_column(name: str) -> LabColumn | None:
    """A column in a relative unit: an analyte of its own, because no factor leads to another."""
    parts = [part for part in re.split(r"[\s_,;:()\[\]]+", name.strip()) if part]
    for cut in range(1, len(parts)):
        key, unit = find_key(" ".join(parts[:cut])), relative_unit("".join(parts[cut:]))
        if key is not None and unit is not None:
            return LabColumn(analyte=relative_key(key, unit.unit), unit=unit.unit)
    return None


def _lab_problems(mapping: WideMapping) -> list[str]:
    problems = []
    for column, lab in mapping.labs.items():
        analyte = dictionary().get(lab.analyte)
        if analyte is None:
            if not lab.analyte:
                problems.append(f"labs.{column}: 'analyte' is blank; name it, or ignore the column")
            continue  # a cohort-local analyte, which reading accepts or rejects
        if not lab.unit:
            legal = ", ".join([analyte.unit, *analyte.conversions])
            problems.append(f"labs.{column}: 'unit' is blank. Legal for {lab.analyte}: {legal}")
            continue
        _, why = conversion(analyte, lab.unit)
        if why:
            problems.append(f"labs.{column}: {why}")
    return problems


def _field_problems(mapping: WideMapping) -> list[str]:
    fields = TableSchema.load("patients").fields
    scales = TableSchema.load("assessments").scales
    roles = {"patient_id": mapping.patient_id, "collected.column": mapping.collected.column}
    problems = [
        f"{role} is blank; name the column of the sheet" for role, name in roles.items() if not name
    ]
    problems += [
        f"patients.{column}: '{name}' is no column of data_schema/patients.json"
        for column, name in mapping.patients.items()
        if name not in fields or name == "patient_id"
    ]
    problems += [
        f"grades.{column}: '{scale}' is no scale; legal are {', '.join(scales)}"
        for column, scale in mapping.grades.items()
        if scale not in scales
    ]
    both = {name.rsplit("_", 1)[0] for name in mapping.patients.values()}
    for clock in sorted(both):
        found = [name for name in mapping.patients.values() if name in
                 {f"{clock}_{item}" for item in READINGS}]  # fmt: skip
        if len(found) > 1:
            problems.append(f"patients: {' and '.join(found)} are two readings of one clock")
    return problems


def _is_unit(analyte: Analyte, text: str) -> bool:
    wanted = normalise_unit(text)
    known = (*analyte.conversions, *analyte.refused, analyte.unit)
    return not conversion(analyte, text)[1] or wanted in map(normalise_unit, known)


def _stated_unit(analyte: Analyte, text: str) -> str:
    """Unit whose letters and digits are those of the text, "" where none or several are."""
    wanted = _compact(normalise_unit(text))
    known = (analyte.unit, *analyte.conversions, *analyte.refused)
    found = [unit for unit in known if _compact(normalise_unit(unit)) == wanted]
    return found[0] if len(found) == 1 else ""


def _take(left: list[str], names: Sequence[str]) -> str:
    for name in names:
        for column in left:
            if _compact(column) == name:
                left.remove(column)
                return column
    return ""


def _take_time(left: list[str], names: dict[str, tuple[str, ...]]) -> TimeColumn | None:
    for reads, spelled in names.items():
        column = _take(left, spelled)
        if column:
            return TimeColumn.model_validate({"column": column, "reads": reads})
    return None


def _compact(text: str) -> str:
    return re.sub(r"[^a-z0-9%]", "", text.lower())
