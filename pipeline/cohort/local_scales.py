"""Properties of a cohort-local analyte, from the configuration or its unit."""

from __future__ import annotations

from typing import Any

from pipeline.cohort.relative_units import relative_unit
from pipeline.config_cohort import CohortConfig, LocalAnalyteConfig
from pipeline.errors import UsageError


def describe(stated: LocalAnalyteConfig, name: str, unit: str) -> dict[str, Any]:
    """Name, unit, pathway, sign and scale of a cohort-local analyte.

    A logarithm is signed unless the configuration states otherwise, because it can be negative.

    Parameters
    ----------
    name, unit : str
        As exported; the configuration wins.

    Examples
    --------
    >>> score = describe(LocalAnalyteConfig(scale="log2"), "score", "1")
    >>> score["signed"], score["scale"]
    (True, 'log2')
    >>> describe(LocalAnalyteConfig(), "IL6_NPX", "npx")["unit"]
    'NPX'
    """
    unit = stated.unit or unit
    relative = relative_unit(unit)
    scale = stated.scale or (relative.scale if relative else "linear")
    signed = stated.signed
    if signed is None:
        signed = scale != "linear" or (relative is not None and relative.signed)
    return {
        "name": stated.name or name,
        "unit": relative.unit if relative else unit,
        "pathway": stated.pathway,
        "signed": signed,
        "scale": scale,
    }


def refuse_relative_assumptions(config: CohortConfig) -> None:
    """Check that no ``assume_units`` reads a relative unit as another unit.

    Raises
    ------
    UsageError
        If a setting does so.
    """
    for key, units in config.assume_units.items():
        for exported, meant in units.items():
            relative = relative_unit(exported)
            if relative is not None and relative != relative_unit(meant):
                raise UsageError(
                    f"cohort.assume_units.{key} reads {exported!r} as {meant!r}; a relative unit "
                    "has no conversion factor. List the analyte under cohort.local_analytes"
                )
