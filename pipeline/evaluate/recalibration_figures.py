"""Figures that a local update can change, before and after it."""

from __future__ import annotations

import numpy as np

from pipeline.arrays import Floats
from pipeline.config import Config
from pipeline.evaluate.decision_curve import net_benefit
from pipeline.evaluate.intervals import number
from pipeline.evaluate.outcome_report import performance
from pipeline.evaluate.scored_rows import HorizonRows, ScoredRows
from pipeline.model.recalibration_report import BeforeAfter, UpdateFigures

_THRESHOLDS = (0.1, 0.2)


def figures_by_horizon(
    before: ScoredRows, after: ScoredRows, config: Config
) -> dict[str, BeforeAfter]:
    """Calibration, Brier score, AUROC and net benefit of parent and update by horizon.

    Parameters
    ----------
    before, after : ScoredRows
        The same rows.
    config : Config

    Returns
    -------
    dict of BeforeAfter

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> n, none = 12, np.zeros(12, dtype=int)
    >>> label = np.arange(n)[:, None] % 2.0
    >>> risks = {"model": 0.1 + 0.5 * label}
    >>> rows = ScoredRows((24.0,), risks, label, np.arange(n), np.arange(n), none, none, none,
    ...                   none * 1.0, none * 1.0, none.astype(np.int8), none + 99.0,
    ...                   none * 1.0, 1)
    >>> pair = figures_by_horizon(rows, rows, load_config())["24"]
    >>> round(pair.after.observed_to_expected, 2), pair.before == pair.after
    (1.43, True)
    """
    settings = config.evaluation
    resampled = [
        rows.resampled(settings.bootstrap, config.seed, settings.min_event_patients)
        for rows in (before, after)
    ]
    low, high = settings.net_benefit_range
    inner = [value for value in _THRESHOLDS if low < value < high]
    thresholds = np.array([low, *inner, high])
    return {
        hours: BeforeAfter(before=_figures(first, thresholds), after=_figures(second, thresholds))
        for (hours, first), (_, second) in zip(
            resampled[0].by_horizon(), resampled[1].by_horizon(), strict=True
        )
    }


def _figures(rows: HorizonRows, thresholds: Floats) -> UpdateFigures:
    if not rows.is_estimable:
        return UpdateFigures()
    cell = performance(rows, "model")
    label, risk = rows.label, rows.risks["model"]
    gained = net_benefit(label, risk, rows.sample[:, None], thresholds)[:, 0]
    names = set(UpdateFigures.model_fields) & set(type(cell).model_fields)
    return UpdateFigures(
        **{name: getattr(cell, name) for name in names},
        observed_to_expected=number(float(label @ rows.sample) / float(risk @ rows.sample)),
        net_benefit={
            f"{threshold:g}": number(value)
            for threshold, value in zip(thresholds, gained, strict=True)
        },
    )
