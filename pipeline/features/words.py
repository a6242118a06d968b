"""What a feature is called, and its value as a sentence in natural units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pipeline.features.names import FeatureMeta
from pipeline.features.statistics import BY_NAME
from pipeline.resources import schema_yaml

_FILE = "feature_words.yaml"
_MARKS = {-1: "<", 0: "", 1: ">"}


def feature_sentence(meta: FeatureMeta, value: float, side: int = 0) -> str:
    """A value in words; logarithms are undone, a missing value is called unknown.

    Parameters
    ----------
    side : int
        -1 where the value of a level is a lower detection limit, 1 where it is an upper one.

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> from pipeline.features.series import analyte_meta
    >>> feature_sentence(analyte_meta(dictionary()["crp"], "max", 72.0), 7.0)
    'the highest CRP in the last 72 h was 128 mg/L'
    >>> feature_sentence(analyte_meta(dictionary()["crp"], "delta", 72.0), -1.0)
    'CRP fell by 50 % over the last 72 h'
    """
    content = schema_yaml(_FILE)
    entry = content[meta.section][meta.entry]
    facts = {
        "subject": meta.label,
        "words": entry["words"],
        "window": f"{meta.window_hours or 0:g}",
    }
    if math.isnan(value):
        return str(content["unknown"].format(**facts))
    if "cases" in entry:
        return str(entry["cases"][round(value)].format(**facts))
    logged = meta.unit.startswith("log2")
    kind = BY_NAME[meta.statistic].kind if meta.section == "series" else ""
    if kind in ("change", "ratio", "rate") or meta.statistic == "change":
        # a drop is positive where the value fell
        signed = -value if meta.statistic == "drop_from_peak" else value
        facts["moved"] = _moved(signed, logged, _unit(meta), content["moved"])
        facts["times"] = f"{2.0**value:.2g}"
        facts["value"] = _quantity(value, _unit(meta))
    else:
        facts["value"] = _MARKS[side] + _quantity(2.0**value if logged else value, _unit(meta))
    template = entry["ratios"] if logged and "ratios" in entry else entry["sentence"]
    return str(template.format(**facts))


def _moved(change: float, logged: bool, unit: str, phrases: Mapping[str, Any]) -> str:
    if change == 0.0:
        return str(phrases["same"])
    if not logged:
        phrase = phrases["up" if change > 0 else "down"]
        return str(phrase.format(value=_quantity(abs(change), unit)))
    if change > 0:
        return str(phrases["ratio_up"].format(times=f"{2.0**change:.2g}"))
    return str(phrases["ratio_down"].format(percent=f"{100.0 * (1.0 - 2.0**change):.2g}"))


def _unit(meta: FeatureMeta) -> str:
    """Unit without logarithm and without the day of a rate, which the sentence names."""
    unit = meta.unit.removesuffix("/d") if meta.section == "series" else meta.unit
    if unit.startswith("log2("):
        unit = unit.removeprefix("log2(").removesuffix(")")
    plain = unit.replace("/{", "/").replace("{", " ").replace("}", "").replace("_", " ")
    return plain.replace("10*", "10^")


def _quantity(value: float, unit: str) -> str:
    number = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return number if unit in ("", "1") else f"{number} {unit}"
