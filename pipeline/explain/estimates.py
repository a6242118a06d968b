"""One outcome of one patient: status, risks by horizon, what moves them, and earlier estimates."""

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
    """A risk within a horizon, with its interval, what is usual, and the ratio of both."""

    hours: float
    risk: float
    low: float
    high: float
    usual: DayAverage | None = None
    ratio: float = float("nan")


@dataclass(frozen=True)
class EarlierEstimate:
    """The headline risk as the same model gives it for an earlier landmark.

    Attributes
    ----------
    players : mapping
        Percentage points at that landmark; empty unless the page tells what has changed.
    reference_risk : float
        From which the points lead to the risk.
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
        By rising horizon; empty unless the status is ``ok``.
    players, pathways : mapping
        Percentage points at the headline horizon.
    reference_risk : float
        From which the points lead to the headline risk.
    past : tuple of Past
        By rising landmark, without the present one.
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

    @property
    def short(self) -> str:
        """Name on charts and in sentences."""
        return outcome_short(self.outcome)

    @property
    def headline(self) -> Risk | None:
        """Risk at the headline horizon; None without an estimate."""
        return next((risk for risk in self.risks if risk.hours == self.headline_hours), None)

    def day_before(self, landmark_hours: float) -> EarlierEstimate | None:
        """The estimate of 24 h before the landmark, where there is one."""
        wanted = landmark_hours - 24.0
        return next((item for item in self.past if abs(item.landmark_hours - wanted) < 0.5), None)


def estimates(
    rows: Sequence[Row], explained: Sequence[Row], past: Sequence[Row], facts: ModelSummary
) -> list[Estimate]:
    """The estimates of one patient, in the order of the configured outcomes.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of ``predictions.csv`` of the patient.
    explained : sequence of mapping
        Rows of ``explanations.parquet`` of the patient at the headline horizon.
    past : sequence of mapping
        ``outcome, landmark_hours, risk, risk_lo, risk_hi, points, reference_risk`` of earlier
        landmarks; ``points`` by player, empty where they are not known.
    """
    result = []
    for name, outcome in facts.outcomes.items():
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
                headline_hours=facts.horizon,
                risks=_risks(mine, name, facts) if estimated else (),
                players=points["analyte"],
                pathways=points["pathway"],
                reference_risk=float(own[0]["reference_risk"]) if own else float("nan"),
                state_used=str(first["state_used"]) == "true",
                past=_past(past, name),
            )
        )
    return result


def asked(found: list[Estimate], outcomes: Mapping[str, object]) -> list[Estimate]:
    """Estimates with a card of their own: an outcome asked after another takes its place.

    Severe ICANS stands where ICANS stood once ICANS is present.
    """
    after = {
        getattr(outcome, "shown_after", None): name
        for name, outcome in outcomes.items()
        if getattr(outcome, "shown_after", None) is not None
    }
    names = {item.outcome for item in found}
    return [item for item in found if after.get(item.outcome) not in names]


def _risks(rows: Sequence[Row], outcome: str, facts: ModelSummary) -> tuple[Risk, ...]:
    return tuple(
        Risk(
            float(row["horizon_h"]),
            float(row["risk"]),
            float(row["risk_lo"]),
            float(row["risk_hi"]),
            facts.usual(outcome, float(row["infusion_day"]), float(row["horizon_h"])),
            float(row["ratio_to_base"]),
        )
        for row in rows
    )


def _past(past: Sequence[Row], outcome: str) -> tuple[EarlierEstimate, ...]:
    found = [
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
    return tuple(sorted(found, key=lambda item: item.landmark_hours))


def _horizon(row: Row) -> float:
    return float(row["horizon_h"])
