"""What the biomarkers of the simulator's research panel carry, by syndrome.

Simulates a cohort with the research panel and prints what each biomarker carries alone; then
cross-validates both outcomes on two halves, and prints the fall in AUROC when a group of biomarkers
is exchanged for that of another patient of the same day. A run with 2,000 patients takes ten
minutes on two cores.

    python benchmarks/panel.py --patients 2000 --work /tmp/panel
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pipeline.cli import main as cytocast
from pipeline.cohort.analytes import dictionary
from pipeline.evaluate.analyte_use import CORE
from pipeline.model.evaluation_cells import Fall
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.outcomes import headline_key
from pipeline.resources import config_path, schema_yaml

HALVES = """
evaluation: {folds: 2, bootstrap: 200, control_permutations: 0}
model: {bootstrap_members: 2, bootstrap_boosters: 1}
"""


def train(patients: int, seed: int, work: Path) -> EvaluationReport:
    """Evaluation of a bundle trained on a cohort with the research panel."""
    cohort, bundle, halves = work / "cohort", work / "bundle", work / "halves.yaml"
    work.mkdir(parents=True, exist_ok=True)
    halves.write_text(HALVES, encoding="utf-8")
    numbers = ["--patients", str(patients), "--seed", str(seed), "--panel", "research"]
    configs = [str(config_path("cohorts/synthetic.yaml")), str(halves)]
    commands = [
        ["simulate", *numbers, "--out", str(cohort), "--force"],
        [
            *("train", "--cohort", str(cohort), "--out", str(bundle), "--no-track", "--jobs", "2"),
            *("--outcomes", "severe_crs,icans", "--force"),
            *(part for path in configs for part in ("--config", path)),
        ],
    ]
    for command in commands:
        if cytocast(command) != 0:
            sys.exit(f"failed: {' '.join(command)}")
    return EvaluationReport.from_json((bundle / "evaluation.json").read_bytes())


def falls(report: EvaluationReport) -> dict[tuple[str, str], Fall]:
    """Fall in AUROC by outcome (or contrast) and axis, at the headline horizon."""
    found = {
        (name, axis): use.at(headline_key(report.outcome(name).model))
        for name, table in report.axis_use.items()
        for axis, use in table.items()
    }
    between = report.contrast_detail.axes.get(headline_key(report.contrast), {})
    return found | {("contrast", axis): fall for axis, fall in between.items()}


def shown(cell: Fall) -> str:
    """Fall with its interval."""
    if cell.fall is None or cell.fall_lo is None or cell.fall_hi is None:
        return "not estimable"
    return f"{cell.fall:+.3f} [{cell.fall_lo:+.3f}, {cell.fall_hi:+.3f}]"


def single_labs(path: Path) -> str:
    """Table of AUROC and source of every biomarker alone, from the report of the cohort."""
    lines = {line["name"]: line for line in json.loads(path.read_bytes())["comparisons"]}
    rows = ["| biomarker | severe CRS | source | ICANS | source |", "|---|---|---|---|---|"]
    for analyte in (*CORE, "ifn_gamma"):
        cells = [
            lines[f"AUROC of {dictionary()[analyte].short} alone, {words} within 72 h"]
            for words in ("severe CRS", "ICANS")
        ]
        parts = " | ".join(f"{cell['simulated']:.2f} | {cell['source']}" for cell in cells)
        rows.append(f"| {dictionary()[analyte].short} | {parts} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    """Print the table, and whether the expected falls are clear of 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--work", type=Path, required=True)
    given = parser.parse_args()
    report = train(given.patients, given.seed, given.work)
    print(single_labs(given.work / "cohort" / "report.json"))
    found = falls(report)
    names = ("severe_crs", "icans", "contrast")
    print(f"{given.patients} simulated patients, seed {given.seed}, research panel")
    print("| group exchanged | severe CRS | ICANS | which comes first |\n|---|---|---|---|")
    axes = schema_yaml("pathways.yaml")["axes"]
    for axis, entry in axes.items():
        cells = [found.get((name, axis), Fall()) for name in names]
        print(f"| {entry['name']} | " + " | ".join(shown(cell) for cell in cells) + " |")
    for analyte in CORE:
        uses = [report.analyte_use[name][analyte].importance for name in names[:2]]
        hours = [headline_key(report.outcome(name).model) for name in names[:2]]
        cells = [use.at(hour) for use, hour in zip(uses, hours, strict=True)]
        print(analyte, *(shown(cell) for cell in cells))
    syndrome = {"crs": "severe_crs", "icans": "icans"}
    expected = [(syndrome[entry["mainly"]], axis) for axis, entry in axes.items()]
    expected.append(("contrast", "nervous_system"))
    missed = [pair for pair in expected if not (found.get(pair, Fall()).fall_lo or 0.0) > 0]
    sys.exit(f"not clear of 0: {missed}" if missed else 0)


if __name__ == "__main__":
    main()
