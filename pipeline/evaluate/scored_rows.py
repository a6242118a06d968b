"""Scored landmarks, and the landmarks of one horizon with their metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints
from pipeline.evaluate import metrics
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.intervals import estimate, interval, number, patient_draws
from pipeline.evaluate.patient_weights import PatientWeights, patient_weights
from pipeline.model.evaluation_cells import AreaCell, Fall
from pipeline.model.stacked_rows import FollowUp, censoring_weight

TOO_FEW = evaluation_phrase("reasons", "too_few")
_AREA = ("auroc", "auroc_lo", "auroc_hi")
_DIFFERENCE = ("diff_auroc", "diff_lo", "diff_hi")


@dataclass(frozen=True)
class HorizonRows:
    """Labels, risks and bootstrap weights of landmarks at one horizon.

    Attributes
    ----------
    label : ndarray, shape (n,)
        1 event, 0 none.
    risks, permuted : mapping of ndarray, shape (n,)
        Risk by predictor, NaN where it has no input; the model's risk by analyte taken from
        another patient.
    patient : ndarray of int, shape (n,)
    group : ndarray of int, shape (n,)
        Risks are ranked within groups only.
    weight : PatientWeights, shape (n, 1 + draws)
        First column the sample, the others bootstrap draws of patients; times the inverse
        probability of not being lost to follow-up.
    rows : ndarray of int, shape (n,)
        Row of each landmark in the scored rows.
    n_repeats : int
        Number of times each landmark occurs.
    minimum : int
        Below this many patients with the event, or without, figures are None.
    """

    label: Floats
    risks: Mapping[str, Floats]
    patient: Ints
    group: Ints
    weight: PatientWeights
    rows: Ints
    n_repeats: int = 1
    minimum: int = 1
    permuted: Mapping[str, Floats] = field(default_factory=dict)

    def take(self, places: Ints) -> HorizonRows:
        """The landmarks at the given positions."""
        return replace(
            self,
            label=self.label[places],
            risks={name: risk[places] for name, risk in self.risks.items()},
            patient=self.patient[places],
            group=self.group[places],
            weight=self.weight[places],
            rows=self.rows[places],
            permuted={name: risk[places] for name, risk in self.permuted.items()},
        )

    def among(self, mask: NDArray[np.bool_]) -> HorizonRows:
        """Landmarks selected by a mask over all scored ones."""
        return self.take(np.flatnonzero(mask[self.rows]))

    def known(self, name: str) -> HorizonRows:
        """Landmarks at which a predictor is available."""
        missing = np.isnan(self.risks[name])
        return self.take(np.flatnonzero(~missing)) if missing.any() else self

    def within(self, group: Ints) -> HorizonRows:
        """The same landmarks with other ranking groups, given for all scored rows."""
        return replace(self, group=group[self.rows])

    def with_equal_patients(self) -> HorizonRows:
        """The same landmarks, each weight divided by the number of landmarks of the patient."""
        _, code, count = np.unique(self.patient, return_inverse=True, return_counts=True)
        return replace(self, weight=self.weight * (1.0 / count[code])[:, None])

    def counts(self) -> dict[str, int]:
        """Number of landmarks and patients, in total and with the event."""
        return {
            "n": round(len(self.label) / self.n_repeats),
            "n_patients": len(np.unique(self.patient)),
            "n_events": round(float(self.label.sum()) / self.n_repeats),
            "n_event_patients": len(np.unique(self.patient[self.label == 1])),
        }

    @property
    def sample(self) -> Floats:
        """Weights of the sample, without draws."""
        return self.weight.sample

    def mean_risk(self, name: str = "model") -> float | None:
        """Weighted mean risk of a predictor."""
        return number(np.average(self.risks[name], weights=self.sample))

    @property
    def is_estimable(self) -> bool:
        """Whether enough patients have the event, and enough have landmarks without it."""
        return all(
            len(np.unique(self.patient[self.label == value])) >= self.minimum for value in (0, 1)
        )

    def auroc_draws(self, risk: Floats) -> Floats:
        """AUROC of a risk in the sample and in every draw."""
        return metrics.auroc(self.label, risk, self.weight, self.group)

    def auroc(self, name: str, against: str | None = None) -> AreaCell:
        """Counts and AUROC of a predictor at the landmarks where it is available.

        Parameters
        ----------
        against : str, optional
            Predictor for the difference: its AUROC minus that of ``name``, on the same landmarks
            and draws.
        """
        part = self.known(name)
        figures: dict[str, float | None] = dict.fromkeys(_AREA)
        figures |= dict.fromkeys(_DIFFERENCE if against is not None else ())
        if part.is_estimable:
            area = part.auroc_draws(part.risks[name])
            figures |= estimate(area, "auroc")
            if against is not None:
                difference = part.auroc_draws(part.risks[against]) - area
                ends = (number(difference[0]), *interval(difference))
                figures |= dict(zip(_DIFFERENCE, ends, strict=True))
        return AreaCell(**part.counts(), **figures)

    def fall(self, analyte: str) -> Fall:
        """Fall of the model's AUROC when an analyte is taken from another patient."""
        if not self.is_estimable:
            return Fall(fall=None, fall_lo=None, fall_hi=None)
        risk = self.permuted.get(analyte, self.risks["model"])
        return Fall(**estimate(self._model_draws - self.auroc_draws(risk), "fall"))

    @cached_property
    def _model_draws(self) -> Floats:
        return self.auroc_draws(self.risks["model"])


_ROWS = (
    *("label", "patient", "episode", "day", "group", "repeat"),
    *("hours", "time", "status", "reach", "grade"),
)


@dataclass(frozen=True)
class ScoredRows:
    """Predictions for one outcome on held-out landmarks; a landmark occurs once per repeat.

    Attributes
    ----------
    risks : dict of ndarray, shape (n_rows, n_horizons)
        By name: ``model``, ``model_no_state``, comparators. NaN where a comparator has no input.
    label : ndarray, shape (n_rows, n_horizons)
        1 event, 0 none, NaN not followed long enough.
    patient, episode, day : ndarray of int
        Row numbers in the cohort of the patient's first episode and of this one, which differ
        only after a later infusion; whole days since time zero.
    group : ndarray of int
        Fold of a repeat: risks are ranked within groups only.
    repeat : ndarray of int
    hours : ndarray
        Time zero to the landmark.
    time, status : ndarray
        Hours from the landmark to the event, the competing event or the end of follow-up, and
        its kind (0 censored, 1 event, 2 competing).
    reach : ndarray
        Longest horizon to which enough patients are followed from the landmark.
    grade : ndarray
        Grade on the outcome's own scale at the landmark, NaN where unknown.
    permuted : dict of ndarray, shape (n_rows, n_horizons)
        By analyte: the model's risk with this analyte taken from another patient of the same day.
    followed : ndarray, shape (n_rows, n_horizons), or None
        Inverse probability of being followed to the event or the horizon; None for 1.
    draws : PatientWeights, shape (n_rows, 1 + draws), or None
        Bootstrap weights of the rows; None for the sample only.
    minimum : int
        Below this many event patients (or patients without the event) figures are None.
    """

    horizons: tuple[float, ...]
    risks: dict[str, Floats]
    label: Floats
    patient: Ints
    episode: Ints
    day: Ints
    group: Ints
    repeat: Ints
    hours: Floats
    time: Floats
    status: NDArray[np.int8]
    reach: Floats
    grade: Floats
    n_repeats: int
    permuted: dict[str, Floats] = field(default_factory=dict)
    followed: Floats | None = None
    draws: PatientWeights | None = None
    minimum: int = 1

    def take(self, rows: Ints) -> ScoredRows:
        """Return the given rows."""
        parts: dict[str, Any] = {name: getattr(self, name)[rows] for name in _ROWS}
        parts |= {name: _each(getattr(self, name), rows) for name in ("risks", "permuted")}
        for name in ("followed", "draws"):
            values = getattr(self, name)
            parts[name] = None if values is None else values[rows]
        return replace(self, **parts)

    def weighted_for_censoring(self, floor: float) -> ScoredRows:
        """The same rows, weighted by the inverse probability of being followed.

        The probability is that of a patient followed at the landmark still being followed at the
        event, the competing event or the horizon, whichever is first (IPCW: Uno et al.,
        10.1198/016214507000000149; 10.1002/sim.4427). The Kaplan-Meier curve has every scored
        episode once. Weights are 1 where follow-up is complete.

        Parameters
        ----------
        floor : float
            Smallest probability; the weight is at most ``1 / floor``.
        """
        curve = FollowUp.of_landmarks(self.episode, self.hours, self.time, self.status)
        weights = [
            censoring_weight(curve, self.hours, np.minimum(self.time, horizon), floor)
            for horizon in self.horizons
        ]
        return replace(self, followed=np.stack(weights, axis=1))

    def resampled(self, bootstrap: int, seed: int, minimum: int) -> ScoredRows:
        """The same rows with weights of bootstrap draws of patients."""
        return replace(self, draws=patient_draws(self.patient, bootstrap, seed), minimum=minimum)

    @property
    def weight(self) -> PatientWeights:
        """Bootstrap weights, the sample in the first column; not weighted for censoring."""
        return patient_weights(np.ones((len(self.label), 1))) if self.draws is None else self.draws

    def weight_at(self, horizon: float, rows: Ints) -> PatientWeights:
        """Bootstrap weights of the given rows times their weights for censoring at a horizon."""
        return self.weight[rows] * self.followed_at(horizon, rows)[:, None]

    def followed_at(self, horizon: float, rows: Ints) -> Floats:
        """Weights for censoring of the given rows at a horizon."""
        if self.followed is None:
            return np.ones(len(rows))
        return np.asarray(self.followed[rows, self.horizons.index(horizon)])

    def first_repeat(self) -> Ints:
        """Rows of one repeat, so that each landmark occurs once."""
        return np.flatnonzero(self.repeat == self.repeat.min(initial=0))

    def at(self, horizon: float) -> HorizonRows:
        """Rows whose label at a horizon is known.

        For example, ``rows.at(72.0).auroc("last_crp", against="model")`` is the AUROC of the last
        CRP within 72 h, with the model's difference from it.
        """
        place = self.horizons.index(horizon)
        rows = np.flatnonzero(~np.isnan(self.label[:, place]))
        return HorizonRows(
            label=self.label[rows, place],
            risks={name: risk[rows, place] for name, risk in self.risks.items()},
            patient=self.patient[rows],
            group=self.group[rows],
            weight=self.weight_at(horizon, rows),
            rows=rows,
            n_repeats=self.n_repeats,
            minimum=self.minimum,
            permuted={name: risk[rows, place] for name, risk in self.permuted.items()},
        )

    def by_horizon(self) -> Iterator[tuple[str, HorizonRows]]:
        """Hours as text, and the rows at each horizon."""
        for horizon in self.horizons:
            yield f"{horizon:g}", self.at(horizon)


def concatenate(parts: list[ScoredRows], n_repeats: int) -> ScoredRows:
    """Join the scores of several folds, renumbering the groups.

    A comparator that is missing in any part is omitted.
    """
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in _ROWS
        if name != "group"
    }
    if parts[0].followed is not None:
        joined["followed"] = np.concatenate([part.followed for part in parts])
    group = np.concatenate([np.full(len(part.day), number) for number, part in enumerate(parts)])
    return replace(
        parts[0],
        **joined,
        group=group,
        n_repeats=n_repeats,
        risks=_stacked([part.risks for part in parts]),
        permuted=_stacked([part.permuted for part in parts]),
    )


def _each(table: dict[str, Floats], rows: Ints) -> dict[str, Floats]:
    return {name: values[rows] for name, values in table.items()}


def _stacked(tables: list[dict[str, Floats]]) -> dict[str, Floats]:
    shared = [name for name in tables[0] if all(name in table for table in tables)]
    return {name: np.vstack([table[name] for table in tables]) for name in shared}
