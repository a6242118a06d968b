"""Builds the content of ``monitor.json``: comparisons, alarms and thresholds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.config import MonitorConfig, parse_config
from pipeline.errors import UsageError
from pipeline.format import decimal, integer, percent, plain
from pipeline.model.bundle import Bundle
from pipeline.monitor.alarm_rule import Comparison
from pipeline.resources import read_yaml, schema_yaml

_DIGITS = 6


def sentence(figure: Comparison) -> str:
    """Describe a comparison: observed, expected, number of patients.

    Parameters
    ----------
    figure : Comparison

    Returns
    -------
    str

    Examples
    --------
    >>> figure = Comparison("missing", "crp", "CRP", 40, 0.1, 0.75, 1e-9, True, {"count": 30})
    >>> sentence(figure).partition(";")[0]
    'CRP: 30 of 40 patients (75%) have no recent result'
    """
    texts, details = monitor_texts(), figure.details
    values = {
        "name": figure.name,
        "n": integer(figure.n),
        "observed": (
            integer(details["count"]) if "count" in details else _written(figure, figure.observed)
        ),
        "observed_share": percent(figure.observed) if "count" in details else "",
        "expected": _written(figure, figure.expected),
    }
    for name in ("slow_hours", "median", "usual_median"):
        values[name] = decimal(details.get(name), 1)
    for name in ("most_share", "usual_share", "base"):
        values[name] = percent(details.get(name))
    values["most_group"] = texts["groups"][details["most"]] if "most" in details else ""
    values["horizon"] = plain(details.get("horizon"))
    values["unit"] = f"{details.get('unit', '')}"
    values["reasons"] = f"{details.get('reasons', '')}"
    return str(texts["kinds"][figure.kind]["sentence"].format(**values))


SECTIONS = {"monitor", "cohort"}


def monitor_config(bundle: Bundle, files: Sequence[Path]) -> MonitorConfig:
    """Thresholds of the bundle, replaced by those of the given files.

    Parameters
    ----------
    bundle : Bundle
    files : sequence of Path
        Configuration files; a later file overrides earlier ones.

    Returns
    -------
    MonitorConfig

    Raises
    ------
    UsageError
        If a file has other sections than ``monitor`` and ``cohort``, or an unknown setting.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> from pipeline.model.bundle import empty_bundle
    >>> with NamedTemporaryFile(suffix=".yaml") as file:
    ...     written = Path(file.name).write_text("monitor: {psi: 0.5}")
    ...     config = monitor_config(empty_bundle(), [Path(file.name)])
    >>> config.psi, config.min_patients
    (0.5, 10)
    """
    whole = bundle.config.model_dump(mode="json")
    for path in files:
        content = read_yaml(path) or {}
        if not isinstance(content, Mapping) or set(content) - SECTIONS:
            raise UsageError(
                f"{path} has other sections than 'monitor' and 'cohort'; only these are accepted. "
                "Remove the others: training has fixed those settings"
            )
        whole["monitor"] = {**whole["monitor"], **(content.get("monitor") or {})}
    return parse_config(whole, source=" + ".join(map(str, files)) or "bundle").monitor


def document(
    figures: Sequence[Comparison], summary: Mapping[str, Any], config: MonitorConfig
) -> dict[str, Any]:
    """Build the content of ``monitor.json``; it has no data of single patients.

    Parameters
    ----------
    figures : sequence of Comparison
    summary : mapping
        Values of the run, copied unchanged.
    config : MonitorConfig
        Thresholds.

    Returns
    -------
    dict
        ``summary`` with ``thresholds, alarms, figures``.

    Examples
    --------
    >>> figure = Comparison("missing", "crp", "CRP", 40, 0.1, 0.75, 1e-9, True, {"count": 30})
    >>> content = document([figure], {"patients": 40}, MonitorConfig())
    >>> content["alarms"][0]["kind"], content["figures"][0]["found"]
    ('missing', 0.75)
    """
    kinds = schema_yaml("monitor.yaml")["kinds"]
    return {
        **summary,
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
    if monitor_texts()["kinds"][figure.kind]["unit"] == "share":
        return percent(number)
    return decimal(number, 0 if float(number).is_integer() else 2)


def monitor_texts() -> dict[str, Any]:
    """Texts of ``data_schema/monitor.yaml``.

    Returns
    -------
    dict
        ``kinds`` and ``groups``.

    Examples
    --------
    >>> monitor_texts()["kinds"]["risk"]["title"]
    'Mean predicted risk'
    """
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
        "found": known(figure.observed),
        "p": known(figure.p),
        "alarm": figure.alarm,
        **{
            key: known(value) if isinstance(value, float) else value
            for key, value in figure.details.items()
        },
    }
