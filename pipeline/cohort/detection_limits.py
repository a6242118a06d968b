"""Detection limits inferred from a cohort: silent limits, and the usual limit for ``NEG``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.cohort.values import ABOVE, BELOW

MIN_COUNT = 3
MIN_PATIENTS = 2
MIN_SHARE = 0.005
MIN_PILE = 3.0
MIN_ROUND_PILE = 4.0
MAX_BEYOND = 0.05
MAX_BEYOND_OF_LOT = 1.0
MAX_BEYOND_OF_LOWER_LOT = 0.5
PER_FURTHER_LIMIT = 1.5
MIN_USUAL = 0.5
_NEIGHBOURS = 10
_ROUND = 5
_SAME = 1e-9  # relative difference after converting one number from another unit twice
_LOG_SURE = -11.5  # natural log of one in a hundred thousand


def infer_limits(labs: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Infer silent detection limits from repeated extreme values of a training cohort.

    A value near the upper (lower) end is a limit if all of these hold:

    - It occurs at least three times, in two patients, and in at least 0.5% of the results.
    - It occurs three times as often as the ten next values, and four times as often as the five
      next equally round numbers, because some laboratories print fewer digits.
    - Its repeats are not chance: if values were spread as densely as those ten neighbours, the
      Poisson probability of that many on one printed step is below one in 100,000.
    - Results above an upper limit (diluted samples) are at most a twentieth as many; no result
      lies below a lower limit. Smaller values would mean rounding, not the end of the assay.

    Plates or lots can have limits of their own. A lot limit meets the same thresholds on both
    sides. Beyond an upper lot limit lie at most as many results as at it, or 1.5 times as many per
    limit further out. A lower lot limit needs another limit below it; at most half as many results
    lie below it as at it.

    Zero is never a limit, because counts and fractions can be zero. Limits of signed analytes may
    be negative.

    Parameters
    ----------
    labs : DataFrame
        ``Cohort.labs``: ``patient, analyte, value, side, cancelled``.

    Returns
    -------
    dict
        Analyte to ``{"lower": value, "upper": value}`` in the canonical unit, where detected;
        ``lower_2``, ``upper_2``, ``upper_3``, ... are lot limits in rising order.

    Examples
    --------
    >>> values = [*np.linspace(100, 290, 20), *[301.0] * 12]
    >>> labs = pd.DataFrame({"patient": range(32), "analyte": "crp", "value": values, "side": 0})
    >>> infer_limits(labs.assign(cancelled=False))
    {'crp': {'upper': 301.0}}
    """
    exact = labs.loc[(labs["side"] == 0) & ~labs["cancelled"], ["analyte", "value", "patient"]]
    limits_by_analyte = {}
    for analyte, part in exact.groupby("analyte", sort=True):
        tally = part.groupby("value", sort=True)["patient"].agg(["size", "nunique"])
        values = tally.index.to_numpy(dtype=float)
        counts, patients = tally["size"].to_numpy(), tally["nunique"].to_numpy()
        limits = _end(
            "lower",
            values,
            counts,
            patients,
            beyond=0.0,
            beyond_of_lot=MAX_BEYOND_OF_LOWER_LOT,
        )
        limits |= _end(
            "upper",
            values[::-1],
            counts[::-1],
            patients[::-1],
            beyond=MAX_BEYOND,
            beyond_of_lot=MAX_BEYOND_OF_LOT,
        )
        if limits:
            limits_by_analyte[str(analyte)] = limits
    return limits_by_analyte


def learn_limits(
    labs: pd.DataFrame, usual: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """Limits of a training cohort: inferred from its values, then those its results state.

    Parameters
    ----------
    labs : DataFrame
        ``Cohort.labs``.
    usual : mapping
        Analyte to limits, from :func:`usual_limits`; added under ``below`` and ``above``.

    Returns
    -------
    dict
        Analyte to its limits by name (``lower``, ``upper``, ``below``, ``above``).

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> learn_limits(empty_cohort([]).labs, {"il6": {"below": 2.0}})
    {'il6': {'below': 2.0}}
    """
    inferred = infer_limits(labs)
    return {
        key: {**inferred.get(key, {}), **usual.get(key, {})} for key in sorted({*inferred, *usual})
    }


def apply_limits(labs: pd.DataFrame, limits: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Censor exact values at or beyond an inferred limit.

    A lot limit censors only values equal to it, because other lots measure beyond it.

    Parameters
    ----------
    labs : DataFrame
        ``Cohort.labs``: ``analyte, value, side``, canonical units.
    limits : mapping
        From :func:`infer_limits`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> labs = pd.DataFrame({"analyte": "crp", "value": [12.0, 301.0], "side": 0})
    >>> apply_limits(labs, {"crp": {"upper": 301.0}})["side"].tolist()
    [0, 1]
    """
    value, side = labs["value"].to_numpy(), labs["side"].to_numpy()
    lower = labs["analyte"].map({key: item.get("lower", -np.inf) for key, item in limits.items()})
    upper = labs["analyte"].map({key: item.get("upper", np.inf) for key, item in limits.items()})
    low = lower.astype(float).fillna(-np.inf).to_numpy()
    high = upper.astype(float).fillna(np.inf).to_numpy()
    below = (side == 0) & ((value <= low) | _at_limit_of_lot(labs, limits, "lower"))
    above = (side == 0) & ((value >= high) | _at_limit_of_lot(labs, limits, "upper"))
    if "limit_source" in labs:
        source = labs["limit_source"].mask(pd.Series(below | above, index=labs.index), "inferred")
        labs = labs.assign(limit_source=source)
    return labs.assign(
        value=np.where(
            below, np.maximum(value, low), np.where(above, np.minimum(value, high), value)
        ),
        side=np.where(below, -1, np.where(above, 1, side)).astype(np.int8),
    )


def usual_limits(labs: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Limit to use for results that state a side only, for example "not detected".

    It is the most frequent limit that other results of the analyte state on that side, if it occurs
    at least three times, in two patients, and in more than half of them. Where several assays share
    an analyte, none is guessed.

    Parameters
    ----------
    labs : DataFrame
        ``patient, key, value, side, cancelled``, only results that state their limit.

    Returns
    -------
    dict
        Analyte to ``{"below": value, "above": value}`` in the canonical unit, where known.
        :func:`apply_limits` does not use them.
    """
    usual_by_analyte: dict[str, dict[str, float]] = {}
    stated = labs.loc[(labs["side"] != 0) & ~labs["cancelled"] & labs["value"].notna()]
    for end, side in ((BELOW, -1), (ABOVE, 1)):
        for key, part in stated.loc[stated["side"] == side].groupby("key", sort=True):
            values, counts = np.unique(part["value"].to_numpy(dtype=float), return_counts=True)
            usual, count = float(values[counts.argmax()]), int(counts.max())
            patients = part.loc[part["value"] == usual, "patient"].nunique()
            if count >= MIN_COUNT and patients >= MIN_PATIENTS and count > MIN_USUAL * len(part):
                usual_by_analyte.setdefault(str(key), {})[end] = usual
    return usual_by_analyte


def _at_limit_of_lot(
    labs: pd.DataFrame, limits: Mapping[str, Mapping[str, float]], end: str
) -> NDArray[np.bool_]:
    """Rows whose value equals the limit of a lot of their analyte."""
    value, rows = labs["value"].to_numpy(dtype=float), np.zeros(len(labs), dtype=bool)
    for key, item in limits.items():
        of_lots = [limit for name, limit in item.items() if name.startswith(f"{end}_")]
        if of_lots:
            own = (labs["analyte"] == key).to_numpy()
            equal = np.isclose(value[:, None], np.array(of_lots)[None, :], rtol=_SAME, atol=0)
            rows |= own & equal.any(axis=1)
    return rows


def _end(
    name: str,
    values: NDArray[np.float64],
    counts: NDArray[np.int64],
    patients: NDArray[np.int64],
    *,
    beyond: float,
    beyond_of_lot: float,
) -> dict[str, float]:
    """Limits at one end: of the cohort under ``name``, of lots under ``name_2``, ``name_3``, ..."""
    limit = _pile(values, counts, patients, beyond=beyond)
    if limit == 0:
        return {}
    if name == "lower" and limit is None:
        return {}
    of_lots = _piles_of_lots(values, counts, patients, limit, beyond=beyond_of_lot)
    limits = {} if limit is None else {name: limit}
    return limits | {f"{name}_{place}": value for place, value in enumerate(sorted(of_lots), 2)}


def _piles_of_lots(
    values: NDArray[np.float64],
    counts: NDArray[np.int64],
    patients: NDArray[np.int64],
    limit: float | None,
    *,
    beyond: float,
) -> list[float]:
    """Values at which results pile up, other than the limit of the whole cohort.

    The largest piles are detected first and excluded when the others are tested.
    """
    enough = (counts >= MIN_COUNT) & (patients >= MIN_PATIENTS) & (values != 0)
    candidates = np.flatnonzero(enough & (counts >= MIN_SHARE * counts.sum()))
    is_limit = values == limit if limit is not None else np.zeros(len(values), dtype=bool)
    first = int(is_limit.argmax()) if limit is not None else -1
    waiting = [int(place) for place in candidates[np.argsort(-counts[candidates], kind="stable")]]
    waiting = [place for place in waiting if place > first]
    lot_limits: list[float] = []
    place: int | None = -1
    while place is not None:
        place = next(
            (one for one in waiting if _is_of_lot(one, values, counts, is_limit, beyond)), None
        )
        if place is not None:
            waiting.remove(place)
            is_limit = is_limit | (values == values[place])
            lot_limits.append(float(values[place]))
    return lot_limits


def _is_of_lot(
    place: int,
    values: NDArray[np.float64],
    counts: NDArray[np.int64],
    is_limit: NDArray[np.bool_],
    beyond: float,
) -> bool:
    """Whether results pile up at a value compared with both sides, limits excluded."""
    lots = max(1.0, PER_FURTHER_LIMIT * int(is_limit[:place].sum()))
    measured = ~is_limit
    measured[place] = True
    values, counts = values[measured], counts[measured]
    place = int(measured[:place].sum())
    if counts[:place].sum() > beyond * lots * counts[place]:
        return False
    if place + _NEIGHBOURS >= len(values):
        return False
    outer, inner = (
        slice(max(0, place - _NEIGHBOURS), place),
        slice(place + 1, place + 1 + _NEIGHBOURS),
    )
    if not _stands_out(values[place], counts[place], values[inner], counts[inner]):
        return False
    if _is_round_like_others(place, values, counts):
        return False
    if place == 0:
        return True
    near, often = values[outer][::-1], counts[outer][::-1]
    mirrored = _is_round_like_others(len(values) - 1 - place, values[::-1], counts[::-1])
    return not mirrored and _stands_out(values[place], counts[place], near, often)


def _pile(
    values: NDArray[np.float64],
    counts: NDArray[np.int64],
    patients: NDArray[np.int64],
    *,
    beyond: float,
) -> float | None:
    """Outermost value at which results pile up, or None.

    Parameters
    ----------
    values, counts, patients : ndarray, shape (n_distinct,)
        Distinct values from the extreme inwards, their number of results and of patients.
    beyond : float
        Largest number of results beyond the value, as a share of those at it.
    """
    if len(values) < _NEIGHBOURS + 1:
        return None
    total = counts.sum()
    outside = np.concatenate([[0], np.cumsum(counts)[:-1]])
    for place in map(
        int,
        np.flatnonzero(
            (counts >= MIN_COUNT)
            & (patients >= MIN_PATIENTS)
            & (counts >= MIN_SHARE * total)
            & (outside <= beyond * counts)
        ),
    ):
        inner = slice(place + 1, place + 1 + _NEIGHBOURS)
        if (
            place + _NEIGHBOURS < len(values)
            and _stands_out(values[place], counts[place], values[inner], counts[inner])
            and not _is_round_like_others(place, values, counts, but_one=True)
        ):
            return float(values[place])
    return None


def _is_round_like_others(
    place: int, values: NDArray[np.float64], counts: NDArray[np.int64], *, but_one: bool = False
) -> bool:
    """Whether the next equally round numbers occur about as often as this one.

    ``but_one`` excludes the most frequent of them, because it may be the limit of a lot.
    """
    step = _step(values[place : place + 1])
    inward = np.sign(values[-1] - values[place])
    wanted = values[place] + inward * step * np.arange(1, _ROUND + 1)
    equal = np.isclose(values[:, None], wanted[None, :], rtol=0, atol=step * 1e-6)
    round_counts = np.sort(counts @ equal)[: _ROUND - but_one]
    return bool(counts[place] < MIN_ROUND_PILE * round_counts.mean())


def _stands_out(
    value: float, count: int, near: NDArray[np.float64], counts: NDArray[np.int64]
) -> bool:
    """Whether a value repeats more often than the density of its inner neighbours explains."""
    if count < MIN_PILE * counts.mean():
        return False
    steps = abs(value - near[-1]) / _step(np.append(near, value))
    expected = counts.sum() / max(steps, 1.0)
    return _log_poisson_tail(int(count), float(expected)) < _LOG_SURE


def _step(values: NDArray[np.float64]) -> float:
    """Step in which values are printed: the largest power of ten that divides all of them.

    Values converted from another unit have no common step; their smallest distance is used instead.
    """
    for exponent in range(4, -5, -1):
        step = 10.0**exponent
        if np.allclose(values / step, np.round(values / step), rtol=0, atol=1e-6):
            return step
    return float(np.diff(np.sort(values)).min(initial=np.inf)) if len(values) > 1 else 1e-4


def _log_poisson_tail(count: int, mean: float) -> float:
    """Log of an upper bound of P(X >= count) for X ~ Poisson(mean): the Chernoff bound.

    Mitzenmacher and Upfal, Probability and Computing, theorem 5.4.
    """
    if count <= mean:
        return 0.0
    return count - mean + count * float(np.log(mean / count))
