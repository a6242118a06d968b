"""Text tables as typed frames that keep every row; a cell that cannot be read is NaN."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort.analyte_resolver import local_analyte
from pipeline.cohort.analytes import (
    Analyte,
    dictionary,
    key_in_specimen,
    local_key,
    name_index,
    normalise_name,
)
from pipeline.cohort.schema import to_number
from pipeline.cohort.specimens import NOTHING, specimen_classes
from pipeline.cohort.tables import Cohort
from pipeline.cohort.timestamps import parse_timestamps
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.cohort.units import conversion
from pipeline.config_cohort import CohortConfig

_SIDES = r"^\s*(?P<side><=|>=|<|>|≤|≥)?\s*(?P<number>\S*)$"
ENDS = ("record_end", "followed_until", "death")


def people_frame(raw: pd.DataFrame | None, ids: pd.Index, config: CohortConfig) -> pd.DataFrame:
    """Return one row per id: its line in patients, its infusion and the ends of its record.

    Returns
    -------
    DataFrame
        Indexed by patient code: ``line`` (0 where the id has no row), ``position`` (label of the
        row in the raw table, -1 without one), ``infusion`` (UTC), ``site`` and, in hours,
        ``record_end``, ``followed_until`` and ``death``.
    """
    people = pd.DataFrame({"line": 0, "position": -1}, index=pd.RangeIndex(len(ids)))
    people["infusion"] = pd.Series(pd.NaT, index=people.index, dtype="datetime64[us, UTC]")
    people["site"] = pd.Series("", index=people.index, dtype="str")
    for clock in ENDS:
        people[clock] = np.nan
    if raw is None or "patient_id" not in raw:
        return people
    # the first of several infusions defines time zero; their ends do not end the whole record
    several: set[str] = set()
    if "episode" in raw:
        episode = to_number(raw["episode"])
        several = set(raw.loc[episode > 1, "patient_id"])
        raw = raw.loc[episode.sort_values(kind="stable", na_position="first").index]
    first = raw[(raw["patient_id"] != "") & ~raw.duplicated("patient_id")].sort_index()
    code = ids.get_indexer(pd.Index(first["patient_id"]))
    people.loc[code, "line"] = first["_line"].to_numpy()
    people.loc[code, "position"] = first.index.to_numpy()
    if "infusion_time" in raw:
        moment = parse_timestamps(first["infusion_time"], config.time_zone or "UTC")[0]
        people.loc[code, "infusion"] = moment.to_numpy()
    if "site" in raw:
        people.loc[code, "site"] = first["site"].to_numpy()
    zero = people["infusion"].iloc[code].set_axis(first.index)
    for clock in ENDS:
        hours = lenient_hours(first, clock, zero, config)
        people.loc[code, clock] = hours.mask(first["patient_id"].isin(several)).to_numpy()
    return people


def lab_frame(
    raw: pd.DataFrame | None, ids: pd.Index, people: pd.DataFrame, config: CohortConfig
) -> pd.DataFrame:
    """Return every lab row as far as it can be read.

    Returns
    -------
    DataFrame
        Indexed like the raw table: ``patient`` (code, -1 if unknown), ``key``, ``unit``,
        ``text``, ``number`` (as exported), ``side`` (-1 for <, 1 for >), ``factor`` and
        ``value`` (canonical unit, NaN if it cannot be converted), ``hours``, ``resulted``,
        ``day``, ``site``, ``line``; ``by_difference`` (True for signed numbers and logarithms,
        which have no ratios) and ``log_step`` (natural logarithm per unit of a logarithm,
        else NaN).
    """
    names = ("patient_id", "analyte", "value", "unit")
    if raw is None or any(name not in raw for name in names):
        raw = pd.DataFrame({name: pd.Series([], dtype="str") for name in (*names, "_line")})
    patient = ids.get_indexer(pd.Index(raw["patient_id"]))
    specimen = raw["specimen"] if "specimen" in raw else pd.Series("", index=raw.index)
    codes, spelled = pd.factorize(pd.MultiIndex.from_arrays([raw["analyte"], specimen]))
    keys = np.array([analyte_key(name, config, text) for name, text in spelled], dtype=object)
    number, side = _numbers(raw["value"])
    zero, site = (
        _of(people["infusion"], patient, raw.index),
        _of(people["site"], patient, raw.index),
    )
    hours = lenient_hours(raw, "collected", zero, config)
    frame = pd.DataFrame(
        {
            "patient": patient,
            "key": pd.Series(keys[codes], index=raw.index, dtype="str"),
            "unit": raw["unit"],
            "text": raw["value"],
            "number": number,
            "side": side,
            "hours": hours,
            "resulted": lenient_hours(raw, "resulted", zero, config),
            "day": np.floor(hours / 24.0),
            "site": site,
            "line": raw["_line"].astype("int64"),
        },
        index=raw.index,
    )
    frame["factor"] = _factors(frame, config)
    frame = frame.assign(**_scales(frame, config))
    return frame.assign(value=frame["number"] * frame["factor"])


def grade_frame(
    raw: pd.DataFrame | None, ids: pd.Index, people: pd.DataFrame, config: CohortConfig
) -> pd.DataFrame:
    """Return every assessment: ``patient, scale, grade, hours, day, system, line``."""
    names = ("patient_id", "scale", "grade")
    if raw is None or any(name not in raw for name in names):
        raw = pd.DataFrame({name: pd.Series([], dtype="str") for name in (*names, "_line")})
    patient = ids.get_indexer(pd.Index(raw["patient_id"]))
    hours = lenient_hours(raw, "assessed", _of(people["infusion"], patient, raw.index), config)
    blank = pd.Series("", index=raw.index, dtype="str")
    return pd.DataFrame(
        {
            "patient": patient,
            "scale": raw["scale"].str.lower(),
            "grade": to_number(raw["grade"]),
            "hours": hours,
            "day": np.floor(hours / 24.0),
            "system": raw.get("grading_system", blank),
            "line": raw["_line"].astype("int64"),
        },
        index=raw.index,
    )


def derived_grades(cohort: Cohort, ids: pd.Index) -> pd.DataFrame:
    """Return the grades of an accepted cohort as :func:`grade_frame` does, with line 0."""
    rows = cohort.assessments
    people, row = cohort.patients, rows["patient"].to_numpy()
    number = ids.get_indexer(pd.Index(people.get("person_id", people["patient_id"])))
    start = people["start_hours"].to_numpy()[row] if "start_hours" in people else 0.0
    hours = rows["assessed_hours"] + start
    return pd.DataFrame(
        {
            "patient": number[row],
            "scale": rows["scale"],
            "grade": rows["grade"].astype(float),
            "hours": hours,
            "day": np.floor(hours / 24.0),
            "system": "",
            "line": 0,
        }
    )


def analyte_key(name: str, config: CohortConfig, specimen: str = "") -> str:
    """Return the key of an analyte, whether or not the cohort accepts it.

    A result from a specimen other than that of the dictionary has a separate key.
    """
    key = local_key(name)
    if key in {local_key(item) for item in config.local_analytes}:
        return key
    known = name_index().get(normalise_name(name))
    if known is None:
        return key
    stated = specimen_classes(specimen) or NOTHING
    return key_in_specimen(known, stated) or local_key(f"{known} {specimen}")


def lenient_hours(
    table: pd.DataFrame, clock: str, zero: pd.Series, config: CohortConfig
) -> pd.Series:
    """Return the hours since time zero of one clock, NaN where it cannot be read.

    Times without an offset are read in ``cohort.time_zone``, or in UTC if that is not set.
    """
    if f"{clock}_hours" in table:
        hours = to_number(table[f"{clock}_hours"])
        return hours.where(np.isfinite(hours))
    if f"{clock}_days" in table:
        days = to_number(table[f"{clock}_days"])
        return 24.0 * days.where(np.isfinite(days))
    if f"{clock}_at" in table:
        moment = parse_timestamps(table[f"{clock}_at"], config.time_zone or "UTC")[0]
        return (moment - zero).dt.total_seconds() / 3600.0
    return pd.Series(np.nan, index=table.index)


def accepted_unit(key: str, unit: str, config: CohortConfig) -> float:
    """Return the factor to the canonical unit of the dictionary, NaN if there is none."""
    if key not in dictionary():
        return float("nan")
    analyte: Analyte = dictionary()[key]
    assumed = {normalise_unit(k): v for k, v in config.assume_units.get(key, {}).items()}
    return conversion(analyte, assumed.get(normalise_unit(unit), unit))[0]


def _factors(labs: pd.DataFrame, config: CohortConfig) -> np.ndarray:
    pairs = labs[["key", "unit"]]
    unique = pairs.drop_duplicates()
    factors = [accepted_unit(key, unit, config) for key, unit in unique.itertuples(index=False)]
    number = pairs.groupby(["key", "unit"], sort=False).ngroup().to_numpy()
    return np.array(factors, dtype=float)[number]


def _scales(labs: pd.DataFrame, config: CohortConfig) -> dict[str, np.ndarray]:
    """Columns ``by_difference`` and ``log_step`` of :func:`lab_frame`."""
    pairs, listed = labs[["key", "unit"]], {local_key(name) for name in config.local_analytes}
    analytes = [
        dictionary()[key]
        if key in dictionary() and key not in listed
        else local_analyte(key, key, config, unit)
        for key, unit in pairs.drop_duplicates().itertuples(index=False)
    ]
    number = pairs.groupby(["key", "unit"], sort=False).ngroup().to_numpy()
    by_difference = np.array([analyte.by_difference for analyte in analytes], dtype=bool)
    step = np.array(
        [np.log(analyte.log_base) if analyte.log_base else np.nan for analyte in analytes]
    )
    return {"by_difference": by_difference[number], "log_step": step.astype(float)[number]}


def _numbers(cells: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Number and side of a limit of every cell; unlike the reader, keeps negative numbers."""
    codes, unique = pd.factorize(cells)
    parts = pd.Series(unique, dtype="str").str.extract(_SIDES)
    number = pd.to_numeric(parts["number"], errors="coerce").astype("float64")
    number = number.where(np.isfinite(number))
    side = parts["side"].map({"<": -1, "<=": -1, "≤": -1, ">": 1, ">=": 1, "≥": 1}).fillna(0)
    return number.to_numpy()[codes], side.to_numpy(dtype=np.int8)[codes]


def _of(column: pd.Series, patient: np.ndarray, index: pd.Index) -> pd.Series:
    """Value of each row's patient; missing where the patient is unknown."""
    return column.reindex(patient).set_axis(index)
