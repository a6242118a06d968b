"""The one rule for reasons: which contributions are shown, in which order, and which oppose.

Bars, sentences, ``top_1`` to ``top_3`` of ``predictions.csv``, the ward list and the rationale of
FHIR resources all use :func:`rank_reasons`, so they cannot contradict each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.explain.phrases import whole

LEAST_POINTS = 2.0
"""Smaller contributions are part of ``other`` and never named."""
MOST_BARS = 5
_MOST_PARTS = 3
_PRINTED = 0.05  # a smaller part is 0.0


@dataclass(frozen=True)
class RankedReasons:
    """Contributions to one estimate.

    Attributes
    ----------
    bars : tuple of (str, float)
        Player and percentage points, largest first; each at least ``LEAST_POINTS``.
    other : float
        Sum of all other contributions, percentage points.
    """

    bars: tuple[tuple[str, float], ...]
    other: float

    def along(self, direction: float) -> tuple[tuple[str, float], ...]:
        """Bars that raise the estimate if ``direction`` is positive, else those that lower it."""
        return tuple(bar for bar in self.bars if (bar[1] > 0) == (direction > 0))


def rank_reasons(points: Mapping[str, float]) -> RankedReasons:
    """Select the contributions that are shown.

    At most five are shown, largest first. If all five have the same sign, the last is replaced by
    the largest of the other sign, so that an opposing contribution of ``LEAST_POINTS`` or more is
    never hidden.

    Parameters
    ----------
    points : mapping
        Percentage points by player.

    Returns
    -------
    RankedReasons

    Examples
    --------
    >>> ranked = rank_reasons({"crp": 6.0, "il6": -2.5, "ldh": 1.2, "nfl": -0.4})
    >>> ranked.bars, round(ranked.other, 1), ranked.along(-1)
    ((('crp', 6.0), ('il6', -2.5)), 0.8, (('il6', -2.5),))
    """
    large = sorted(
        ((key, value) for key, value in points.items() if abs(value) >= LEAST_POINTS),
        key=lambda bar: (-abs(bar[1]), bar[0]),
    )
    chosen, rest = large[:MOST_BARS], large[MOST_BARS:]
    signs = {value > 0 for _, value in chosen}
    opposing = [bar for bar in rest if (bar[1] > 0) not in signs][:1]
    chosen = [*chosen[: MOST_BARS - len(opposing)], *opposing]
    other = sum(points.values()) - sum(value for _, value in chosen)
    return RankedReasons(tuple(chosen), other)


def is_substantial(points: float) -> bool:
    """Whether a sum of contributions prints as ``LEAST_POINTS`` or more, so that it is named.

    Examples
    --------
    >>> is_substantial(-1.6), is_substantial(1.4), is_substantial(float("nan"))
    (True, False, False)
    """
    return abs(points) + 0.5 >= LEAST_POINTS


def largest_parts(
    points: Mapping[str, float], ranked: RankedReasons, other: float
) -> tuple[tuple[str, float], ...]:
    """Return the largest contributions to ``other``, if it prints as large as the largest bar.

    Parameters
    ----------
    points : mapping
        Percentage points by player.
    ranked : RankedReasons
        Of the same points.
    other : float
        Percentage points of the other contributions as shown.

    Returns
    -------
    tuple of (str, float)
        At most three of the sign of ``other``, largest first; empty if a bar is larger.

    Examples
    --------
    >>> points = {"crp": 2.0, "il6": 1.8, "ldh": 1.2, "nfl": -0.4}
    >>> largest_parts(points, rank_reasons(points), 2.6)
    (('il6', 1.8), ('ldh', 1.2))
    """
    first = abs(ranked.bars[0][1]) if ranked.bars else LEAST_POINTS
    if not is_substantial(other) or whole(abs(other)) < whole(first):
        return ()
    named = {key for key, _ in ranked.bars}
    parts = [
        (key, value)
        for key, value in points.items()
        if key not in named and abs(value) >= _PRINTED and (value > 0) == (other > 0)
    ]
    return tuple(sorted(parts, key=lambda part: (-abs(part[1]), part[0]))[:_MOST_PARTS])
