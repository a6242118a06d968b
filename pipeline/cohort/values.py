"""Result text to number and side of a limit: ``<0.5``, ``> 300``, ``1.2E3``."""

from __future__ import annotations

import numpy as np
import pandas as pd

_PATTERN = (
    r"^(?P<comparator><=|>=|<|>|≤|≥)?\s*(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$"
)
_SIDE = {"<": -1, "<=": -1, "≤": -1, ">": 1, ">=": 1, "≥": 1}


def parse_values(cells: pd.Series) -> pd.DataFrame:
    """Parse result text.

    Parameters
    ----------
    cells : Series of str
        Text as exported, stripped.

    Returns
    -------
    DataFrame
        ``value`` (float, NaN where unusable), ``side`` (-1 below a limit, +1 above, 0 exact) and
        ``problem`` (empty where usable; a sentence part otherwise).

    Examples
    --------
    >>> parse_values(pd.Series(["<0.5", "12", "n/a", "-3"])).to_dict("list")["side"]
    [-1, 0, 0, 0]
    >>> parse_values(pd.Series(["n/a"]))["problem"][0]
    'is not a number with an optional < or >'
    """
    codes, unique = pd.factorize(cells.astype("str"))
    parts = pd.Series(unique, dtype="str").str.extract(_PATTERN)
    number = pd.to_numeric(parts["number"], errors="coerce").astype("float64")
    side = parts["comparator"].map(_SIDE).fillna(0).astype("int8")
    problem = pd.Series("", index=number.index, dtype="str")
    problem[number.isna()] = "is not a number with an optional < or >"
    problem[pd.Series(unique, dtype="str") == ""] = "is blank"
    problem[np.isinf(number)] = "is not finite"
    problem[number < 0] = "is negative"
    number = number.where(problem == "") + 0.0  # "-0" becomes 0
    return pd.DataFrame(
        {
            "value": number.to_numpy()[codes],
            "side": side.to_numpy()[codes],
            "problem": problem.to_numpy()[codes],
        },
        index=cells.index,
    )


def apply_stated_limits(
    value: pd.Series, side: pd.Series, lloq: pd.Series, uloq: pd.Series
) -> tuple[pd.Series, pd.Series]:
    """Censor exact values that lie outside the limits stated on their own row.

    All four in the same unit; a value below ``lloq`` becomes "below lloq", one above ``uloq``
    "above uloq". A limit of NaN changes nothing.
    """
    below = (side == 0) & (value < lloq)
    above = (side == 0) & (value > uloq)
    return (
        value.where(~below, lloq).where(~above, uloq),
        side.where(~below, -1).where(~above, 1).astype("int8"),
    )
