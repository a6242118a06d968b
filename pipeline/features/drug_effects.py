"""What drugs given before a sample do to its results, by the rules of ``drugs.yaml``."""

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
    """One rule.

    Attributes
    ----------
    kind : str
        ``invalid``: the result is left out. ``altered``: changes are not taken across the first
        dose. ``exogenous``: changes are not taken across any dose.
    for_hours : float or None
        How long after a dose the effect lasts; None for good.
    channel : str
        Where an altered result is a quantity of its own: suffix of the series it moves to.
    """

    drug: str
    analyte: str
    kind: str
    for_hours: float | None = None
    channel: str = ""

    @property
    def series(self) -> str:
        """Key of the series that the result belongs to."""
        return f"{self.analyte}_{self.channel}" if self.channel else self.analyte


@dataclass(frozen=True)
class Influence:
    """Per row of the labs.

    Attributes
    ----------
    invalid : ndarray of bool
    channel : ndarray of int16
        Number of the rule that moves a row to a series of its own; -1 where it stays.
    epoch : ndarray of int32
        Grows where what the analyte means changes.
    altered : ndarray of int8
        1 where a drug acts.
    """

    invalid: NDArray[np.bool_]
    channel: NDArray[np.int16]
    epoch: NDArray[np.int32]
    altered: NDArray[np.int8]


def drug_effects(analytes: set[str]) -> tuple[DrugEffect, ...]:
    """The rules that touch any of the analytes, in file order."""
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
    """The analyte of a channel and what the channel is in words."""
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
    """What the doses given strictly before each sample do to it; later doses do nothing.

    Parameters
    ----------
    patient, analyte, collected : ndarray, one per row of the labs
        ``analyte`` numbers ``names``.
    treatments : DataFrame
        ``Cohort.treatments``.
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
        who = doses["patient"].to_numpy()
        start = np.searchsorted(who, patient[rows], side="left")
        stop = np.searchsorted(who, patient[rows], side="right")
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
