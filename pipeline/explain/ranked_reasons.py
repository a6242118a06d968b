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
    total : float
        Sum of all contributions.
    """

    bars: tuple[tuple[str, float], ...]
    other: float
    total: float

    @property
    def supporting(self) -> tuple[tuple[str, float], ...]:
        """Bars in the direction of the estimate."""
        return tuple(bar for bar in self.bars if self._along(bar[1]))

    @property
    def opposing(self) -> tuple[tuple[str, float], ...]:
        """Bars against the direction of the estimate."""
        return tuple(bar for bar in self.bars if not self._along(bar[1]))

    def _along(self, points: float) -> bool:
        return (points > 0) == (self.total >= 0)


def rank_reasons(points: Mapping[str, float]) -> RankedReasons:
    """Select the contributions that are shown.

    At most five are shown, largest first. If all five have the direction of the estimate, the
    last is replaced by the largest that opposes it, so that an opposing contribution of
    ``LEAST_POINTS`` or more is never hidden.

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
    >>> ranked.bars, round(ranked.other, 1), ranked.opposing
    ((('crp', 6.0), ('il6', -2.5)), 0.8, (('il6', -2.5),))
    """
    total = sum(points.values())
    large = sorted(
        ((key, value) for key, value in points.items() if abs(value) >= LEAST_POINTS),
        key=lambda bar: (-abs(bar[1]), bar[0]),
    )
    chosen, rest = large[:MOST_BARS], large[MOST_BARS:]
    if all((value > 0) == (total >= 0) for _, value in chosen):
        opposing = [bar for bar in rest if (bar[1] > 0) != (total >= 0)]
        chosen = [*chosen[: MOST_BARS - len(opposing[:1])], *opposing[:1]]
    return RankedReasons(tuple(chosen), total - sum(value for _, value in chosen), total)
