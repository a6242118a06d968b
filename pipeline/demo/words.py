"""What the demo saw, in words: cohort, model, gates, batch, and where to look."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.evaluate.plain_words import headline
from pipeline.report.format import counted, decimal, integer, percent, percent_interval

HORIZON = 72
_HIGHEST = 5


def summary(root: Path, audited: str, verdict: str, seconds: float) -> str:
    """Lines for stdout about a finished demo in ``root``.

    Parameters
    ----------
    audited, verdict : str
        What the audit and the promotion gates said.
    """
    evaluation = json.loads((root / "model" / "evaluation.json").read_text(encoding="utf-8"))
    run = json.loads((root / "results" / "run_summary.json").read_text(encoding="utf-8"))
    table = pd.read_csv(root / "results" / "predictions.csv", dtype={"patient_id": str})
    lines = ["SYNTHETIC demo: every patient here is simulated; the figures say nothing about care."]
    lines += _cohort(evaluation["cohort"])
    lines += [f"  audit: {line.strip()}" for line in audited.splitlines()[:1]]
    lines += ["", "The model on patients it had not seen (SYNTHETIC, cross-validated)"]
    for outcome in evaluation["outcomes"].values():
        lines += [f"  {headline(outcome['label'], outcome)}", f"    {calibration(outcome)}"]
    lines += ["", "Promotion", *(f"  {line.strip()}" for line in verdict.splitlines())]
    lines += ["", f"The batch (SYNTHETIC): {counted(run['patients'], 'patient')} in mid-course"]
    lines += [f"  {line}" for line in _statuses(run, evaluation["outcomes"])]
    lines += [f"  Highest risks within {HORIZON} h:"]
    lines += [f"    {line}" for line in highest(table, evaluation["outcomes"])]
    lines += ["", "Look at", *(f"  {line}" for line in _files(root))]
    return "\n".join([*lines, "", f"Finished in {seconds:.0f} s. Research use only."])


def _cohort(facts: Mapping[str, Any]) -> Iterator[str]:
    events = ", ".join(f"{name} {count}" for name, count in facts["event_patients"].items())
    yield ""
    yield (
        f"The cohort (SYNTHETIC): {counted(facts['n_patients'], 'patient')}, "
        f"{integer(facts['n_lab_rows'])} lab results, {integer(facts['n_landmarks'])} landmarks"
    )
    yield f"  patients with the outcome still ahead at some landmark: {events}"


def calibration(outcome: Mapping[str, Any]) -> str:
    """One sentence about calibration at the horizon of the headline.

    Examples
    --------
    >>> cell = {"cal_slope": 0.96, "cal_slope_lo": 0.8, "cal_slope_hi": 1.15, "brier": 0.02}
    >>> calibration({"model": {"72": cell}})
    'Calibration slope 0.96 (95 % interval 0.80 to 1.15; 1 is ideal), Brier score 0.0200.'
    """
    cells = outcome["model"]
    cell = cells[min(cells, key=lambda hours: abs(float(hours) - HORIZON))]
    if cell.get("cal_slope") is None:
        return "Calibration could not be estimated: too few events."
    low, high = decimal(cell["cal_slope_lo"]), decimal(cell["cal_slope_hi"])
    return (
        f"Calibration slope {decimal(cell['cal_slope'])} (95 % interval {low} to {high}; "
        f"1 is ideal), Brier score {decimal(cell['brier'], 4)}."
    )


def highest(table: pd.DataFrame, outcomes: Mapping[str, Any]) -> list[str]:
    """The highest displayed risks of a batch, one line each; at most five.

    Parameters
    ----------
    table : DataFrame
        ``predictions.csv``.
    outcomes : mapping
        Outcome name to its part of ``evaluation.json``, for the label.
    """
    rows = table.loc[(table["status"] == "ok") & (table["horizon_h"] == HORIZON)]
    rows = rows.sort_values(["risk", "patient_id"], ascending=[False, True]).head(_HIGHEST)
    lines = []
    for row in rows.to_dict("records"):
        name = str(row["outcome"])
        usual = percent(row["base_rate"])
        lines.append(
            f"{row['patient_id']}, day {integer(row['infusion_day'])}: {percent(row['risk'])} "
            f"({percent_interval(row['risk_lo'], row['risk_hi'])}; usual on this day {usual}) "
            f"{outcomes[name]['label'] if name in outcomes else name}"
        )
    return lines or ["nobody could be scored"]


def _statuses(run: Mapping[str, Any], outcomes: Mapping[str, Any]) -> Iterator[str]:
    refused = sum(part["rejected"] for part in run["files"].values())
    yield f"refused at the front door: {counted(refused, 'row')} or cells (wrong on purpose)"
    for name, counts in run["statuses"].items():
        label = outcomes[name]["label"] if name in outcomes else name
        yield f"{label}: {', '.join(_counts(counts))}"


def _counts(counts: Mapping[str, int]) -> Iterator[str]:
    said = {
        "ok": "scored",
        "event_present": "with the event already",
        "abstained": "without an estimate: too little or too unusual information",
        "rejected": "without a usable result",
    }
    for status, words in said.items():
        if counts.get(status):
            yield f"{counts[status]} {words}"


def _files(root: Path) -> Iterator[str]:
    yield f"{root / 'results' / 'report' / 'index.html'}: the ward list, with a page per patient"
    yield f"{root / 'results' / 'predictions.csv'}: every patient, outcome and horizon"
    yield f"{root / 'results' / 'rejects.csv'}: what was refused in the batch, and why"
    yield f"{root / 'model' / 'evaluation.html'}: how good the model is"
    yield f"{root / 'audit' / 'audit.html'}: what the audit found in the cohort"
    yield f"{root / 'cohort' / 'report.md'}: simulated figures beside published ones"
    yield f"mlflow ui --backend-store-uri sqlite:///{root / 'mlflow.db'}: runs and figures"
