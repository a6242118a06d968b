"""Whether an analyte was there, was used, and carried anything in this cohort."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.arrays import Floats
from pipeline.cohort.analytes import Analyte, dictionary
from pipeline.cohort.tables import Cohort
from pipeline.evaluate import metrics
from pipeline.evaluate.discrimination import estimable, known_rows
from pipeline.evaluate.intervals import interval, number
from pipeline.evaluate.scored_rows import Scores
from pipeline.features.spec import FeatureSpec
from pipeline.model.borrowed_prior import PREFIX

CORE = (
    "crp", "ferritin", "il6", "d_dimer", "fibrinogen", "csf_serum_albumin", "nfl", "il1ra", "gm_csf"
)  # fmt: skip


def analyte_use(
    scores: Scores,
    cohort: Cohort,
    spec: FeatureSpec,
    columns: tuple[str, ...],
    draws: Floats,
    minimum: int,
) -> dict[str, Any]:
    """One entry per analyte: how often it was there, whether it was used and why, what it carried.

    The nine core analytes are always listed, the others if the cohort or the model knows them.

    Parameters
    ----------
    columns : tuple of str
        Features that the model reads.

    Returns
    -------
    dict
        By analyte: ``label``, ``rows``, ``row_share``, ``patients``, ``event_patients``, ``used``,
        ``why`` and ``importance`` by horizon (a ``reason`` where it is not given).
    """
    measured = set(cohort.labs.loc[~cohort.labs["cancelled"], "analyte"].unique())
    known = {**dictionary(), **{item.key: item for item in spec.analytes}}
    in_spec = {item.key for item in spec.analytes}
    keys = dict.fromkeys((*CORE, *sorted(in_spec | (measured & set(known)))))
    first = np.flatnonzero(scores.repeat == scores.repeat.min(initial=0))
    seen = first_visible(cohort)
    read = {name.removeprefix(PREFIX).split("__")[0] for name in columns}
    result = {}
    for key in keys:
        moment = seen.get(key, np.full(len(cohort), np.inf))[scores.episode]
        present = moment < scores.hours
        rows = first[present[first]]
        event = np.unique(scores.patient[rows][scores.status[rows] == 1])
        entry: dict[str, Any] = {
            "label": known[key].short,
            "rows": len(rows),
            "row_share": number(len(rows) / max(len(first), 1)),
            "patients": len(np.unique(scores.patient[rows])),
            "event_patients": len(event),
        }
        used, why = _used(key, known[key], in_spec, measured, read, len(rows))
        entry |= {"used": used, "why": why}
        if not used:
            entry["importance"] = {"reason": "not used by the model"}
        elif len(event) < minimum:
            entry["importance"] = {
                "reason": f"fewer than {minimum} event patients have a result before a landmark"
            }
        elif key not in scores.permuted:
            entry["importance"] = {"reason": "not computed"}
        else:
            entry["importance"] = _importance(scores, key, draws, minimum)
        result[key] = entry
    return result


def first_visible(cohort: Cohort) -> dict[str, Floats]:
    """Hour at which the first result of each analyte arrived, per patient; inf where none did."""
    rows = cohort.labs.loc[~cohort.labs["cancelled"]]
    result = {}
    for key, part in rows.groupby("analyte", sort=False):
        first = np.full(len(cohort), np.inf)
        np.minimum.at(
            first, part["patient"].to_numpy(), part["resulted_hours"].to_numpy(dtype=float)
        )
        result[str(key)] = first
    return result


def _used(
    key: str, analyte: Analyte, in_spec: set[str], measured: set[str], read: set[str], rows: int
) -> tuple[bool, str]:
    if key not in measured:
        told = "no result in this cohort"
        return False, f"{told}, though the model reads it" if key in in_spec else told
    if key not in in_spec:
        return False, "left out by features.analytes in the configuration"
    if rows == 0:
        return False, "no result arrived before a landmark at risk"
    if key not in read:
        return False, "no member reads its statistics"
    return True, "read by the model"


def _importance(scores: Scores, key: str, draws: Floats, minimum: int) -> dict[str, Any]:
    """Fall in AUROC when the analyte comes from another patient of the same day, per horizon."""
    result: dict[str, Any] = {}
    for place, horizon in enumerate(scores.horizons):
        rows = known_rows(scores, place)
        label, patient = scores.label[rows, place], scores.patient[rows]
        cell: dict[str, Any] = dict.fromkeys(("fall", "fall_lo", "fall_hi"))
        if estimable(label, patient, minimum):
            weight, group = draws[rows], scores.group[rows]
            fall = metrics.auroc(
                label, scores.risks["model"][rows, place], weight, group
            ) - metrics.auroc(label, scores.permuted[key][rows, place], weight, group)
            low, high = interval(fall)
            cell = {"fall": number(fall[0]), "fall_lo": low, "fall_hi": high}
        result[f"{horizon:g}"] = cell
    return result
