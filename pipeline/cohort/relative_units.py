"""Relative units (NPX, NPQ, z, MFI) and their scales."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pipeline.resources import schema_yaml

Scale = Literal["linear", "log2", "log10", "ln"]
LOG_BASES: dict[str, float] = {"log2": 2.0, "log10": 10.0, "ln": math.e}


@dataclass(frozen=True)
class RelativeUnit:
    """One unit of ``data_schema/relative_units.yaml``.

    Attributes
    ----------
    unit, name : str
        Canonical spelling and full name.
    scale : str
        ``linear``, or the logarithm of the numbers.
    signed : bool
        Whether negative numbers are legal.
    """

    unit: str
    name: str
    scale: Scale
    signed: bool


def relative_unit(text: str) -> RelativeUnit | None:
    """Relative unit of a text; None for concentrations and unknown units.

    Parameters
    ----------
    text : str
        Unit as exported.

    Returns
    -------
    RelativeUnit or None

    Examples
    --------
    >>> relative_unit("npx").unit, relative_unit("Z-score").unit, relative_unit("pg/mL")
    ('NPX', '{z}', None)
    """
    return _spellings().get(_plain(text))


def relative_key(key: str, unit: str) -> str:
    """Key for the results of an analyte in a relative unit, separate from its concentrations.

    Parameters
    ----------
    key : str
        Analyte.
    unit : str
        Canonical spelling of the relative unit.

    Returns
    -------
    str

    Examples
    --------
    >>> relative_key("il6", "NPX"), relative_key("crp", "{z}")
    ('il6_npx', 'crp_z')
    """
    return f"{key}_{unit.strip('{}').lower()}"


def _plain(text: str) -> str:
    spelled = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[\s_\-\u2010-\u2013()\[\]{}]+", "", spelled)


@cache
def _spellings() -> dict[str, RelativeUnit]:
    index: dict[str, RelativeUnit] = {}
    for unit, entry in schema_yaml("relative_units.yaml")["units"].items():
        relative = RelativeUnit(unit, entry["name"], entry["scale"], entry["signed"])
        for spelling in (unit, *entry["spellings"]):
            index[_plain(spelling)] = relative
    return index
