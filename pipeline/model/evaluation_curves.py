"""Curves of an evaluation, drawn on its page and as figures; ``evaluation.json`` holds none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Values = Sequence[float | None]


@dataclass(frozen=True)
class RocCurve:
    """False and true positive rates, equally long."""

    fpr: Values = ()
    tpr: Values = ()


@dataclass(frozen=True)
class CalibrationGroups:
    """Mean risk and observed rate of groups of equal size, with the ends of the interval."""

    predicted: Values = ()
    observed: Values = ()
    lo: Values = ()
    hi: Values = ()
    n: Values = ()


@dataclass(frozen=True)
class SmoothCalibration:
    """Smoothed observed rate by risk with its band; empty where the fit does not settle."""

    risk: Sequence[float] = ()
    observed: Sequence[float] = ()
    lo: Sequence[float] = ()
    hi: Sequence[float] = ()


@dataclass(frozen=True)
class RiskDistribution:
    """Landmarks by risk, with and without the event.

    Attributes
    ----------
    edges : sequence of float
        Of the bins.
    events, non_events : sequence of float
        Landmarks per bin, a mean over the repeats.
    means : sequence of float
        Mean risk with the event, and without.
    """

    edges: Sequence[float]
    events: Sequence[float]
    non_events: Sequence[float]
    means: Values = (None, None)


@dataclass(frozen=True)
class HorizonCurves:
    """Curves of one outcome at one horizon; ROC curves by predictor."""

    roc: Mapping[str, RocCurve] = field(default_factory=dict)
    calibration: CalibrationGroups = CalibrationGroups()
    calibration_smooth: SmoothCalibration = SmoothCalibration()
    risk_distribution: RiskDistribution | None = None
