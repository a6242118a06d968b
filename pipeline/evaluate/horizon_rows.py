"""Landmarks whose label at one horizon is known, and how well a risk ranks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints
from pipeline.evaluate import metrics
from pipeline.evaluate.intervals import estimate, interval, number
from pipeline.model.evaluation_cells import AreaCell, Fall

TOO_FEW = "too few patients with, or without, the event"
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
        Risk by predictor, NaN where it has no input; the model's risk by analyte that comes from
        another patient.
    patient : ndarray of int, shape (n,)
    group : ndarray of int, shape (n,)
        Risks are ranked within groups only.
    weight : ndarray, shape (n, 1 + draws)
        First column the sample, the others bootstrap draws of patients.
    rows : ndarray of int, shape (n,)
        Place of each landmark among the scored ones.
    n_repeats : int
        How often each landmark occurs.
    minimum : int
        Below this many patients with the event, or without, figures are None.
    """

    label: Floats
    risks: Mapping[str, Floats]
    patient: Ints
    group: Ints
    weight: Floats
    rows: Ints
    n_repeats: int = 1
    minimum: int = 1
    permuted: Mapping[str, Floats] = field(default_factory=dict)

    def take(self, places: Ints) -> HorizonRows:
        """The landmarks at the given places."""
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
        """The same landmarks, ranked within other groups, given over all scored landmarks."""
        return replace(self, group=group[self.rows])

    def with_equal_patients(self) -> HorizonRows:
        """The same landmarks, weighted so that every patient counts the same."""
        _, code, count = np.unique(self.patient, return_inverse=True, return_counts=True)
        return replace(self, weight=self.weight / count[code][:, None])

    def counts(self) -> dict[str, int]:
        """How many landmarks and patients there are, with and without the event."""
        return {
            "n": round(len(self.label) / self.n_repeats),
            "n_patients": len(np.unique(self.patient)),
            "n_events": round(float(self.label.sum()) / self.n_repeats),
            "n_event_patients": len(np.unique(self.patient[self.label == 1])),
        }

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
        """Counts and AUROC of a predictor at the landmarks at which it has its inputs.

        Parameters
        ----------
        against : str, optional
            Predictor whose AUROC minus that of ``name`` is added, on the same landmarks and draws.
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
        """Fall in the model's AUROC when an analyte comes from another patient."""
        if not self.is_estimable:
            return Fall(fall=None, fall_lo=None, fall_hi=None)
        risk = self.permuted.get(analyte, self.risks["model"])
        return Fall(**estimate(self._model_draws - self.auroc_draws(risk), "fall"))

    @cached_property
    def _model_draws(self) -> Floats:
        return self.auroc_draws(self.risks["model"])
