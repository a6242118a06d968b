"""Applies the rules of ``drugs.yaml`` on how earlier doses affect lab results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints
from pipeline.cohort.analytes import Analyte
from pipeline.features.segments import count, expand
from pipeline.resources import schema_yaml


@dataclass(frozen=True)
class DrugEffect:
    """One rule: the effect of one drug on one analyte.

    Attributes
    ----------
    kind : str
        ``invalid``: the result is not used. ``altered``: no change is computed across the first
        dose. ``exogenous``: no change is computed across any dose.
    for_hours : float or None
        How long the effect lasts after a dose; None if it does not end.
    channel : str
        Suffix of the separate series that receives altered results; empty if they stay.
    """

    drug: str
    analyte: str
    kind: str
    for_hours: float | None = None
    channel: str = ""

    @property
    def series(self) -> str:
        """Key of the series that an affected result belongs to."""
        return f"{self.analyte}_{self.channel}" if self.channel else self.analyte


@dataclass(frozen=True)
class Influence:
    """Effects of drugs on each row of the labs.

    Attributes
    ----------
    invalid : ndarray of bool, shape (n_labs,)
        Whether the result must not be used.
    channel : ndarray of int16, shape (n_labs,)
        Number of the rule that moves the row to a separate series; -1 if it stays.
    epoch : ndarray of int32, shape (n_labs,)
        Increases whenever a drug changes the meaning of the analyte; changes are computed only
        within one epoch.
    altered : ndarray of int8, shape (n_labs,)
        1 where a drug acts on the result, else 0.
    """

    invalid: NDArray[np.bool_]
    channel: NDArray[np.int16]
    epoch: NDArray[np.int32]
    altered: NDArray[np.int8]


def drug_effects(analytes: set[str]) -> tuple[DrugEffect, ...]:
    """The rules that affect any of the analytes, in file order."""
    return tuple(
        DrugEffect(drug, key, effect["kind"], effect["for_hours"], effect.get("channel", ""))
        for drug, entry in schema_yaml("drugs.yaml")["drugs"].items()
        for key, effect in entry["effects"].items()
        if key in analytes
    )


def effect_from_dict(content: Mapping[str, Any]) -> DrugEffect:
    """Rebuild a rule stored with a bundle."""
    return DrugEffect(**content)


def channel_analyte(key: str, analytes: tuple[Analyte, ...]) -> tuple[Analyte, str]:
    """Return the analyte of a channel, renamed for it, and the key of the original analyte."""
    for suffix, entry in schema_yaml("drugs.yaml")["channels"].items():
        for analyte in analytes:
            if key == f"{analyte.key}_{suffix}":
                named = replace(analyte, short=f"{analyte.short} {entry['words']}")
                return named, analyte.key
    raise KeyError(key)


def influence(
    patient: Ints,
    analyte: Ints,
    names: pd.Index,
    collected: Floats,
    treatments: pd.DataFrame,
    effects: tuple[DrugEffect, ...],
) -> Influence:
    """Find the effect on each sample of the doses given strictly before it.

    Parameters
    ----------
    patient, analyte, collected : ndarray, shape (n_labs,)
        Patient row, position in ``names``, and hours since time zero.
    names : Index
        Analyte keys.
    treatments : DataFrame
        ``Cohort.treatments``.
    effects : tuple of DrugEffect

    Returns
    -------
    Influence
    """
    size = len(patient)
    result = Influence(
        np.zeros(size, dtype=bool),
        np.full(size, -1, dtype=np.int16),
        np.zeros(size, dtype=np.int32),
        np.zeros(size, dtype=np.int8),
    )
    given = treatments.sort_values(["patient", "given_hours"], kind="stable")
    for number, effect in enumerate(effects):
        doses = given.loc[(given["drug"] == effect.drug).to_numpy()]
        if len(doses) == 0 or effect.analyte not in names:
            continue
        rows = np.flatnonzero(analyte == names.get_loc(effect.analyte))
        treated = doses["patient"].to_numpy()
        start = np.searchsorted(treated, patient[rows], side="left")
        stop = np.searchsorted(treated, patient[rows], side="right")
        owner, place = expand(start, stop)
        hours = doses["given_hours"].to_numpy(dtype=float)[place]
        drawn = collected[rows][owner]
        lasts = np.inf if effect.for_hours is None else effect.for_hours
        before, over = hours < drawn, hours + lasts < drawn
        acts = count(owner[before & ~over], len(rows)) > 0
        if effect.kind == "invalid":
            result.invalid[rows] |= acts
            continue
        result.altered[rows] |= acts
        if effect.channel:
            result.channel[rows[acts]] = number
            continue
        doses_before = count(owner[before], len(rows))
        if effect.kind == "altered":
            doses_before = np.minimum(doses_before, 1.0)
        ended = count(owner[over], len(rows))
        result.epoch[rows] += (doses_before + ended).astype(np.int32)
    return result
