"""``cytocast simulate``: writes a synthetic cohort, its true risks and a report."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import log
from pipeline.csv_files import write_csv
from pipeline.folders.claim import claim
from pipeline.format import counted
from pipeline.simulate.calibration_report import compare
from pipeline.simulate.example_ward import draw_ward
from pipeline.simulate.export import REPORT, write
from pipeline.simulate.report_lines import Line, markdown
from pipeline.simulate.simulated_cohort import SimulatedCohort, draw_cohort
from pipeline.simulate.simulated_tables import Tables
from pipeline.simulate.true_risk import true_risk


def simulate(
    patients: int,
    seed: int,
    out: Path,
    *,
    batch: bool = False,
    panel: str | None = None,
    force: bool = False,
    now: datetime | None = None,
    truth: bool = True,
) -> tuple[int, str]:
    """Write a synthetic cohort to ``out``.

    Parameters
    ----------
    patients : int
        Number of patients.
    seed : int
        The same seed gives identical files.
    out : Path
        Folder to write.
    batch : bool
        Write patients in mid-course to score instead of a cohort to train on.
    panel : str, optional
        ``research``: every patient has the research assays on fixed days.
    force : bool
        Replace the existing content of ``out``.
    now : datetime, optional
        Of a batch: the record of every patient ends at this moment, and patients of every kind
        are among them, listed in ``kinds.csv``.
    truth : bool
        Of a cohort: whether true risks and the comparison with published figures are computed.

    Returns
    -------
    code : int
        0.
    summary : str

    Raises
    ------
    UsageError
        If ``patients`` or ``seed`` is out of range, there is no such panel, or ``out`` is not
        empty.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     code, summary = simulate(2, 0, Path(place) / "batch", batch=True)
    >>> code, summary.splitlines()[0]
    (0, 'SYNTHETIC batch to score: no row describes a real person.')
    """
    with claim(out, command="simulate", force=force, private=False) as output:
        output.refuse_occupied()
        log.info(f"simulating {counted(patients, 'synthetic patient')}")
        if batch and now is not None:
            ward = draw_ward(patients, seed, now, panel=panel)
            with output.folder() as folder:
                write(ward.exports, folder)
                write_csv(ward.planted, folder / "planted.csv")
                write_csv(ward.kinds, folder / "kinds.csv")
            return 0, _summary(ward.exports, ward.planted, out, "batch to score", "")
        cohort = draw_cohort(patients, seed, batch=batch, panel=panel)
        with output.folder() as folder:
            write(cohort.exports, folder)
            write_csv(cohort.planted, folder / "planted.csv")
            if batch:
                return 0, _summary(cohort.exports, cohort.planted, out, "batch to score", "")
            lines = _compared(cohort, folder) if truth else []
            verdict = _report(lines, len(cohort.people), folder, seed, panel)
        return 0, _summary(cohort.exports, cohort.planted, out, "cohort", verdict)


def _compared(cohort: SimulatedCohort, folder: Path) -> list[Line]:
    """Write the true risks; compare the cohort with published figures."""
    people, history = cohort.people, cohort.history
    log.info("simulating futures from every landmark, for the true risk")
    risk = true_risk(people, history, cohort.settings, cohort.random)
    named = risk.assign(patient=np.array(cohort.ids, dtype=object)[risk["patient"].to_numpy()])
    write_csv(named.rename(columns={"patient": "patient_id"}), folder / "true_risk.csv")
    return compare(people, history, cohort.tables, risk, cohort.settings)


def _report(lines: list[Line], patients: int, folder: Path, seed: int, panel: str | None) -> str:
    """Write the report, which also marks the folder as simulated; return its verdict."""
    report = {
        "synthetic": True,
        "patients": patients,
        "seed": seed,
        "panel": panel,
        "comparisons": lines,
    }
    (folder / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if not lines:
        return ""
    drawn = f", seed {seed}, {panel or 'no'} panel"
    (folder / "report.md").write_text(markdown(lines, patients, drawn), encoding="utf-8")
    passed = sum(line["pass"] for line in lines)
    return f"report: {passed} of {len(lines)} figures within their bounds (report.md)\n"


def _summary(exports: Tables, planted: pd.DataFrame, out: Path, kind: str, verdict: str) -> str:
    rows = ", ".join(f"{name} {len(table)}" for name, table in exports.items())
    return (
        f"SYNTHETIC {kind}: no row describes a real person.\n"
        f"rows: {rows}; {len(planted)} of them are planted errors (planted.csv)\n"
        f"{verdict}written to {out}"
    )
