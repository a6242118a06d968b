"""The one rule for reasons: which contributions are shown, in which order, and which oppose.

Bars, sentences, ``top_1`` to ``top_3`` of ``predictions.csv``, the ward list and the rationale of
FHIR resources all use :func:`rank_reasons`, so they cannot contradict each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEAST_POINTS = 2.0
"""Smaller contributions are part of ``other`` and never named."""
MOST_BARS = 5


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
