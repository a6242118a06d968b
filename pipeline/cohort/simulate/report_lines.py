"""One line of the report: a simulated figure, the published one, the bounds and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Line = dict[str, Any]


def report_line(
    name: str,
    value: float,
    n: int,
    entry: Mapping[str, Any],
    quartiles: list[float] | None = None,
) -> Line:
    """Compare one figure with its target.

    Parameters
    ----------
    name : str
    value : float
    n : int
        Patients (or events) behind the figure.
    entry : mapping
        ``target``, ``tolerance``, ``near`` and ``source`` of ``simulation.yaml``.
    quartiles : list of float, optional
        Simulated quartiles, shown beside the value.
    """
    target = entry["target"]
    middle, spread = (target[0], list(target[1:])) if isinstance(target, list) else (target, [])
    tolerance, near = float(entry["tolerance"]), entry.get("near", "factor")
    if near == "factor":
        low, high = middle / tolerance, middle * tolerance
    else:
        margin = {
            "share": 2.6 * float(np.sqrt(max(middle * (1 - middle), 0.0) / max(n, 1))),
            "days": 7.5 / float(np.sqrt(max(n, 1))),
            "auroc": 0.8 / float(np.sqrt(max(n, 1))),
        }[near]
        low = middle - tolerance - margin
        high = middle + tolerance + margin
        low, high = (max(low, 0.0), min(high, 1.0)) if near != "days" else (max(low, 0.0), high)
    return {
        "name": name,
        "simulated": round(float(value), 4),
        "n": int(n),
        "target": middle,
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "quartiles": [round(float(item), 4) for item in quartiles or []],
        "target_quartiles": spread,
        "pass": bool(low <= value <= high),
        "source": entry["source"],
    }


def markdown(lines: list[Line], patients: int) -> str:
    """Return the report as a page of Markdown."""
    rows = [
        "# Synthetic cohort: simulated against published figures",
        "",
        f"SYNTHETIC: {patients} simulated patients; no row describes a real person. Sources are "
        "marked as in data_schema/simulation.yaml.",
        "",
        "| figure | n | simulated | published | bounds | within | source |",
        "|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        simulated = _shown(line["simulated"], line["quartiles"])
        target = _shown(line["target"], line["target_quartiles"])
        bounds = f"{_number(line['low'])} to {_number(line['high'])}"
        verdict = "yes" if line["pass"] else "**no**"
        cells = [line["name"], str(line["n"]), simulated, target, bounds, verdict, line["source"]]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _shown(value: float, quartiles: list[float]) -> str:
    text = _number(value)
    return f"{text} [{_number(quartiles[0])}-{_number(quartiles[1])}]" if quartiles else text


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
