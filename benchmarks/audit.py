"""How often the audit is wrong on clean exports, and how often it finds a planted defect.

Run ``.venv/bin/python benchmarks/audit.py``; docs/audit.md quotes what it prints.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
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
    parser.add_argument("--planted-patients", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--partial", action="store_true", help="print after every seed")
    options = parser.parse_args()
    start = time.perf_counter()
    total: Counter[tuple[str, object]] = Counter()
    done = 0
    with ProcessPoolExecutor(options.jobs) as pool:
        tasks = [
            pool.submit(one_seed, seed, options.patients, options.planted_patients)
            for seed in range(options.seeds)
        ]
        for task in as_completed(tasks):
            total += task.result()
            done += 1
            if done == options.seeds or options.partial:
                report(total, done, options.patients, options.planted_patients)
                print(f"{time.perf_counter() - start:.0f} s", flush=True)


def report(total: Counter[tuple[str, object]], seeds: int, patients: int, planted: int) -> None:
    """Print both tables."""
    print(f"Exports of {patients} simulated patients with a finding, of {seeds}")
    print(f"{'code':7}{'severity':9}{'clean':>6}{'22 wrong rows':>15}  title")
    for check in CHECKS:
        clean, wrong = total[check.code, "clean"], total[check.code, "wrong"]
        print(f"{check.code:7}{check.severity:9}{clean:6d}{wrong:15d}  {check.title}")
    print(f"errors in all: {total['errors', '']}\n")
    print(f"Planted defects found, of {seeds} ({planted} patients)")
    print(f"{'code':7}" + "".join(f"{f'strength {s:g}':>14}" for s in STRENGTHS) + "  title")
    for check in CHECKS:
        counts = "".join(f"{total[check.code, s]:14d}" for s in STRENGTHS)
        print(f"{check.code:7}{counts}  {check.title}")
    print()


def one_seed(seed: int, patients: int, planted: int) -> Counter[tuple[str, object]]:
    """Counts of one seed: false alarms by kind of export, and detections by strength."""
    counts = false_alarms(seed, patients)
    counts.update(detections(seed, planted))
    return counts


def false_alarms(seed: int, patients: int) -> Counter[tuple[str, object]]:
    """Codes with a finding: clean, and with the rows wrong on purpose; and errors."""
    counts: Counter[tuple[str, object]] = Counter()
    tables = simulated_tables(patients, seed)
    wrong, _ = plant(tables, generators(seed)["planted"])
    for kind, context in (
        ("clean", in_memory(tables, load_config())),
        ("wrong", on_disk(wrong, load_config())),
    ):
        for check in CHECKS:
            found = run(check.code, context)
            counts[check.code, kind] += bool(found)
            counts["errors", ""] += sum(item.severity == "error" for item in found)
    return counts


def detections(seed: int, patients: int) -> Counter[tuple[str, object]]:
    """Codes and strengths at which a planted defect is found that was not there before."""
    counts: Counter[tuple[str, object]] = Counter()
    everything = load_config().model_dump()
    everything["cohort"]["extra_analytes"] = "accept"
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
