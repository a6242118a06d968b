"""Synthetic tables to CSV, whole or cut at one hour, and the mark that patients are simulated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.arrays import Floats, Ints
from pipeline.csv_files import write_csv
from pipeline.simulate.simulated_patients import People
from pipeline.simulate.simulated_tables import Tables
from pipeline.simulate.simulation_settings import between, named

_HOUR = 3600.0


REPORT = "report.json"
_CLOCKS = {
    "treatments": "given_hours",
    "observations": "observed_hours",
    "assessments": "assessed_hours",
}
_UNKNOWN = ["record_end_hours", "followed_until_hours", "death_hours"]


def to_exports(
    tables: Tables, ids: list[str], people: People, settings: Mapping[str, Any]
) -> Tables:
    """Replace row numbers by pseudonyms and hours by timestamps with offset; all cells as text."""
    zero = _infusion_seconds(people, settings)
    names = np.array(ids, dtype=object)
    result = {}
    for name, table in tables.items():
        patient = table["patient"].to_numpy(dtype=np.int64)
        columns: dict[str, Any] = {"patient_id": names[patient]}
        if name == "patients":
            columns["infusion_time"] = timestamps_of(
                np.zeros(len(table)), patient, zero, people, settings
            )
        for column in table.columns.drop("patient"):
            if column.endswith("_hours"):
                hours = table[column].to_numpy(dtype=float)
                text = timestamps_of(hours, patient, zero, people, settings)
                columns[column.removesuffix("_hours") + "_at"] = text
            else:
                columns[column] = _text(table[column])
        result[name] = pd.DataFrame(columns).astype("str")
    return result


def timestamps_of(
    hours: Floats, patient: Ints, zero: Floats, people: People, settings: Mapping[str, Any]
) -> np.ndarray:
    """ISO 8601 with the offset valid at the site then; blank where ``hours`` is NaN."""
    text = np.full(len(hours), "", dtype=object)
    known = np.isfinite(hours)
    seconds = np.round(zero[patient] + np.where(known, hours, 0.0) * _HOUR).astype(np.int64)
    for number, site in enumerate(named(settings["sites"]).values()):
        rows = known & (people.site[patient] == number)
        if not rows.any():
            continue
        moments = pd.DatetimeIndex(seconds[rows].astype("datetime64[s]")).tz_localize("UTC")
        wall = moments.tz_convert(site["time_zone"]).tz_localize(None).to_numpy("datetime64[s]")
        ahead = wall.astype(np.int64) - seconds[rows]
        words = {int(item): _offset(int(item)) for item in np.unique(ahead)}
        suffix = np.array([words[int(item)] for item in ahead], dtype=object)
        text[rows] = np.datetime_as_string(wall).astype(object) + suffix
    return text


def write(tables: Tables, folder: Path) -> None:
    """Write every table as ``<name>.csv``."""
    for name, table in tables.items():
        write_csv(table, folder / f"{name}.csv")


def is_simulated(folder: str | Path) -> bool:
    """Whether ``cytocast simulate`` wrote a folder: its ``report.json`` says so.

    A folder without that file is not marked, which does not prove that its patients are real.
    """
    try:
        report = json.loads((Path(folder) / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(report, dict) and report.get("synthetic") is True


def draw_cuts(count: int, settings: Mapping[str, Any], random: np.random.Generator) -> Floats:
    """Hour at which each patient is looked at."""
    return np.asarray(np.round(between(random, settings["batch"]["cut_hours"], count), 2))


def cut_at_hour(tables: Tables, hours: Floats) -> Tables:
    """Keep what was known before each patient's hour; the end of the record is not known yet.

    A result whose time was left out is kept when its sample is a week old.
    """
    patients = tables["patients"].drop(columns=_UNKNOWN)
    result: dict[str, pd.DataFrame] = {"patients": patients}
    labs = tables["labs"]
    limit = hours[labs["patient"].to_numpy()]
    known = labs["resulted_hours"].fillna(labs["collected_hours"] + 168.0) < limit
    result["labs"] = labs.loc[known].reset_index(drop=True)
    for name, clock in _CLOCKS.items():
        rows = tables[name]
        before = rows[clock].to_numpy() < hours[rows["patient"].to_numpy()]
        result[name] = rows.loc[before].reset_index(drop=True)
    return result


def _infusion_seconds(people: People, settings: Mapping[str, Any]) -> Floats:
    """Seconds since 1970 of each infusion, whose hour is the one on the wall of the site."""
    start = np.datetime64(settings["time"]["first_infusion"], "s")
    wall = start + np.round(people.infusion * _HOUR).astype("timedelta64[s]")
    zero = np.zeros(len(people))
    for number, site in enumerate(named(settings["sites"]).values()):
        rows = people.site == number
        local = pd.DatetimeIndex(wall[rows]).tz_localize(site["time_zone"])
        zero[rows] = (
            local.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)
        )
    return zero


def _offset(seconds: int) -> str:
    """Offset from UTC as ISO 8601 writes it.

    Examples
    --------
    >>> _offset(7200), _offset(-18000)
    ('+02:00', '-05:00')
    """
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _text(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_float_dtype(column):
        return np.array(["" if np.isnan(item) else f"{item:.6g}" for item in column], dtype=object)
    filled = column.astype("object").where(column.notna(), "")
    return np.array([str(item) for item in filled], dtype=object)
