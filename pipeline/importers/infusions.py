"""Finds the infusions of an export, and builds the table of patients."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from pipeline.cohort.ledger import Ledger, quoted
from pipeline.importers.exchange_mapping import ExchangeMapping, matching_rule
from pipeline.importers.records import (
    STATE_OFFSET,
    Records,
    clock_changes,
    filled_columns,
    look_up,
    refuse,
    utc_times,
)
from pipeline.resources import schema_yaml


def find_infusions(
    records: Records,
    mapping: ExchangeMapping,
    ledger: Ledger,
    time_zone: str | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find the infusions of each patient, and reject those without a time or known patient.

    Parameters
    ----------
    records : Records
    mapping : ExchangeMapping
    ledger : Ledger
        Receives the rejected records.
    time_zone : str or None
        Zone of times without offset.

    Returns
    -------
    infusions : DataFrame
        One row per patient and episode: ``patient_id, episode, at, moment, product``.
    rows : DataFrame
        The records of these infusions.
    """
    both = (records.results, records.events)
    rows = pd.concat(
        [part.loc[matching_rule(part, mapping.infusion) >= 0] for part in both], ignore_index=True
    )
    rows = rows.assign(rule=matching_rule(rows, mapping.infusion))
    rows = rows.assign(moment=utc_times(rows["at"], time_zone), _raw_at=rows["at"])
    problem, omop = clock_changes(rows["at"], time_zone), records.shape == "omop"
    rows = refuse(
        rows,
        problem != "",
        ledger,
        column="at",
        code="time_unusable",
        reason="The time of the infusion is not usable: "
        + quoted(rows["at"])
        + " "
        + problem
        + ".",
        remedy=STATE_OFFSET,
    )
    rows = refuse(
        rows,
        rows["moment"].isna(),
        ledger,
        column="at",
        code="time_unusable",
        reason="The time of the infusion is not readable: " + quoted(rows["at"]) + ".",
        remedy="Give a date in ISO 8601, preferably with a time"
        + ("; for dates like 01/03/2026, set date_order in the mapping." if omop else "."),
    )
    rows = refuse(
        rows,
        ~rows["patient_id"].isin(records.people["patient_id"]),
        ledger,
        column="patient_id",
        code="unknown_patient",
        reason="The patient of the infusion, "
        + quoted(rows["patient_id"])
        + ", is not in the export.",
        remedy="Export the patient too.",
    )
    table = _episodes(rows.sort_values(["patient_id", "moment"]), mapping)
    several = int((table["episode"] == 2).sum())
    if several:
        ledger.remarks.append(
            f"{several} patients have infusions at least {mapping.same_infusion_days:g} days "
            "apart; each is a separate episode. If they are parts of one infusion, raise "
            "same_infusion_days in the mapping."
        )
    return table, rows


def _episodes(rows: pd.DataFrame, mapping: ExchangeMapping) -> pd.DataFrame:
    """One row per infusion from records in order of patient and time.

    A record within the gap after the first record belongs to the same infusion. The time is that of
    the first record with a time of day, and the product that of the first rule with one.
    """
    gap = max(pd.Timedelta(days=mapping.same_infusion_days), pd.Timedelta(seconds=1))
    episodes: list[list[Any]] = []
    start, timed = pd.Timestamp(0, tz="UTC"), False
    columns = (rows[name] for name in ("patient_id", "at", "moment", "rule"))
    for patient, at, moment, rule in zip(*columns, strict=True):
        has_time, product = len(at) > len("2026-03-01"), mapping.infusion[rule].product
        again = bool(episodes) and episodes[-1][0] == patient
        if not again or moment - start >= gap:
            episode = episodes[-1][1] + 1 if again else 1
            episodes.append([patient, episode, at, moment, product])
            start, timed = moment, has_time
            continue
        if has_time and not timed:
            episodes[-1][2:4], timed = [at, moment], True
        episodes[-1][4] = episodes[-1][4] or product
    return pd.DataFrame(episodes, columns=["patient_id", "episode", "at", "moment", "product"])


def patients_table(
    people: pd.DataFrame,
    infusions: pd.DataFrame,
    periods: pd.DataFrame,
    time_zone: str | None,
    ledger: Ledger,
) -> pd.DataFrame:
    """Build the table ``patients``, one row per patient and episode.

    ``followed_until`` is the end of the observation period around the infusion, at most two years
    after the infusion. Later deaths are left out.
    """
    days = schema_yaml("exchange.yaml")["window_days"]["after"] - 1
    people = _deaths_by_day(people, time_zone, ledger)
    table = infusions.merge(people, on="patient_id", how="inner")
    first, last = (
        table.groupby("patient_id")["moment"].transform(which) for which in ("min", "max")
    )
    end = look_up(table["patient_id"], _observed_until(periods, table, first, time_zone))
    latest = last + pd.Timedelta(days=days)
    cap = latest.dt.strftime("%Y-%m-%d")
    late = utc_times(table["death"], time_zone) > latest
    over = (utc_times(end, time_zone) > latest) | late
    if late.any():
        ledger.remarks.append(
            f"{table.loc[late, 'patient_id'].nunique()} deaths are more than two years after the "
            "infusion and are left out."
        )
    ages = [
        _age(birth, start) for birth, start in zip(table["birth"], table["moment"], strict=True)
    ]
    filled = {
        "patient_id": table["patient_id"],
        "episode": table["episode"].astype("str"),
        "infusion_time": table["at"],
        "product": table["product"],
        "site": table["site"],
        "age_years": pd.Series(ages, index=table.index, dtype="str"),
        "sex": table["sex"],
        "followed_until_at": end.mask(over, cap).astype("str"),
        "death_at": table["death"].mask(late, "").astype("str"),
    }
    return filled_columns(pd.DataFrame(filled), ("patient_id", "infusion_time"))


def _deaths_by_day(people: pd.DataFrame, time_zone: str | None, ledger: Ledger) -> pd.DataFrame:
    """Replace a time of death that the zone skips or has twice by its day."""
    problem = clock_changes(people["death"], time_zone)
    for file in people.loc[problem != "", "file"].unique():
        ledger.note(
            people,
            (problem != "") & (people["file"] == file),
            file=str(file),
            column="death",
            code="clock_change",
            reason=quoted(people["death"]) + " " + problem + "; only the day is used.",
            remedy=STATE_OFFSET,
        )
    return people.assign(
        death=people["death"].mask(problem != "", people["death"].str.slice(0, 10))
    )


def one_row_each(people: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Drop exact repeats of patients; reject all rows of a patient that differ."""
    content = [name for name in people if name not in ("file", "_line")]
    repeats = people.duplicated(content)
    for file in people["file"].unique():
        part = repeats & (people["file"] == file)
        people = ledger.collapse(people, part.loc[people.index], file=str(file))
    return refuse(
        people,
        people.duplicated("patient_id", keep=False),
        ledger,
        column="patient_id",
        code="duplicate_patient",
        reason=quoted(people["patient_id"]) + " has several different rows; none is used.",
        remedy="Export one row per patient.",
    )


def _observed_until(
    periods: pd.DataFrame, table: pd.DataFrame, first: pd.Series, time_zone: str | None
) -> dict[str, str]:
    """End of the observation period around the first infusion, by patient."""
    start = pd.Series(first.to_numpy(), index=table["patient_id"]).groupby(level=0).first()
    when = periods["patient_id"].map(start).dt.normalize()
    around = utc_times(periods["start"], time_zone).dt.normalize() <= when
    around &= utc_times(periods["end"], time_zone) + pd.Timedelta(days=1) > when
    return dict(zip(periods.loc[around, "patient_id"], periods.loc[around, "end"], strict=True))


def _age(birth: str, moment: pd.Timestamp) -> str:
    """Completed years; with only a year of birth, the difference of the years.

    Examples
    --------
    >>> _age("1960-05-02", pd.Timestamp("2026-05-01")), _age("1960", pd.Timestamp("2026-05-01"))
    ('65', '66')
    """
    match = re.match(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", birth)
    if match is None:
        return ""
    later = (int(match[2] or 0), int(match[3] or 0)) > (moment.month, moment.day)
    return str(moment.year - int(match[1]) - int(later))
