"""Long observations to assessments: the findings known at every charted time.

Each time with an observation of a scale is one assessment. It uses the newest valid findings of
every domain charted at or before it, so a later observation never changes an earlier grade.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.arrays import Bools, Floats, Ints
from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.drug_names import drug_index
from pipeline.cohort.schema import to_number
from pipeline.config_cohort import GradingConfig
from pipeline.grading import grading_rules
from pipeline.resources import schema_yaml

_LOWER_IS_WORSE = "ice"
_NONE = "none"


@dataclass(frozen=True)
class Moments:
    """Assessments of one scale, sorted by patient and time.

    Attributes
    ----------
    patient, hours : ndarray, shape (n,)
        Row number of the patient, and hours since time zero.
    items : dict of ndarray, shape (n,)
        Number, or position in :func:`grading_rules.words_in_order`; NaN where unknown.
    age : dict of ndarray, shape (n,)
        Hours since each domain was charted; NaN where unknown or too old.
    conflict : ndarray of bool
        Whether an item in use has two values at one moment.
    pressors, vasopressins : ndarray
        Number of running vasopressors; vasopressin-like drugs are counted separately.
    pressors_stated : ndarray of bool
        Whether vasopressors are charted.
    none_with_drug : ndarray of bool
        Whether "none" is charted together with a drug.
    unstopped : ndarray of bool
        Whether a drug ran shortly before and its end is not charted.
    """

    patient: Ints
    hours: Floats
    items: dict[str, Floats]
    age: dict[str, Floats]
    conflict: Bools
    pressors: Floats
    vasopressins: Floats
    pressors_stated: Bools
    none_with_drug: Bools
    unstopped: Bools

    def __len__(self) -> int:
        return len(self.hours)


def assessments_of(observations: pd.DataFrame, scale: str, config: GradingConfig) -> Moments:
    """Every assessment of a scale at or after time zero, with the findings known then.

    Parameters
    ----------
    observations : DataFrame
        ``patient, item, value, observed_hours`` in any order.
    scale : {"crs", "icans"}
    config : GradingConfig
        ``carry_hours`` and ``together_hours`` are used.
    """
    parts = grading_rules.domain_items(scale)
    members = [item for items in parts.values() for item in items]
    rows = observations.loc[observations["item"].isin(members).to_numpy()]
    rows = rows.sort_values(["patient", "observed_hours", "item", "value"], kind="stable")
    moments = rows.loc[
        ((rows["item"] != grading_rules.ANTIPYRETIC) & (rows["observed_hours"] >= 0)).to_numpy(),
        ["patient", "observed_hours"],
    ].drop_duplicates()
    patient = moments["patient"].to_numpy(dtype=np.intp)
    hours = moments["observed_hours"].to_numpy(dtype=float)
    items, age, conflict = {}, {}, np.zeros(len(hours), dtype=bool)
    drugs = _no_drugs(len(hours))
    for domain, names in parts.items():
        part = rows.loc[rows["item"].isin(names).to_numpy()]
        anchor = _anchor(part, patient, hours, domain, config)
        age[domain] = hours - anchor
        for item in names:
            chosen = part.loc[(part["item"] == item).to_numpy()]
            if item == "vasopressor":
                drugs = _running(chosen, patient, hours, anchor, config)
            else:
                items[item], doubled = _newest(chosen, item, patient, anchor, config)
                conflict |= doubled
    return Moments(patient, hours, items, age, conflict, *drugs)


def latest_findings(
    patient: Ints, hours: Floats, at_patient: Ints, at_hours: Floats, *, before: bool = False
) -> Ints:
    """Position of the newest row at (or strictly before) each moment, -1 if there is none.

    Parameters
    ----------
    patient, hours : ndarray
        Rows sorted by patient, then hours.
    at_patient, at_hours : ndarray, shape (n,)
        Moments.
    before : bool
        Whether rows at the moment itself are excluded.

    Returns
    -------
    ndarray of int, shape (n,)

    Examples
    --------
    >>> rows = np.array([0, 0, 1]), np.array([1.0, 5.0, 2.0])
    >>> latest_findings(*rows, np.array([0, 0, 1]), np.array([5.0, 0.5, 9.0])).tolist()
    [1, -1, 2]
    """
    times = np.unique(np.concatenate([hours, at_hours]))
    key = patient * len(times) + np.searchsorted(times, hours)
    at_key = at_patient * len(times) + np.searchsorted(times, at_hours)
    place = np.searchsorted(key, at_key, side="left" if before else "right") - 1
    known = place >= 0
    known[known] = patient[place[known]] == at_patient[known]
    return np.where(known, place, -1).astype(np.intp)


def newest_hours(
    rows: pd.DataFrame, column: str, patient: Ints, hours: Floats, *, before: bool = False
) -> Floats:
    """Hour of the newest row at (or strictly before) each moment; NaN if there is none."""
    ordered = rows.sort_values(["patient", column], kind="stable")
    time = ordered[column].to_numpy(dtype=float)
    newest = latest_findings(
        ordered["patient"].to_numpy(np.intp), time, patient, hours, before=before
    )
    return _pick(time, newest)


def _anchor(
    rows: pd.DataFrame, patient: Ints, hours: Floats, domain: str, config: GradingConfig
) -> Floats:
    """Hour at which a domain was last charted; NaN if that is too long ago."""
    time = newest_hours(rows, "observed_hours", patient, hours)
    age = hours - time
    counts = (age <= grading_rules.valid_hours(domain, config.carry_hours)) | (
        age < config.together_hours
    )
    return np.where(counts, time, np.nan)


def _newest(
    rows: pd.DataFrame, item: str, patient: Ints, anchor: Floats, config: GradingConfig
) -> tuple[Floats, Bools]:
    """Newest value of one item within its domain, and whether it has two values."""
    coded = pd.DataFrame(
        {
            "patient": rows["patient"].to_numpy(np.intp),
            "hours": rows["observed_hours"].to_numpy(dtype=float),
            "code": _coded(rows["value"], item),
        }
    )
    groups = coded.groupby(["patient", "hours"], sort=True)["code"]
    table = groups.agg(["min", "max"]).reset_index()
    worst = table["min" if item.startswith(_LOWER_IS_WORSE) else "max"].to_numpy(dtype=float)
    time = table["hours"].to_numpy(dtype=float)
    newest = _at(table["patient"].to_numpy(np.intp), time, patient, anchor)
    newest = np.where(anchor - _pick(time, newest) < config.together_hours, newest, -1)
    doubled = np.asarray(table["min"] != table["max"], dtype=float)
    return _pick(worst, newest), _pick(doubled, newest) > 0


def _running(
    rows: pd.DataFrame, patient: Ints, hours: Floats, anchor: Floats, config: GradingConfig
) -> tuple[Floats, Floats, Bools, Bools, Bools]:
    """Vasopressors of each assessment: the last five fields of :class:`Moments`."""
    like = {
        key: bool(drug.get("vasopressin_like"))
        for key, drug in schema_yaml("drugs.yaml")["drugs"].items()
    }
    known = drug_index()
    names = rows["value"].map(normalise_name).map(lambda name: known.get(name, name))
    none_at = _hours_at(rows.loc[(names == _NONE).to_numpy()], patient, anchor)
    pressors, vasopressins, stated, with_none, unstopped = _no_drugs(len(hours))
    stated |= anchor - none_at < config.together_hours
    for drug in sorted(set(names) - {_NONE}):
        time = _hours_at(rows.loc[(names == drug).to_numpy()], patient, anchor)
        not_ended = ~(none_at > time)
        runs = (anchor - time < config.together_hours) & not_ended
        (vasopressins if like.get(drug, False) else pressors)[runs] += 1
        stated |= runs
        with_none |= runs & (none_at == time)
        unstopped |= (hours - time <= config.carry_hours) & not_ended & ~runs
    return pressors, vasopressins, stated, with_none, unstopped & ~stated


def _no_drugs(count: int) -> tuple[Floats, Floats, Bools, Bools, Bools]:
    nothing = [np.zeros(count, dtype=bool) for _ in range(3)]
    return np.zeros(count), np.zeros(count), nothing[0], nothing[1], nothing[2]


def _hours_at(rows: pd.DataFrame, patient: Ints, anchor: Floats) -> Floats:
    time = rows["observed_hours"].to_numpy(dtype=float)
    return _pick(time, _at(rows["patient"].to_numpy(np.intp), time, patient, anchor))


def _at(patient: Ints, time: Floats, at_patient: Ints, anchor: Floats) -> Ints:
    known = np.isfinite(anchor)
    return latest_findings(patient, time, at_patient, np.where(known, anchor, -np.inf))


def _pick(values: Floats, place: Ints) -> Floats:
    result = np.full(len(place), np.nan)
    result[place >= 0] = values[place[place >= 0]]
    return result


def _coded(cells: pd.Series, item: str) -> Floats:
    """Numbers unchanged; categories as their position from the mildest to the worst."""
    if schema_yaml("observations.yaml")["items"][item]["kind"] == "number":
        return np.asarray(to_number(cells).to_numpy(dtype=float))
    order = {word: position for position, word in enumerate(grading_rules.words_in_order(item))}
    return np.asarray(cells.str.lower().map(order).to_numpy(dtype=float))
