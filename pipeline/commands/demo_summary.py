"""Where the demo writes, and what it prints at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.audit.runner import AuditReport, describe
from pipeline.cohort.patient_links import UNKNOWN_PATIENT
from pipeline.config_model import HEADLINE_HOURS
from pipeline.format import counted, decimal, integer, percent, percent_interval
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_report import EvaluatedCohort, EvaluationReport
from pipeline.model.outcomes import headline_key
from pipeline.model.status import EVENT_PRESENT, OK
from pipeline.pages.batch_pages import page_names
from pipeline.pages.headline_sentences import headline

_REASONS = 4  # lines of a refused promotion


@dataclass(frozen=True)
class DemoFolder:
    """Paths in the folder of the demo."""

    root: Path

    @property
    def cohort(self) -> Path:
        """Simulated patients to train on."""
        return self.root / "cohort"

    @property
    def audit(self) -> Path:
        """Audit of the cohort."""
        return self.root / "audit"

    @property
    def bundle(self) -> Path:
        """Trained bundle with its evaluation."""
        return self.root / "model"

    @property
    def batch(self) -> Path:
        """Simulated patients in mid-course."""
        return self.root / "batch"

    @property
    def results(self) -> Path:
        """Predictions for the batch."""
        return self.root / "results"

    @property
    def log(self) -> Path:
        """Details of every step."""
        return self.root / "demo.log"


def summary(places: DemoFolder, audit: AuditReport, verdict: str, seconds: float) -> str:
    """Lines for stdout about a finished demo.

    Parameters
    ----------
    places : DemoFolder
    audit : AuditReport
    verdict : str
        Summary of the promotion gates.
    seconds : float
        Duration of the demo.
    """
    text = (places.bundle / "evaluation.json").read_text(encoding="utf-8")
    report = EvaluationReport.from_json(text)
    run = json.loads((places.results / "run_summary.json").read_text(encoding="utf-8"))
    table = pd.read_csv(places.results / "predictions.csv", dtype={"patient_id": str})
    lines = [
        "SYNTHETIC demo: all patients are simulated; the figures do not describe real care.",
        f"Cohort (SYNTHETIC): {_cohort(report.cohort)}",
        f"Audit: {describe(audit).splitlines()[0]}",
        "Performance on held-out patients (SYNTHETIC, cross-validated):",
    ]
    for outcome in report.outcomes.values():
        lines += [f"  {headline(outcome.label, outcome)}", f"    {calibration(outcome)}"]
    lines += [f"Promotion: {line}" for line in verdict.splitlines()[:1]]
    lines += [f"  {line.strip()}" for line in verdict.splitlines()[1:_REASONS]]
    lines += [f"Ward (SYNTHETIC): {_ward(run, table)}", "Open first:"]
    lines += [f"  {line}" for line in _pages(places, table, report.outcomes)]
    lines += ["Further files:", *(f"  {line}" for line in _files(places))]
    return "\n".join([*lines, f"Finished in {seconds:.0f} s. Research use only."])


def calibration(outcome: OutcomeReport) -> str:
    """Sentence on calibration at the headline horizon.

    Examples
    --------
    >>> cell = {"cal_slope": 0.96, "cal_slope_lo": 0.8, "cal_slope_hi": 1.15, "brier": 0.02}
    >>> calibration(OutcomeReport.model_validate({"model": {"72": cell}}))
    'Calibration slope 0.96 (95% interval 0.80 to 1.15; 1 is ideal), Brier score 0.0200.'
    """
    hours = headline_key(outcome.model)
    cell = outcome.model[hours]
    if cell.cal_slope is None:
        return "Calibration cannot be estimated: too few events."
    slope, low, high = (decimal(part) for part in cell.slope)
    return (
        f"Calibration slope {slope} (95% interval {low} to {high}; "
        f"1 is ideal), Brier score {decimal(cell.brier, 4)}."
    )


def highest(table: pd.DataFrame) -> dict[str, Any] | None:
    """Row of the highest severe risk of a batch; None without an estimate.

    Parameters
    ----------
    table : DataFrame
        ``predictions.csv``.
    """
    rows = table.loc[(table["status"] == OK) & (table["horizon_h"] == HEADLINE_HOURS)]
    severe = rows.loc[rows["outcome"].str.startswith("severe")]
    rows = (severe if len(severe) else rows).sort_values(
        ["risk", "patient_id"], ascending=[False, True]
    )
    return {str(key): value for key, value in rows.iloc[0].items()} if len(rows) else None


def _cohort(cohort: EvaluatedCohort) -> str:
    events = ", ".join(f"{count} {name}" for name, count in cohort.event_patients.items())
    return (
        f"{counted(int(cohort.n_patients or 0), 'patient')}, {integer(cohort.n_lab_rows)} lab "
        f"results, {integer(cohort.n_landmarks)} landmarks; later events: {events}"
    )


def _ward(run: Mapping[str, Any], table: pd.DataFrame) -> str:
    """Patients by status; a patient may have an estimate of one outcome after another."""
    known = table.loc[table["status_reason"] != UNKNOWN_PATIENT]
    by_patient = known.groupby("patient_id")["status"].agg(set)
    texts = {
        "with an estimate": sum(OK in each for each in by_patient),
        "with an outcome that occurred": sum(EVENT_PRESENT in each for each in by_patient),
        "without an estimate": sum(not each & {OK, EVENT_PRESENT} for each in by_patient),
    }
    rejected = sum(part["rejected"] for part in run["files"].values())
    parts = [counted(len(by_patient), "patient"), *(f"{n} {name}" for name, n in texts.items())]
    return f"{', '.join(parts)}; {counted(rejected, 'row')} or cells rejected (planted errors)"


def _pages(
    places: DemoFolder, table: pd.DataFrame, outcomes: Mapping[str, OutcomeReport]
) -> Iterator[str]:
    """Three pages worth opening, with what they show."""
    report = places.results / "report"
    yield f"{report / 'index.html'}: ward list"
    row = highest(table)
    if row is not None:
        page = page_names(sorted(table["patient_id"].unique()))[row["patient_id"]]
        label = outcomes[row["outcome"]].label if row["outcome"] in outcomes else row["outcome"]
        risk, average = percent(row["risk"]), percent(row["base_rate"])
        interval = percent_interval(row["risk_lo"], row["risk_hi"])
        shown = f"{label} {risk} ({interval}; day average {average})"
        yield f"{report / page}.html: highest risk, {shown}"
    yield f"{places.bundle / 'evaluation.html'}: evaluation of the model"


def _files(places: DemoFolder) -> Iterator[str]:
    yield f"{places.results / 'predictions.csv'}: every patient, outcome and horizon"
    yield f"{places.results / 'rejects.csv'}: rejected rows, with reasons and remedies"
    yield f"{places.audit / 'audit.html'}: audit of the cohort"
    yield f"{places.log}: log of every step"
    yield f"mlflow ui --backend-store-uri sqlite:///{places.root / 'mlflow.db'}: runs and figures"
