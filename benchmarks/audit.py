"""How often the audit is wrong on clean exports, and how often it finds a planted defect.

Run ``.venv/bin/python benchmarks/audit.py``; docs/audit.md quotes what it prints.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from pipeline.cohort.audit import AuditContext, open_export
from pipeline.cohort.audit.finding import Finding, NotApplicable
from pipeline.cohort.audit.registry import CHECKS, by_code
from pipeline.cohort.simulate import defects_values
from pipeline.cohort.simulate.defects import DEFECTS, plant_defect, simulated_tables
from pipeline.cohort.simulate.export import write
from pipeline.cohort.simulate.planted import plant
from pipeline.cohort.simulate.settings import generators
from pipeline.cohort.simulate.tables import Tables
from pipeline.config import Config, load_config

assert defects_values  # registers its defects
STRENGTHS = (0.4, 1.0)
NEEDS_READING = {"CHK001", "CHK002", "CHK103"}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--patients", type=int, default=400, help="of the clean exports")
    parser.add_argument("--planted-patients", type=int, default=150)
    options = parser.parse_args()
    start = time.perf_counter()
    clean, spoilt, errors = false_alarms(options.seeds, options.patients)
    print(f"Exports of {options.patients} simulated patients with a finding, of {options.seeds}")
    print(f"{'code':7}{'severity':9}{'clean':>6}{'22 wrong rows':>15}  title")
    for check in CHECKS:
        code = check.code
        line = f"{code:7}{check.severity:9}{clean[code]:6d}{spoilt[code]:15d}  {check.title}"
        print(line)
    print(f"errors in all: {errors}\n")
    found = detections(options.seeds, options.planted_patients)
    print(f"Planted defects found, of {options.seeds} ({options.planted_patients} patients)")
    print(f"{'code':7}" + "".join(f"{f'strength {s:g}':>14}" for s in STRENGTHS) + "  title")
    for check in CHECKS:
        counts = "".join(f"{found[check.code, s]:14d}" for s in STRENGTHS)
        print(f"{check.code:7}{counts}  {check.title}")
    print(f"\n{time.perf_counter() - start:.0f} s")


def false_alarms(seeds: int, patients: int) -> tuple[Counter[str], Counter[str], int]:
    """Exports with a finding, by code: clean, and with the rows wrong on purpose; and errors."""
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    errors = 0
    for seed in range(seeds):
        tables = simulated_tables(patients, seed)
        wrong, _ = plant(tables, generators(seed)["planted"])
        opened = (in_memory(tables, load_config()), on_disk(wrong, load_config()))
        for context, count in zip(opened, counts, strict=True):
            for check in CHECKS:
                found = run(check.code, context)
                count[check.code] += bool(found)
                errors += sum(item.severity == "error" for item in found)
    return *counts, errors


def detections(seeds: int, patients: int) -> Counter[tuple[str, float]]:
    """Seeds at which the defect of a check is found and was not there before."""
    counts: Counter[tuple[str, float]] = Counter()
    everything = load_config().model_dump()
    everything["cohort"]["extra_analytes"] = "accept"
    for seed in range(seeds):
        tables = simulated_tables(patients, 1000 + seed)
        sound = in_memory(tables, load_config())  # nothing that needs reading is found in it
        for code in DEFECTS:
            config = Config.model_validate(everything) if code == "CHK103" else load_config()
            look = on_disk if code in NEEDS_READING else in_memory
            before = {item.summary for item in run(code, sound)}
            for strength in STRENGTHS:
                random = np.random.default_rng([seed, int(100 * strength)])
                spoilt = plant_defect(tables, code, random, strength)
                after = {item.summary for item in run(code, look(spoilt, config))}
                counts[code, strength] += bool(after - before)
    return counts


def run(code: str, context: AuditContext) -> list[Finding]:
    """Findings of one check; none where it does not apply."""
    try:
        return by_code()[code]().check(context)
    except NotApplicable:
        return []


def in_memory(tables: Tables, config: Config) -> AuditContext:
    """Context of tables as the front door would read them, without asking it."""
    raw = {name: table.assign(_line=np.arange(len(table)) + 2) for name, table in tables.items()}
    return AuditContext(raw, {name: f"{name}.csv" for name in raw}, config)


def on_disk(tables: Tables, config: Config) -> AuditContext:
    """Context of tables written and read as a user's export."""
    with tempfile.TemporaryDirectory() as folder:
        write(tables, Path(folder))
        return open_export(folder, config)


if __name__ == "__main__":
    main()
