"""Proposes the mapping of a wide sheet from its header; a unit only where the header states it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.cohort.analytes import Analyte, dictionary, find_key
from pipeline.cohort.importers.mapping import LabColumn, TimeColumn, WideMapping
from pipeline.cohort.units import conversion, normalise_unit

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
    """
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
