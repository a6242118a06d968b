"""Tables to CSV: pseudonyms, and clock times with the offset of the site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.simulate.people import People
from pipeline.cohort.simulate.settings import Floats, Ints, named
from pipeline.cohort.simulate.tables import Tables

_HOUR = 3600.0


def to_exports(
    tables: Tables, ids: list[str], people: People, settings: Mapping[str, Any]
) -> Tables:
    """Replace row numbers by pseudonyms and hours by timestamps with offset; all cells as text."""
    start = pd.Timestamp(settings["time"]["first_infusion"]).timestamp()
    zero = np.round(start + people.infusion * _HOUR)
    names = np.array(ids, dtype=object)
    result = {}
    for name, table in tables.items():
        patient = table["patient"].to_numpy(dtype=np.int64)
        columns: dict[str, Any] = {"patient_id": names[patient]}
        if name == "patients":
            columns["infusion_time"] = stamps(np.zeros(len(table)), patient, zero, people, settings)
        for column in table.columns.drop("patient"):
            if column.endswith("_hours"):
                hours = table[column].to_numpy(dtype=float)
                text = stamps(hours, patient, zero, people, settings)
                columns[column.removesuffix("_hours") + "_at"] = text
            else:
                columns[column] = _text(table[column])
        result[name] = pd.DataFrame(columns).astype("str")
    return result


def stamps(
    hours: Floats, patient: Ints, zero: Floats, people: People, settings: Mapping[str, Any]
) -> np.ndarray:
    """ISO 8601 with the offset valid at the site then; blank where ``hours`` is NaN."""
    text = np.full(len(hours), "", dtype=object)
    known = np.isfinite(hours)
    seconds = np.round(zero[patient] + np.where(known, hours, 0.0) * _HOUR).astype(np.int64)
    for number, site in enumerate(named(settings["sites"]).values()):
        rows = known & (people.site[patient] == number)
        if rows.any():
            moments = pd.DatetimeIndex(seconds[rows].astype("datetime64[s]")).tz_localize("UTC")
            local = moments.tz_convert(site["time_zone"]).strftime("%Y-%m-%dT%H:%M:%S%z")
            text[rows] = local.str.slice(0, 22) + ":" + local.str.slice(22)
    return text


def write(tables: Tables, folder: Path) -> None:
    """Write every table as ``<name>.csv``."""
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def _text(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_float_dtype(column):
        return np.array(["" if np.isnan(item) else f"{item:.6g}" for item in column], dtype=object)
    filled = column.astype("object").where(column.notna(), "")
    return np.array([str(item) for item in filled], dtype=object)
