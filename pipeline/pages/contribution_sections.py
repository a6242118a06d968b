"""Section of the evaluation page on contributions to the risk of prototypes."""

from __future__ import annotations

from functools import partial

import numpy as np

from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.explain.prototype_contributions import PrototypeContributions
from pipeline.format import counted, decimal, signed
from pipeline.pages.beeswarm_chart import Level, SwarmRow, beeswarm_chart, size_bars
from pipeline.pages.evaluation_sections import Figure, Section, about
from pipeline.pages.evaluation_tables import Grid

_MOST_ROWS = 12
_phrase = partial(evaluation_phrase, "contributions")


def contribution_sections(
    key: str, label: str, explained: PrototypeContributions | None
) -> list[Section]:
    """Beeswarm, bars and table of one outcome; empty without contributions.

    Parameters
    ----------
    key, label : str
        Of the outcome.
    explained : PrototypeContributions or None
    """
    if explained is None or not explained.players:
        return []
    hours, rows = f"{explained.horizon:g}", swarm_rows(explained)
    subject = f"{label}, next {hours} h"
    shown = rows[:_MOST_ROWS]
    swarm, bars = _phrase("swarm"), _phrase("bars")
    figures = [
        Figure(swarm, beeswarm_chart(shown, title=f"{swarm}: {subject}", x_label=_phrase("axis"))),
        Figure(bars, size_bars(shown, title=f"{bars}: {subject}", x_label=_phrase("bar_axis"))),
    ]
    gap = "under 0.01" if explained.largest_gap < 0.01 else decimal(explained.largest_gap)
    lines = [_phrase(name) for name in ("prototypes", "marks", "association")]
    lines.append(_phrase("exact", gap=gap))
    title, sentence = about(
        "contributions", hours=hours, count=counted(len(explained.points), "prototype").split()[0]
    )
    grid = _grid(explained)
    return [Section(f"{key}-contributions", title, sentence, figures, [grid], lines, subject=label)]


def swarm_rows(explained: PrototypeContributions) -> list[SwarmRow]:
    """One row per player, with the third of its newest values that each prototype is in."""
    return [
        SwarmRow(
            name,
            float(explained.mean_size[number]),
            list(
                zip(
                    (float(value) for value in explained.points[:, number]),
                    _levels(explained.values[:, number]),
                    strict=True,
                )
            ),
        )
        for number, name in enumerate(explained.players)
    ]


def _levels(values: np.typing.NDArray[np.float64]) -> list[Level]:
    known = values[~np.isnan(values)]
    if len(np.unique(known)) < 3:
        return ["middle"] * len(values)
    low, high = np.quantile(known, (1 / 3, 2 / 3))
    return ["low" if v <= low else "high" if v >= high else "middle" for v in values]


def _grid(explained: PrototypeContributions) -> Grid:
    rows = [
        (name, decimal(size), signed(points.min()), signed(points.max()))
        for name, size, points in zip(
            explained.players, explained.mean_size, explained.points.T, strict=True
        )
    ]
    head = tuple(_phrase(name) for name in ("player", "mean", "lowest", "highest"))
    return Grid(_phrase("caption"), head, list(rows))
