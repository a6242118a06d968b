"""Axis scales: from a value to a position, linear or logarithmic, with round ticks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

TINY = 1e-12
"""Smaller than any value worth an axis of its own."""

Kind = Literal["linear", "log2", "log10"]


@dataclass(frozen=True)
class Scale:
    """
    One axis: `low` sits at pixel `start`, `high` at pixel `end`.

    Examples
    --------
    >>> x = Scale(0, 10, 100, 200)
    >>> x(5), x.ticks()
    (150.0, (0.0, 2.0, 4.0, 6.0, 8.0, 10.0))
    >>> Scale(1, 1000, 0, 300, "log10").ticks(4)
    (1.0, 10.0, 100.0, 1000.0)
    """

    low: float
    high: float
    start: float
    end: float
    kind: Kind = "linear"

    def __post_init__(self) -> None:
        """Refuse a domain that has no width, or none on a log axis."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"`low` must be finite and below `high`, got {self.low!r} and {self.high!r}."
                " `domain(values)` widens a single value for you."
            )
        if self.kind != "linear" and self.low <= 0:
            raise ValueError(f"A log scale starts above zero, got `low` {self.low!r}.")

    def __call__(self, value: float) -> float:
        """Return the position of a value; on a log axis zero and below sit at the low end."""
        if self.kind == "linear":
            share = (value - self.low) / (self.high - self.low)
        elif value <= 0:
            share = 0.0
        else:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def clamp(self, value: float) -> float:
        """Return the value, moved to the nearest end when it lies outside the axis."""
        return min(max(value, self.low), self.high)

    def ticks(self, count: int = 5) -> tuple[float, ...]:
        """Return about `count` round values inside the axis."""
        if self.kind == "linear":
            return _linear_ticks(self.low, self.high, count)
        return _log_ticks(self.low, self.high, count, 2 if self.kind == "log2" else 10)


def domain(values: Iterable[float | None], kind: Kind = "linear") -> tuple[float, float]:
    """
    Return ends of an axis that hold every finite value, with some width even for one value.

    Examples
    --------
    >>> domain([3.0, 17.0, None])
    (0.0, 20.0)
    >>> domain([5.0], "log2")
    (2.5, 10.0)
    >>> domain([])
    (0.0, 1.0)
    """
    finite = [float(v) for v in values if v is not None and math.isfinite(v)]
    if kind == "linear":
        low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
        size = max(abs(low), abs(high))
        if high - low < TINY + 1e-9 * size:
            half = 0.5 * (size if size > TINY else 1.0)
            low, high = low - half, high + half
        step = _nice_step(high - low, 5)
        return math.floor(low / step) * step, math.ceil(high / step) * step
    positive = [v for v in finite if v > TINY] or [1.0]
    low, high = min(positive), max(positive)
    return (low, high) if high >= 4 * low else (low / 2, high * 2)


def _nice_step(span: float, count: int) -> float:
    """1, 2 or 5 times a power of ten, so that about `count` steps cover the span."""
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    factor = next(f for f in (1, 2, 5, 10) if raw <= f * power * (1 + 1e-9) or f == 10)
    return factor * power


def _linear_ticks(low: float, high: float, count: int) -> tuple[float, ...]:
    step = _nice_step(high - low, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step)) + 1)
    return tuple(round(i * step, digits) for i in range(first, last + 1))


def _log_ticks(low: float, high: float, count: int, base: int) -> tuple[float, ...]:
    """Powers of the base, thinned when too many; 1-2-5 or plain steps when too few."""
    first = math.ceil(math.log(low, base) - 1e-9)
    last = math.floor(math.log(high, base) + 1e-9)
    stride = max(1, math.ceil((last - first + 1) / max(count, 1)))
    powers = tuple(float(base) ** i for i in range(first, last + 1, stride))
    if len(powers) >= (2 if base == 2 else 3):
        return powers
    mixed = tuple(
        f * 10.0**i
        for i in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        for f in (1, 2, 5)
        if low * (1 - 1e-9) <= f * 10.0**i <= high * (1 + 1e-9)
    )
    if len(mixed) >= 2:
        return mixed if len(mixed) <= count + 1 else mixed[:: math.ceil(len(mixed) / count)]
    return tuple(t for t in _linear_ticks(low, high, count) if t > 0)
