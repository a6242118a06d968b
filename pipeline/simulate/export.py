"""Synthetic tables as CSV files, whole or cut at one hour, marked as simulated."""

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
    tables: Tables,
    ids: list[str],
    people: People,
    settings: Mapping[str, Any],
    zero: Floats | None = None,
) -> Tables:
    """Replace row numbers with ids and hours with timestamps; all cells become text.

    Parameters
    ----------
    tables : dict of str to DataFrame
        From :func:`~pipeline.simulate.simulated_tables.build_tables`.
    ids : list of str
        Id of each patient.
    people : People
        Simulated patients.
    settings : mapping
        ``simulation.yaml``.
    zero : ndarray of float, shape (n_patients,), optional
        Seconds since 1970 of each infusion; default: as drawn.

    Returns
    -------
    dict of str to DataFrame
        Columns as in an export; ``*_at`` is ISO 8601 with offset.

    Examples
    --------
    >>> from pipeline.simulate.simulated_patients import draw_people
    >>> from pipeline.simulate.simulation_settings import generators, load
    >>> people = draw_people(1, load(), generators(1)["people"])
    >>> doses = pd.DataFrame({"patient": [0], "drug": ["tocilizumab"], "given_hours": [24.0]})
    >>> to_exports({"treatments": doses}, ["SYN-1"], people, load())["treatments"].iloc[0].tolist()
    ['SYN-1', 'tocilizumab', '2023-12-25T13:36:00+01:00']
    """
    zero = _infusion_seconds(people, settings) if zero is None else zero
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
    """Format times as ISO 8601 with the local offset of the site; empty if ``hours`` is NaN."""
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
        offsets = {int(item): _offset(int(item)) for item in np.unique(ahead)}
        suffix = np.array([offsets[int(item)] for item in ahead], dtype=object)
        text[rows] = np.datetime_as_string(wall).astype(object) + suffix
    return text


def write(tables: Tables, folder: Path) -> None:
    """Write every table as ``<name>.csv``.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Exported tables.
    folder : Path
        Existing folder.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write({"patients": pd.DataFrame({"patient_id": ["SYN-1"]})}, Path(folder))
    ...     Path(folder, "patients.csv").read_text().split()
    ['patient_id', 'SYN-1']
    """
    for name, table in tables.items():
        write_csv(table, folder / f"{name}.csv")


def is_simulated(folder: str | Path) -> bool:
    """Whether the ``report.json`` of a folder marks its patients as simulated.

    A folder without that file is not marked, but its patients may still be simulated.

    Parameters
    ----------
    folder : path
        Folder of an export.

    Returns
    -------
    bool

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     before = is_simulated(folder)
    ...     _ = Path(folder, "report.json").write_text('{"synthetic": true}')
    ...     before, is_simulated(folder)
    (False, True)
    """
    try:
        report = json.loads((Path(folder) / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(report, dict) and report.get("synthetic") is True


def draw_cuts(count: int, settings: Mapping[str, Any], random: np.random.Generator) -> Floats:
    """Draw the hour at which the record of each patient is cut.

    Parameters
    ----------
    count : int
        Number of patients.
    settings : mapping
        ``simulation.yaml``.
    random : numpy.random.Generator
        Stream ``orders`` or another.

    Returns
    -------
    ndarray of float, shape (count,)
        Hours since infusion.

    Examples
    --------
    >>> settings = {"batch": {"cut_hours": [48, 48]}}
    >>> draw_cuts(2, settings, np.random.default_rng(0)).tolist()
    [48.0, 48.0]
    """
    return np.asarray(np.round(between(random, settings["batch"]["cut_hours"], count), 2))


def cut_at_hour(tables: Tables, hours: Floats) -> Tables:
    """Keep the rows known before an hour of each patient, without the end of the record.

    A result without a result time is kept if its sample is at least a week old.

    Parameters
    ----------
    tables : dict of str to DataFrame
        From :func:`~pipeline.simulate.simulated_tables.build_tables`.
    hours : ndarray of float, shape (n_patients,)
        Hours since infusion.

    Returns
    -------
    dict of str to DataFrame

    Examples
    --------
    >>> rows = {"patient": [0, 0], "collected_hours": [9.0, 70.0], "resulted_hours": [10.0, 80.0]}
    >>> tables = {"labs": pd.DataFrame(rows), "patients": pd.DataFrame(columns=_UNKNOWN)}
    >>> for name, clock in _CLOCKS.items():
    ...     tables[name] = pd.DataFrame({"patient": [0], clock: [50.0]})
    >>> cut = cut_at_hour(tables, np.array([72.0]))
    >>> cut["labs"]["resulted_hours"].tolist(), len(cut["treatments"])
    ([10.0], 1)
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
    """Seconds since 1970 of each infusion; its hour is in the local time of the site."""
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
    """Format an offset from UTC in ISO 8601.

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
