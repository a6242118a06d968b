"""False alarms of the audit on clean exports, and detection of planted defects.

Run ``.venv/bin/python benchmarks/audit.py``; docs/audit.md quotes the output. ``--counts FOLDER``
stores the counts of each seed; a second run counts only missing seeds. ``--checks CHK005 CHK407``
restricts the run to these checks. ``--size 10000`` prints the cost of auditing so many patients
compared with reading them, and ``--cohorts FOLDER`` the findings in the public cohorts.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import textwrap
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from pipeline.audit.export_context import AuditContext, open_export
from pipeline.audit.finding import Finding, NotApplicable
from pipeline.audit.runner import CHECKS, audit_folder, by_code
from pipeline.config import Config, load_config
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import read_cohort
from pipeline.simulate.export import write
from pipeline.simulate.planted_rows import plant_rows
from pipeline.simulate.simulated_tables import Tables
from pipeline.simulate.simulation_settings import generators
from tests.planted import defects_of_values
from tests.planted.defects import (
    DEFECTS,
    plant_defect,
    simulated_tables,
    strangers_grades,
    without_limit_codes,
)

assert defects_of_values  # registers its defects
STRENGTHS = (0.4, 1.0)
NEEDS_READING = {"CHK001", "CHK002", "CHK005", "CHK103"}
READ_WHERE_CLEAN = {"CHK005"}
TRUE_OF_CLEAN = {"CHK108", "CHK202", "CHK203"}


PUBLIC = {
    "prcrs_as_released": "prcrs.yaml",
    "prcrs_recovered": "prcrs.yaml",
    "wuhan": "wuhan.yaml",
    "nulisa": "nulisa.yaml",
}
PRCRS = [
    ("the digit 0 was deleted", "CHK201", "ferritin: the digit 0"),
    ("records are cut at the worst grade", "CHK107", "crs"),
    ("D-dimer without FEU or DDU", "CHK302", "mg/L"),
    ("one clock only", "CHK402", "collected"),
    ("labs all at one hour of the day", "CHK401", "collected_hours"),
    ("grades once a day", "CHK404", "crs"),
]
KNOWN = {
    "prcrs_as_released": [
        ("gaps filled by the grade of the day", "CHK101", "crs grade of the day"),
        ("gaps filled with constants", "CHK208", "ferritin"),
        *PRCRS,
    ],
    "prcrs_recovered": PRCRS,
    "wuhan": [
        ("silent limit, D-dimer 21", "CHK202", "d_dimer: 172"),
        ("silent limit, IL-1b 5", "CHK202", "il1b: "),
        ("silent limit, IL-10 5", "CHK202", "il10: "),
        ("silent limit, IL-6 1.5", "CHK202", "exactly 1.5 "),
        ("silent limit, IL-6 5000", "CHK202", "exactly 5000 "),
        ("silent limit, LDH 1867", "CHK202", "ldh: "),
        ("silent limit, CRP 320", "CHK202", "crp: "),
        ("urine among white cells", "CHK205", "wbc: "),
        ("urine among red cells", "CHK205", "rbc: "),
        ("urine and blood under ph_value", "CHK205", "ph_value: "),
        ("platelets -1", "CHK204", "platelets: "),
        ("labs after discharge", "CHK109", "record end"),
        ("labs after death", "CHK109", "the death"),
        ("no unit", "CHK301", "no unit"),
        ("cytokines about once per patient", "CHK406", "il6"),
        ("14 patients without labs", "CHK004", "14 of 375"),
        ("ids in the order of the outcome", "CHK105", "number in patient_id"),
        ("informative missingness", "CHK108", "death"),
        ("one clock only", "CHK402", "collected"),
        ("labs on few days", "CHK408", "patient-days"),
    ],
    "nulisa": [
        ("samples at one hour of the day", "CHK401", "collected_hours"),
        ("drugs at one hour of the day", "CHK401", "given_hours"),
        ("grades at one hour of the day", "CHK401", "assessed_hours"),
        ("grades once a day", "CHK404", "icans"),
        ("one clock only", "CHK402", "collected"),
        ("signed z-scores", "CHK306", "vascular_score"),
        ("steroids without a dose", "CHK307", "steroid"),
        ("samples on few days", "CHK408", "patient-days"),
        ("6 patients without samples", "CHK004", "6 of 60"),
        ("records end with the grades", "CHK109", "after the last grade"),
        ("severe ICANS too rare", "CHK003", "severe_icans"),
    ],
}


def main() -> None:
    """Run the requested part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--patients", type=int, default=400, help="patients of each clean export")
    parser.add_argument(
        "--planted-patients", type=int, default=100, help="of each export with a defect"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--counts", type=Path, help="folder for the counts of each seed")
    parser.add_argument("--checks", nargs="+", choices=sorted(by_code()), default=sorted(by_code()))
    parser.add_argument("--partial", action="store_true", help="print after every seed")
    parser.add_argument("--size", type=int, help="measure the cost for so many patients")
    parser.add_argument("--cohorts", type=Path, help="folder of the public cohorts")
    options = parser.parse_args()
    if options.size:
        cost(options.size)
    elif options.cohorts:
        public(options.cohorts)
    else:
        seeds(options)


def seeds(options: argparse.Namespace) -> None:
    """Print false alarms and detections over many seeds."""
    start = time.perf_counter()
    total: Counter[tuple[str, object]] = Counter()
    done = 0
    with ProcessPoolExecutor(options.jobs) as pool:
        tasks = [
            pool.submit(
                one_seed,
                seed,
                options.patients,
                options.planted_patients,
                options.counts,
                options.checks,
            )
            for seed in range(options.seeds)
        ]
        for task in as_completed(tasks):
            total += task.result()
            done += 1
            if done == options.seeds or options.partial:
                report(total, done, options.patients, options.planted_patients, options.checks)
                print(f"{time.perf_counter() - start:.0f} s", flush=True)


def cost(patients: int) -> None:
    """Print time and memory of an audit and of reading the cohort, and the slowest checks."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        sizes = (patients // 10, patients)
        folders = [Path(name) / str(size) for size in sizes]
        with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as pool:
            rows = list(pool.map(_simulated, sizes, folders))
            (small, _), (read, reading) = pool.map(_reading, folders)
            (_, before, _), (audited, after, peak) = pool.map(_auditing, folders)
    print(f"{patients} simulated patients, {rows[1]} rows in all tables")
    print(f"reading   {read:6.0f} s {reading:8.0f} MB")
    print(f"auditing  {audited:6.0f} s {peak:8.0f} MB, reading included in the memory")
    print(f"ratio     {audited / read:6.2f}   {peak / reading:8.2f}")
    growth = rows[1] / rows[0]
    print(f"for {growth:.1f} times the rows of {sizes[0]} patients, reading takes ", end="")
    print(f"{read / small:.1f} times as long; slowest checks:")
    for code in sorted(after, key=after.__getitem__, reverse=True)[:8]:
        print(f"  {code:9}{after[code]:6.1f} s{after[code] / before[code]:7.1f} times")


def _simulated(patients: int, folder: Path) -> int:
    tables = simulated_tables(patients, 0)
    folder.mkdir()
    write(tables, folder)
    return sum(len(table) for table in tables.values())


def _read(folder: Path) -> ReadResult:
    config = load_config()
    scales = tuple(dict.fromkeys(item.scale for item in config.outcomes.values()))
    return read_cohort(folder, config.cohort, extra_scales=scales)


def _reading(folder: Path) -> tuple[float, float]:
    """Seconds and peak memory in MB of reading a cohort."""
    start = time.perf_counter()
    _read(folder)
    return time.perf_counter() - start, _peak()


def _auditing(folder: Path) -> tuple[float, dict[str, float], float]:
    """Seconds in total and by check, without reading the cohort, and peak memory in MB."""
    read = _read(folder)
    seconds = {}
    start = last = time.perf_counter()
    context = open_export(folder, load_config(), read=read)
    for frame in (context.labs, context.grades, context.labels):
        assert frame is not None
    seconds["frames"] = time.perf_counter() - last
    for check in CHECKS:
        last = time.perf_counter()
        run(check.code, context)
        seconds[check.code] = time.perf_counter() - last
    return time.perf_counter() - start, seconds, _peak()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def public(folder: Path) -> None:
    """Print the check that finds each known defect of the public cohorts, and blocking checks."""
    for cohort, config in PUBLIC.items():
        settings = load_config([Path("configs/cohorts") / config])
        report = audit_folder(folder / cohort, settings)
        codes = ", ".join(dict.fromkeys(item.code for item in report.blocking))
        print(f"{cohort}: {f'blocked by {codes}' if codes else 'not blocked'}")
        for defect, code, fragment in KNOWN[cohort]:
            same = [item.summary for item in report.findings if item.code == code]
            matches = [summary for summary in same if fragment in summary]
            shown = textwrap.shorten(matches[0], 96, placeholder=" ...") if matches else "NOT FOUND"
            print(f"  {defect:42}{code:8}{shown}")


def report(
    total: Counter[tuple[str, object]], seeds: int, patients: int, planted: int, codes: list[str]
) -> None:
    """Print both tables."""
    checks = [check for check in CHECKS if check.code in codes]
    print(f"Exports of {patients} simulated patients with a finding, of {seeds}")
    print(f"{'code':7}{'severity':9}{'clean':>6}{'sound':>7}{'22 wrong rows':>15}  title")
    for check in checks:
        clean, sound, wrong = (total[check.code, kind] for kind in ("clean", "sound", "wrong"))
        other = str(sound) if check.code in TRUE_OF_CLEAN else ""
        print(f"{check.code:7}{check.severity:9}{clean:6d}{other:>7}{wrong:15d}  {check.title}")
    print(f"errors in all: {total['errors', '']}\n")
    print(f"Planted defects found, of {seeds} ({planted} patients)")
    print(f"{'code':7}" + "".join(f"{f'strength {s:g}':>14}" for s in STRENGTHS) + "  title")
    for check in checks:
        counts = "".join(f"{total[check.code, s]:14d}" for s in STRENGTHS)
        print(f"{check.code:7}{counts}  {check.title}")
    print()


def one_seed(
    seed: int, patients: int, planted: int, folder: Path | None, codes: list[str]
) -> Counter[tuple[str, object]]:
    """Counts of one seed: false alarms by kind of export, and detections by strength."""
    chosen = "" if len(codes) == len(CHECKS) else "-".join(["", *codes])
    kept = folder / f"{patients}-{planted}-{seed}{chosen}.json" if folder else None
    if kept and kept.is_file():
        entries = json.loads(kept.read_text(encoding="utf-8"))
        return Counter({(code, kind): count for code, kind, count in entries})
    counts = false_alarms(seed, patients, codes)
    counts.update(detections(seed, planted, codes))
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        entries = [[code, kind, count] for (code, kind), count in counts.items()]
        kept.write_text(json.dumps(entries), encoding="utf-8")
    return counts


def false_alarms(seed: int, patients: int, codes: list[str]) -> Counter[tuple[str, object]]:
    """Count findings by check on clean, sound and wrong exports, and errors in all.

    In clean exports sicker patients have more labs, and assays report 301 beyond their limit;
    three checks find this correctly. ``sound`` exports have neither. ``wrong`` exports have 22
    wrong rows. Clean exports are read from disk only for CHK005, which counts accepted grades.
    """
    counts: Counter[tuple[str, object]] = Counter()
    tables = simulated_tables(patients, seed)
    wrong, _ = plant_rows(tables, generators(seed)["planted"])
    sound = without_limit_codes(strangers_grades(tables))
    for kind, open_tables, export, selected in (
        ("sound", in_memory, sound, TRUE_OF_CLEAN & {*codes}),
        ("clean", in_memory, tables, {*codes} - READ_WHERE_CLEAN),
        ("clean", on_disk, tables, READ_WHERE_CLEAN & {*codes}),
        ("wrong", on_disk, wrong, {*codes}),
    ):
        if not selected:
            continue
        context = open_tables(export, load_config())
        for code in sorted(selected):
            findings = run(code, context)
            counts[code, kind] += bool(findings)
            counts["errors", ""] += sum(item.severity == "error" for item in findings)
    return counts


def detections(seed: int, patients: int, codes: list[str]) -> Counter[tuple[str, object]]:
    """Count detections of planted defects by check and strength; earlier findings do not count."""
    counts: Counter[tuple[str, object]] = Counter()
    everything = load_config().model_dump()
    everything["cohort"]["extra_analytes"] = "accept"
    tables = simulated_tables(patients, 1000 + seed)
    sound = in_memory(tables, load_config())  # checks that need reading have no finding here
    read = on_disk(tables, load_config()) if READ_WHERE_CLEAN & {*codes} else sound
    for code in (item for item in DEFECTS if item in codes):
        config = Config.model_validate(everything) if code == "CHK103" else load_config()
        if code == "CHK407":
            abroad = config.cohort.model_copy(update={"time_zone": "America/New_York"})
            config = config.model_copy(update={"cohort": abroad})
        open_tables = on_disk if code in NEEDS_READING else in_memory
        clean = read if code in READ_WHERE_CLEAN else sound
        before = {item.summary for item in run(code, clean)}
        for strength in STRENGTHS:
            random = np.random.default_rng([seed, int(100 * strength)])
            spoilt = plant_defect(tables, code, random, strength)
            after = {item.summary for item in run(code, open_tables(spoilt, config))}
            counts[code, strength] += bool(after - before)
    return counts


def run(code: str, context: AuditContext) -> list[Finding]:
    """Findings of one check; none where it does not apply."""
    try:
        return by_code()[code]().check(context)
    except NotApplicable:
        return []


def in_memory(tables: Tables, config: Config) -> AuditContext:
    """Context of tables in memory, as if read from files."""
    raw = {name: table.assign(_line=np.arange(len(table)) + 2) for name, table in tables.items()}
    return AuditContext(raw, {name: f"{name}.csv" for name in raw}, config)


def on_disk(tables: Tables, config: Config) -> AuditContext:
    """Context of tables written and read as a user's export."""
    with tempfile.TemporaryDirectory() as folder:
        write(tables, Path(folder))
        return open_export(folder, config)


if __name__ == "__main__":
    main()
