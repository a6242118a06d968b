"""``cytocast simulate``: a synthetic cohort, its true risks and its report, in one folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import log
from pipeline.csv_files import write_csv
from pipeline.errors import UsageError
from pipeline.folders.claim import claim
from pipeline.format import counted
from pipeline.simulate.calibration_report import compare, markdown
from pipeline.simulate.export import REPORT, cut_at_hour, draw_cuts, to_exports, write
from pipeline.simulate.latent_history import History, simulate_history
from pipeline.simulate.planted_rows import plant_rows
from pipeline.simulate.simulated_patients import People, draw_people
from pipeline.simulate.simulated_tables import Tables, build_tables
from pipeline.simulate.simulation_settings import generators, load
from pipeline.simulate.true_risk import true_risk


def simulate(
    patients: int, seed: int, out: Path, *, batch: bool = False, force: bool = False
) -> tuple[int, str]:
    """Write a synthetic cohort to ``out``.

    Parameters
    ----------
    patients : int
        How many.
    seed : int
        The same seed gives the same bytes.
    batch : bool
        Write patients in mid-course to be scored instead of a cohort to train on.

    Returns
    -------
    code, summary
        Exit code 0 and what stands in ``out``.

    Raises
    ------
    UsageError
        If ``patients`` or ``seed`` is out of range, or ``out`` holds something.
    """
    if not 1 <= patients <= 100_000:
        raise UsageError(f"--patients must lie between 1 and 100000, got {patients}")
    if seed < 0:
        raise UsageError(f"--seed must not be negative, got {seed}", options=("seed",))
    with claim(out, command="simulate", force=force, private=False) as output:
        output.refuse_occupied()
        settings, random = load(), generators(seed)
        people = draw_people(patients, settings, random["people"])
        log.info(f"simulating {counted(patients, 'synthetic patient')}")
        history = simulate_history(people, settings, random["course"])
        tables = build_tables(people, history, settings, random)
        ids = [f"{'B' if batch else 'S'}{seed}-{number + 1:04d}" for number in range(patients)]
        if batch:
            tables = cut_at_hour(tables, draw_cuts(patients, settings, random["truth"]))
        exports, planted = plant_rows(to_exports(tables, ids, people, settings), random["planted"])
        with output.folder() as folder:
            write(exports, folder)
            write_csv(planted, folder / "planted.csv")
            if batch:
                return 0, _summary(exports, planted, out, "batch to score", "")
            verdict = _truth_and_report(people, history, tables, ids, random["truth"], folder)
        return 0, _summary(exports, planted, out, "cohort", verdict)


def _truth_and_report(
    people: People,
    history: History,
    tables: Tables,
    ids: list[str],
    random: np.random.Generator,
    folder: Path,
) -> str:
    settings = load()
    log.info("simulating futures from every landmark, for the true risk")
    risk = true_risk(people, history, settings, random)
    lines = compare(people, history, tables, risk, settings)
    named = risk.assign(patient=np.array(ids, dtype=object)[risk["patient"].to_numpy()])
    write_csv(named.rename(columns={"patient": "patient_id"}), folder / "true_risk.csv")
    report = {"synthetic": True, "patients": len(people), "comparisons": lines}
    (folder / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (folder / "report.md").write_text(markdown(lines, len(people)), encoding="utf-8")
    passed = sum(line["pass"] for line in lines)
    return f"report: {passed} of {len(lines)} figures within their bounds (report.md)\n"


def _summary(exports: Tables, planted: pd.DataFrame, out: Path, kind: str, verdict: str) -> str:
    rows = ", ".join(f"{name} {len(table)}" for name, table in exports.items())
    return (
        f"SYNTHETIC {kind}: no row describes a real person.\n"
        f"rows: {rows}; {len(planted)} of them wrong on purpose (planted.csv)\n"
        f"{verdict}written to {out}"
    )
