"""Reads analyte, unit and specimen from the column names of wide sheets."""

from __future__ import annotations

import re

from pipeline.cohort.analytes import Analyte, dictionary, key_in_specimen, named_analyte
from pipeline.cohort.relative_units import relative_key, relative_unit
from pipeline.cohort.specimens import Specimens, specimen_classes, stated_in_name
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.cohort.units import conversion
from pipeline.importers.wide_columns import LabColumn


def lab_column(name: str) -> LabColumn | None:
    """Read analyte and unit from a column name; None without an analyte.

    A specimen in the name must be one in which the dictionary has the analyte.

    Parameters
    ----------
    name : str

    Returns
    -------
    LabColumn or None

    Examples
    --------
    >>> lab_column("Fibrinogen [g/L]"), lab_column("crp_mg_l").unit, lab_column("CRP").unit
    (LabColumn(analyte='fibrinogen', unit='g/L'), 'mg/L', '')
    >>> lab_column("Albumin (CSF) [mg/dL]"), lab_column("IL-6 (CSF)")
    (LabColumn(analyte='csf_albumin', unit='mg/dL'), None)
    >>> lab_column("IL6 (NPX)")
    LabColumn(analyte='il6_npx', unit='NPX')
    """
    bare, stated = _without_bracketed_specimen(name)
    stated |= stated_in_name(name)
    return (
        _relative_column(bare, stated) or _read_column(bare, stated) or _read_column(name, stated)
    )


def compact(text: str) -> str:
    """Letters and digits of a header in lower case.

    Examples
    --------
    >>> compact("Patient ID")
    'patientid'
    """
    return re.sub(r"[^a-z0-9%]", "", text.lower())


def _read_column(name: str, stated: Specimens) -> LabColumn | None:
    """Analyte and unit of a column name; ``stated`` are its specimens."""
    framed = re.fullmatch(r"(.+?)\s*[(\[]\s*([^()\[\]]+?)\s*[)\]](.*)", name)
    if framed:
        key = _substance(framed[1], stated)
        basis = _without_specimens(framed[3])
        if key is not None:
            unit = f"{framed[2]} {basis}".strip()
            return LabColumn(analyte=key, unit=unit if _is_unit(dictionary()[key], unit) else "")
    key = _substance(name, stated)
    if key is not None:
        return LabColumn(analyte=key)
    parts = re.split(r"[\s_,;:]+", name.strip())
    for cut in range(len(parts) - 1, 0, -1):
        key = _substance(" ".join(parts[:cut]), stated)
        if key is not None:
            rest = _without_specimens(" ".join(parts[cut:])).replace(" ", "")
            unit = _stated_unit(dictionary()[key], rest)
            return LabColumn(analyte=key, unit=unit) if unit else None
    return None


def _substance(name: str, stated: Specimens) -> str | None:
    """Key of a name in the specimens stated by it and by the column."""
    named = named_analyte(name)
    return None if named is None else key_in_specimen(named[0], named[1] | stated)


def _without_bracketed_specimen(name: str) -> tuple[str, Specimens]:
    """Column name without specimens in brackets; a unit in the brackets stays."""
    stated: set[str] = set()

    def cut(group: re.Match[str]) -> str:
        parts = [part.strip() for part in re.split(r"[,;]", group[2])]
        specimens = [part for part in parts if specimen_classes(part)]
        for part in specimens:
            stated.update(specimen_classes(part) or ())
        kept = ", ".join(part for part in parts if part not in specimens)
        if not specimens:
            return group[0]
        return f" {group[1]}{kept}{group[3]}" if kept else " "

    bare = re.sub(r"\s*([(\[])([^()\[\]]*)([)\]])", cut, name)
    return " ".join(bare.split()) if stated else name, frozenset(stated)


def _without_specimens(text: str) -> str:
    """Text after a name without specimen words: the rest is a unit or its basis."""
    words = re.split(r"[\s_,;]+", text.strip())
    return " ".join(word for word in words if not stated_in_name(word))


def _relative_column(name: str, stated: Specimens) -> LabColumn | None:
    """Column in a relative unit: a separate analyte, because there is no conversion factor."""
    parts = [part for part in re.split(r"[\s_,;:()\[\]]+", name.strip()) if part]
    for cut in range(1, len(parts)):
        key = _substance(" ".join(parts[:cut]), stated)
        unit = relative_unit("".join(parts[cut:]))
        if key is not None and unit is not None:
            return LabColumn(analyte=relative_key(key, unit.unit), unit=unit.unit)
    return None


def _is_unit(analyte: Analyte, text: str) -> bool:
    wanted = normalise_unit(text)
    known = (*analyte.conversions, *analyte.refused, analyte.unit)
    return not conversion(analyte, text)[1] or wanted in map(normalise_unit, known)


def _stated_unit(analyte: Analyte, text: str) -> str:
    """Unit with the letters and digits of the text, "" if none or several match."""
    wanted = _unit_letters(text)
    known = (analyte.unit, *analyte.conversions, *analyte.refused)
    matching = [unit for unit in known if _unit_letters(unit) == wanted]
    return matching[0] if len({normalise_unit(unit) for unit in matching}) == 1 else ""


def _unit_letters(unit: str) -> str:
    """Letters and digits of a unit, micro as u; headers omit slashes and powers."""
    plain = compact(unit.replace("µ", "u").replace("μ", "u"))
    return re.sub(r"mc(?=[lg]|mol|kat)", "u", plain)
