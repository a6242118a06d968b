"""Lines of the report on a synthetic cohort: a figure, its target, bounds and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Line = dict[str, Any]
FEWEST = 12  # patients or events behind a figure; with fewer it is left out


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
        Name of the figure.
    value : float
        Simulated figure.
    n : int
        Patients or events behind the figure.
    entry : mapping
        ``target``, ``tolerance`` or ``range``, ``near`` and ``source`` of ``simulation.yaml``.
    quartiles : list of float, optional
        Simulated quartiles, shown with the value.

    Returns
    -------
    dict
        ``name, simulated, n, target, low, high, quartiles, target_quartiles, pass, source``.

    Examples
    --------
    >>> entry = {"target": 0.4, "tolerance": 0.05, "near": "share", "source": "[I]"}
    >>> line = report_line("ICANS", 0.45, 100, entry)
    >>> line["low"], line["high"], line["pass"]
    (0.2226, 0.5774, True)
    """
    target = entry["target"]
    middle, spread = (target[0], list(target[1:])) if isinstance(target, list) else (target, [])
    low, high = _bounds(float(middle), n, entry, quartiles)
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


def markdown(lines: list[Line], patients: int, drawn: str = "") -> str:
    """Format the report in Markdown.

    Parameters
    ----------
    lines : list of dict
        From :func:`~pipeline.simulate.calibration_report.compare`.
    patients : int
        Number of simulated patients.
    drawn : str
        Seed and panel, after the number of patients.

    Returns
    -------
    str

    Examples
    --------
    >>> entry = {"target": 0.4, "tolerance": 0.05, "near": "share", "source": "[I]"}
    >>> print(markdown([report_line("ICANS", 0.45, 100, entry)], 100).splitlines()[-1])
    | ICANS | 100 | 0.45 | 0.4 | 0.223 to 0.577 | yes | [I] |
    """
    rows = [
        "# Synthetic cohort: simulated figures and their targets",
        "",
        f"SYNTHETIC: {patients} simulated patients{drawn}; no row describes a real person.",
        "",
        "[V] verified in the named source, [D] measured on public data, [M] textbook knowledge, "
        f"[I] our own judgement. Figures of fewer than {FEWEST} patients, events or results (n) "
        "are left out.",
        "",
        "| figure | n | simulated | target | bounds | within | source |",
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


def _bounds(
    target: float, n: int, entry: Mapping[str, Any], quartiles: list[float] | None
) -> tuple[float, float]:
    """Range accepted for a figure of n patients: of the entry, and of chance."""
    near = entry.get("near", "factor")
    root = float(np.sqrt(max(n, 1)))
    if near == "factor":
        factor = entry["tolerance"] * float(np.exp(2.6 * _log_error(quartiles) / root))
        return target / factor, target * factor
    share = max(target * (1 - target), 0.0)
    margin = {
        "share": 2.6 * float(np.sqrt(share)),
        "days": 7.5,
        "auroc": 0.8,
        "correlation": 1.5,
        "spread": 0.4,
    }[near] / root
    tolerance = entry.get("tolerance", 0.0)
    low, high = entry.get("range", (target - tolerance, target + tolerance))
    least, most = {"days": (0.0, np.inf), "spread": (0.0, np.inf), "correlation": (-1.0, 1.0)}.get(
        near, (0.0, 1.0)
    )
    return max(low - margin, least), min(high + margin, most)


def _log_error(quartiles: list[float] | None) -> float:
    """Standard error of a median of one log-normal value, natural log; .5 without quartiles."""
    if not quartiles or quartiles[0] <= 0:
        return 0.5
    spread = np.log(quartiles[1] / quartiles[0]) / 1.349  # SD from the quartiles
    return float(np.sqrt(np.pi / 2) * spread)


def _shown(value: float, quartiles: list[float]) -> str:
    text = _number(value)
    return f"{text} [{_number(quartiles[0])}-{_number(quartiles[1])}]" if quartiles else text


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
