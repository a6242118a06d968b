"""Curves of an evaluation at one horizon: ROC, calibration and distribution of risks.

All of them are aggregates over landmarks. They are part of ``evaluation.json``, so that its page
can be drawn again from the file alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Values = Sequence[float | None]


@dataclass(frozen=True)
class RocCurve:
    """False and true positive rates, of equal length."""

    fpr: Values = ()
    tpr: Values = ()


@dataclass(frozen=True)
class CalibrationGroups:
    """Mean risk and observed rate of groups of equal size, with the interval of the rate."""

    predicted: Values = ()
    observed: Values = ()
    lo: Values = ()
    hi: Values = ()
    n: Values = ()


@dataclass(frozen=True)
class SmoothCalibration:
    """Smoothed observed rate by risk with its band; empty if the fit does not converge."""

    risk: Sequence[float] = ()
    observed: Sequence[float] = ()
    lo: Sequence[float] = ()
    hi: Sequence[float] = ()


@dataclass(frozen=True)
class RiskDistribution:
    """Number of landmarks by risk, with and without the event.

    Attributes
    ----------
    edges : sequence of float
        Edges of the bins.
    events, non_events : sequence of float
        Landmarks per bin, averaged over the repeats.
    means : sequence of float
        Mean risk with and without the event.
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
