"""The evaluation in a few lines for the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.evaluate.abstention_rates import abstention_line
from pipeline.pages.evaluation_titles import banner_words

_ROW = "{:7} {:21} {:21} {:21} {:7} {:6} {:10} {}"
_HEADINGS = (
    "within",
    "model",
    "without state",
    "grade and day",
    "Brier",
    "slope",
    "intercept",
    "landmarks with event",
)


def describe(evaluation: Mapping[str, Any]) -> str:
    """The evaluation in a few lines for stdout."""
    lines = []
    if simulated := banner_words(evaluation["cohort"]):
        lines.append(f"SYNTHETIC data. {simulated}")
    lines.append(
        f"{evaluation['kind']}, {evaluation['cohort']['n_patients']} patients; "
        "AUROC [95 % interval]"
    )
    for name, outcome in evaluation["outcomes"].items():
        lines.append(f"  {outcome['label']} ({name})")
        lines.append("    " + _ROW.format(*_HEADINGS))
        lines += ["    " + _ROW.format(*_cells(outcome, key)) for key in outcome["model"]]
        lines.append(f"    {outcome['labs_answer']}")
    for key, cell in evaluation["contrast"].items():
        if cell["auroc"] is not None:
            lines.append(f"  Which syndrome comes first within {key} h: AUROC {_area(cell)}")
    lines += [
        f"  {abstention_line(name, report)}"
        for name, report in evaluation.get("abstention", {}).items()
    ]
    lines += [f"  note: {sentence}" for sentence in evaluation["warnings"]]
    lines.append(f"  constant predictor: {_plain(evaluation['canary_auroc'], 2)}")
    return "\n".join(lines)


def _cells(outcome: Mapping[str, Any], key: str) -> list[str]:
    cell = outcome["model"][key]
    return [
        f"{key} h",
        _area(cell),
        _area(outcome["model_no_state"][key]),
        _area(outcome["comparators"]["grade_and_day"][key]),
        _plain(cell["brier"], 4),
        _plain(cell["cal_slope"], 2),
        _plain(cell["cal_intercept"], 2),
        f"{cell['n_events']} of {cell['n']} ({cell['n_event_patients']} patients)",
    ]


def _area(cell: Mapping[str, Any]) -> str:
    if cell["auroc"] is None:
        return "not estimable"
    return f"{cell['auroc']:.3f} [{_plain(cell['auroc_lo'], 3)}, {_plain(cell['auroc_hi'], 3)}]"


def _plain(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"
