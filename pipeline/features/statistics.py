"""Statistics of a lab series: formula, kind and properties of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.errors import UsageError

HELSEL = "Helsel 2012, 10.1002/9781118162729"
SEN = "Sen 1968, 10.1080/01621459.1968.10480934"
NESTED = "Matthews et al. 1990, 10.1136/bmj.300.6719.230"


DEFAULT = (
    *("last", "hours_since_last", "baseline", "fold_baseline", "ever_measured", "last_censored"),
    *("peak", "nadir", "count", "min", "max", "mean", "slope", "delta"),
)
# always built, as the status of a prediction needs them
REQUIRED = ("last", "hours_since_last", "last_censored", "count")


@dataclass(frozen=True)
class Statistic:
    """One statistic.

    Attributes
    ----------
    kind : str
        ``level`` (a value), ``change`` (a difference of values; log2 of a ratio on the log2
        scale), ``rate`` (a change per day), ``ratio`` (log2 of a ratio on either scale),
        ``hours``, ``count``, ``per_day``, ``share`` or ``flag``.
    windowed : bool
        Whether it is taken in each window ``L - w <= collected < L``.
    measurement : bool
        Whether it describes the measurement process rather than the result.
    signed : bool
        Whether the direction of the analyte applies to it.
    formula, source : str
        For the documentation. Values v at hours t, newest last; log2 for log analytes.
    """

    name: str
    kind: str
    formula: str
    windowed: bool = False
    measurement: bool = False
    signed: bool = False
    source: str = ""


def _plain(name: str, kind: str, formula: str, source: str = "", **flags: bool) -> Statistic:
    return Statistic(name, kind, formula, source=source, **flags)


def _window(name: str, kind: str, formula: str, source: str = "", **flags: bool) -> Statistic:
    return Statistic(name, kind, formula, windowed=True, source=source, **flags)


# The order is that of the columns; the kernel derives its positions from it.
STATISTICS = (
    _plain("last", "level", "newest v", signed=True),
    _plain("hours_since_last", "hours", "L - newest t", measurement=True),
    _plain("baseline", "level", "newest v with t before time zero"),
    _plain(
        "fold_baseline", "ratio", "log2(last / baseline), limits alike", source=HELSEL, signed=True
    ),
    _plain("ever_measured", "flag", "1 if there is any v, else 0", measurement=True),
    _plain("last_censored", "flag", "-1 last below its limit, +1 above, else 0", measurement=True),
    _plain("peak", "level", "largest v since time zero, proven first", source=NESTED, signed=True),
    _plain("nadir", "level", "smallest v since time zero, proven first", signed=True),
    _plain("diff_baseline", "change", "last - baseline, limits alike", HELSEL, signed=True),
    _plain("first", "level", "oldest v since time zero", signed=True),
    _plain("second_last", "level", "v before the newest", signed=True),
    _plain("hours_since_peak", "hours", "L - t of the peak (the latest of equals)", NESTED),
    _plain("drop_from_peak", "change", "peak - last, limits alike", HELSEL),
    _plain(
        "doubling_hours",
        "hours",
        "1 / slope since time zero (log2 scale), last / slope (linear); only while rising",
    ),
    _plain("draws", "count", "number of v since time zero", measurement=True),
    _plain("draw_rate", "per_day", "draws / (L / 24)", measurement=True),
    _plain("last_under_drug", "flag", "1 if a drug altered the newest v, else 0", measurement=True),
    _window("count", "count", "number of v", measurement=True),
    _window("min", "level", "smallest v, proven first", signed=True),
    _window("max", "level", "largest v, proven first", signed=True),
    _window("mean", "level", "sum of v / count", signed=True),
    _window(
        "slope",
        "rate",
        "least squares, 24 * sum((t - mean t)(v - mean v)) / sum((t - mean t)^2), limits alike",
        HELSEL,
        signed=True,
    ),
    _window("delta", "change", "newest v - oldest v, limits alike", HELSEL, signed=True),
    _window("sd", "change", "sqrt(sum((v - mean v)^2) / (count - 1)), limits alike", HELSEL),
    _window(
        "robust_slope",
        "rate",
        "24 * median of (v_j - v_i) / (t_j - t_i) over pairs far enough apart, limits alike",
        f"Theil-Sen: {SEN}",
        signed=True,
    ),
    _window("time_mean", "level", "area under v (trapezoids) / hours spanned", NESTED, signed=True),
    _window("range", "change", "max - min, limits alike", HELSEL),
    _window("censored_share", "share", "values at a limit / count", measurement=True),
)
BY_NAME = {item.name: item for item in STATISTICS}
PLAIN = tuple(item.name for item in STATISTICS if not item.windowed)
WINDOWED = tuple(item.name for item in STATISTICS if item.windowed)
MEASUREMENT = frozenset(item.name for item in STATISTICS if item.measurement)
SIGNED = frozenset(item.name for item in STATISTICS if item.signed)


def select_statistics(names: Iterable[str], setting: str) -> tuple[str, ...]:
    """Return the named and the required statistics without repeats, in column order.

    Raises
    ------
    UsageError
        If a name is not a statistic; the message names the ``setting``.

    Examples
    --------
    >>> select_statistics(["sd", "peak"], "features.statistics")
    ('last', 'hours_since_last', 'last_censored', 'peak', 'count', 'sd')
    """
    wanted = {*names, *REQUIRED}
    unknown = sorted(wanted - set(BY_NAME))
    if unknown:
        raise UsageError(
            f"{setting} has unknown statistics: {', '.join(unknown)}; use {', '.join(BY_NAME)}"
        )
    return tuple(name for name in BY_NAME if name in wanted)
