"""Estimates of one patient: status, risks by horizon, contributions and earlier estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipeline.explain.model_summary import DayAverage, ModelSummary
from pipeline.explain.phrases import outcome_short
from pipeline.model.status import OK

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Risk:
    """Risk within a horizon of ``hours``, its interval, the day's average and their ratio."""

    hours: float
    risk: float
    low: float
    high: float
    usual: DayAverage | None = None
    ratio: float = float("nan")


@dataclass(frozen=True)
class EarlierEstimate:
    """Headline risk of an earlier landmark by the same model.

    Attributes
    ----------
    players : mapping
        Percentage points at that landmark; empty unless the page explains the change.
    reference_risk : float
        Risk to which the points are added.
    """

    landmark_hours: float
    risk: float
    low: float
    high: float
    players: Mapping[str, float] = field(default_factory=dict)
    reference_risk: float = float("nan")


@dataclass(frozen=True)
class Estimate:
    """One outcome of one patient.

    Attributes
    ----------
    risks : tuple of Risk
        By increasing horizon; empty unless the status is ``ok``.
    players, pathways : mapping
        Percentage points at the headline horizon.
    reference_risk : float
        Risk to which the points are added.
    past : tuple of EarlierEstimate
        By increasing landmark, without the present one.
    member_range : tuple of float
        Lowest and highest headline risk of the members of the model; NaN if unknown.
    """

    outcome: str
    label: str
    scale: str
    threshold: int
    status: str
    reason: str
    headline_hours: float
    risks: tuple[Risk, ...] = ()
    players: Mapping[str, float] = field(default_factory=dict)
    pathways: Mapping[str, float] = field(default_factory=dict)
    reference_risk: float = float("nan")
    state_used: bool = True
    past: tuple[EarlierEstimate, ...] = ()
    member_range: tuple[float, float] = (float("nan"), float("nan"))

    @property
    def short(self) -> str:
        """Short name on charts and in sentences."""
        return outcome_short(self.outcome)

    @property
    def headline(self) -> Risk | None:
        """Risk at the headline horizon; None without an estimate."""
        return next((risk for risk in self.risks if risk.hours == self.headline_hours), None)

    @property
    def average(self) -> float:
        """Average of the day, else the mean of the model; where the bars of an estimate start."""
        risk = self.headline
        if risk is None or risk.usual is None or risk.usual.rate != risk.usual.rate:
            return self.reference_risk
        return risk.usual.rate

    @property
    def direction(self) -> int:
        """1 if the headline risk is at or above the average, -1 if below, 0 without estimate."""
        risk = self.headline
        return 0 if risk is None else 1 if risk.risk >= self.average else -1

    def day_before(self, landmark_hours: float) -> EarlierEstimate | None:
        """The estimate 24 h before the landmark, if there is one."""
        wanted = landmark_hours - 24.0
        return next((item for item in self.past if abs(item.landmark_hours - wanted) < 0.5), None)


def estimates(
    rows: Sequence[Row], explained: Sequence[Row], past: Sequence[Row], summary: ModelSummary
) -> list[Estimate]:
    """Collect the estimates of one patient, in the order of the configured outcomes.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of ``predictions.csv`` of the patient.
    explained : sequence of mapping
        Rows of ``explanations.parquet`` of the patient at the headline horizon.
    past : sequence of mapping
        ``outcome, landmark_hours, risk, risk_lo, risk_hi, points, reference_risk`` of earlier
        landmarks; ``points`` by player, empty if unknown.
    summary : ModelSummary
        The model of the rows.

    Returns
    -------
    list of Estimate

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.config import load_config
    >>> summary = SimpleNamespace(outcomes=load_config().outcomes, horizon=72.0)
    >>> row = {"outcome": "icans", "horizon_h": 24.0, "state_used": "false"}
    >>> row |= {"status": "abstained", "status_reason": "no recent labs"}
    >>> [item] = estimates([row], [], [], summary)
    >>> item.short, item.status, item.headline
    ('ICANS', 'abstained', None)
    """
    result = []
    for name, outcome in summary.outcomes.items():
        mine = sorted((row for row in rows if row["outcome"] == name), key=_horizon)
        if not mine:
            continue
        first = mine[0]
        estimated = first["status"] == OK
        own = [row for row in explained if row["outcome"] == name] if estimated else []
        points = {
            level: {str(row["name"]): float(row["points"]) for row in own if row["level"] == level}
            for level in ("analyte", "pathway")
        }
        result.append(
            Estimate(
                outcome=name,
                label=outcome.label,
                scale=outcome.scale,
                threshold=outcome.threshold,
                status=str(first["status"]),
                reason="" if pd.isna(first["status_reason"]) else str(first["status_reason"]),
                headline_hours=summary.horizon,
                risks=_risks(mine, name, summary) if estimated else (),
                players=points["analyte"],
                pathways=points["pathway"],
                reference_risk=float(own[0]["reference_risk"]) if own else float("nan"),
                state_used=str(first["state_used"]) == "true",
                past=_past(past, name),
            )
        )
    return result


def asked(items: list[Estimate], outcomes: Mapping[str, object]) -> list[Estimate]:
    """Select the estimates that the page shows.

    An outcome with ``shown_after`` replaces the other outcome: severe ICANS replaces ICANS once
    ICANS is present.

    Parameters
    ----------
    items : list of Estimate
        All estimates of one patient.
    outcomes : mapping of str to OutcomeConfig
        Configured outcomes.

    Returns
    -------
    list of Estimate

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> icans = Estimate("icans", "ICANS", "icans", 1, "event_present", "", 72.0)
    >>> severe = Estimate("severe_icans", "Severe ICANS", "icans", 3, "ok", "", 72.0)
    >>> [item.outcome for item in asked([icans, severe], load_config().outcomes)]
    ['severe_icans']
    """
    after = {
        getattr(outcome, "shown_after", None): name
        for name, outcome in outcomes.items()
        if getattr(outcome, "shown_after", None) is not None
    }
    names = {item.outcome for item in items}
    return [item for item in items if after.get(item.outcome) not in names]


def _risks(rows: Sequence[Row], outcome: str, summary: ModelSummary) -> tuple[Risk, ...]:
    return tuple(
        Risk(
            float(row["horizon_h"]),
            float(row["risk"]),
            float(row["risk_lo"]),
            float(row["risk_hi"]),
            summary.usual(outcome, float(row["infusion_day"]), float(row["horizon_h"])),
            float(row["ratio_to_base"]),
        )
        for row in rows
    )


def _past(past: Sequence[Row], outcome: str) -> tuple[EarlierEstimate, ...]:
    earlier = [
        EarlierEstimate(
            float(row["landmark_hours"]),
            float(row["risk"]),
            float(row["risk_lo"]),
            float(row["risk_hi"]),
            row["points"],
            float(row["reference_risk"]),
        )
        for row in past
        if row["outcome"] == outcome
    ]
    return tuple(sorted(earlier, key=lambda item: item.landmark_hours))


def _horizon(row: Row) -> float:
    return float(row["horizon_h"])
