"""The content of ``monitor.json``: comparisons, alarms and the thresholds in force."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.config import MonitorConfig, parse_config
from pipeline.errors import UsageError
from pipeline.format import decimal, integer, percent, plain
from pipeline.model.bundle import Bundle
from pipeline.monitor.comparison import Comparison
from pipeline.resources import read_yaml, schema_yaml

_DIGITS = 6


def sentence(figure: Comparison) -> str:
    """A comparison in one sentence: what was expected, what was found, in how many."""
    words = _text()
    about, facts = words["kinds"][figure.kind], figure.facts
    told = {
        "name": figure.name,
        "n": integer(figure.n),
        "found": integer(facts["count"]) if "count" in facts else _written(figure, figure.found),
        "found_share": percent(figure.found) if "count" in facts else "",
        "expected": _written(figure, figure.expected),
    }
    for name in ("slow_hours", "median", "usual_median"):
        told[name] = decimal(facts.get(name), 1)
    for name in ("most_share", "usual_share", "base"):
        told[name] = percent(facts.get(name))
    told["most_group"] = words["groups"][facts["most"]] if "most" in facts else ""
    told["horizon"] = plain(facts.get("horizon"))
    told["unit"] = f"{facts.get('unit', '')}"
    told["reasons"] = f"{facts.get('reasons', '')}"
    return str(about["sentence"].format(**told))


SECTIONS = {"monitor", "cohort"}


def monitor_config(bundle: Bundle, files: Sequence[Path]) -> MonitorConfig:
    """Thresholds of the bundle with those of the given files on top.

    Raises
    ------
    UsageError
        If a file holds anything but the sections ``monitor`` and ``cohort``.
    """
    whole = bundle.config.model_dump(mode="json")
    for path in files:
        content = read_yaml(path) or {}
        if not isinstance(content, Mapping) or set(content) - SECTIONS:
            raise UsageError(
                f"{path} may hold the sections 'monitor' and 'cohort' (reading settings) "
                "only; other settings were fixed in training"
            )
        whole["monitor"] = {**whole["monitor"], **(content.get("monitor") or {})}
    return parse_config(whole, source=" + ".join(map(str, files)) or "bundle").monitor


def document(
    figures: Sequence[Comparison], facts: Mapping[str, Any], config: MonitorConfig
) -> dict[str, Any]:
    """Content of ``monitor.json``: nothing in it is about one patient."""
    kinds = schema_yaml("monitor.yaml")["kinds"]
    return {
        **facts,
        "thresholds": config.model_dump(mode="json"),
        "alarms": [
            {
                "kind": item.kind,
                "subject": item.subject,
                "patients": item.n,
                "sentence": sentence(item),
                "remedy": " ".join(kinds[item.kind]["remedy"].split()),
            }
            for item in figures
            if item.alarm
        ],
        "figures": [_plain(item) for item in figures],
    }


def _written(figure: Comparison, number: float) -> str:
    if _text()["kinds"][figure.kind]["unit"] == "share":
        return percent(number)
    return decimal(number, 0 if float(number).is_integer() else 2)


def _text() -> dict[str, Any]:
    content: dict[str, Any] = schema_yaml("monitor.yaml")
    return content


def _plain(figure: Comparison) -> dict[str, Any]:
    def known(number: float | None) -> float | None:
        missing = number is None or not math.isfinite(number)
        return None if missing else float(f"{number:.{_DIGITS}g}")

    return {
        "kind": figure.kind,
        "subject": figure.subject,
        "patients": figure.n,
        "expected": known(figure.expected),
        "found": known(figure.found),
        "p": known(figure.p),
        "alarm": figure.alarm,
        **{
            key: known(value) if isinstance(value, float) else value
            for key, value in figure.facts.items()
        },
    }
