"""The headline horizon: the one nearest to the wanted hours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from pipeline.config_model import HEADLINE_HOURS

Hours = TypeVar("Hours", float, str)


def nearest_horizon(horizons: Iterable[Hours], wanted: float) -> Hours:
    """Horizon nearest to the wanted hours; the shorter of two equally near.

    Parameters
    ----------
    horizons : iterable of float or str
        Hours ahead, as numbers or as the keys of a report.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> nearest_horizon([24.0, 72.0, 168.0], 96), nearest_horizon(["24", "72"], 48)
    (72.0, '24')
    """
    return min(horizons, key=lambda hours: (abs(float(hours) - wanted), float(hours)))


def headline_key(horizons: Iterable[str]) -> str:
    """Key of the headline horizon; "" where there is none.

    Examples
    --------
    >>> headline_key(["24", "48", "72", "168"]), headline_key(["24", "168"]), headline_key([])
    ('72', '24', '')
    """
    keys = list(horizons)
    return nearest_horizon(keys, HEADLINE_HOURS) if keys else ""
