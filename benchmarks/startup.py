"""CPU time of `cytocast predict` compared with a bare `import xgboost`.

    python benchmarks/startup.py [--bundle DIR --input PATH] [--runs 7]

Without --bundle and --input, a bundle is trained on a small synthetic cohort first; its values have
no clinical meaning.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

LIMIT = 2.0
HEAVY = ("mlflow", "shap", "jinja2", "numba")
CYTOCAST = "import sys\nfrom pipeline.cli import main\ncode = main()\n"
LEAVE = CYTOCAST + "sys.exit(code)\n"
LIST_MODULES = CYTOCAST + (
    "import json\nnames = {name.partition('.')[0] for name in sys.modules}\n"
    "sys.stderr.write('\\n' + json.dumps(sorted(names)))\nsys.exit(code)\n"
)
CONFIG = """\
cohort: {name: synthetic-startup, synthetic: true}
audit: {acknowledge: [CHK102]}  # its labs and grades come from one draw
outcomes: {severe_crs: {scale: crs, threshold: 3, label: Severe CRS (synthetic)}}
evaluation: {repeats: 1, folds: 2, bootstrap: 20}
"""
# analyte, unit, median value, factor in a severe course
LABS = (("crp", "mg/L", 40, 3), ("ferritin", "ng/mL", 600, 4), ("il6", "pg/mL", 20, 6))
LABS += (("d_dimer", "mg/L{FEU}", 0.8, 2), ("platelets", "10*9/L", 120, 0.5))


def write_synthetic(folder: Path, prefix: str, patients: int, days: int, seed: int) -> None:
    """Write a synthetic cohort: daily labs and grades, one patient in three with severe CRS."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    people, labs, grades = [], [], []
    for number in range(patients):
        name, severe = f"{prefix}{number:03d}", number % 3 == 0
        people.append((name, int(random.integers(20, 75)), days * 24.0, 672.0))
        for day in range(days):
            ill = severe and day >= 2
            grade = min(day, 3) if severe else int(random.random() < 0.4)
            grades.append((name, day * 24 + 23.0, "crs", grade))
            for analyte, unit, median, factor in LABS:
                value = median * random.lognormal(0, 0.4) * (factor if ill else 1)
                taken = day * 24 + 6 + random.random()
                labs.append((name, analyte, f"{value:.3g}", unit, taken, taken + 2))
    headers = {
        "patients": (people, ["patient_id", "age_years", "record_end_hours"]),
        "assessments": (grades, ["patient_id", "assessed_hours", "scale", "grade"]),
        "labs": (labs, ["patient_id", "analyte", "value", "unit", "collected_hours"]),
    }
    headers["patients"][1].append("followed_until_hours")
    headers["labs"][1].append("resulted_hours")
    for table, (rows, columns) in headers.items():
        pd.DataFrame(rows, columns=columns).to_csv(folder / f"{table}.csv", index=False)


def cytocast(*arguments: str | Path, code: str = LEAVE) -> subprocess.CompletedProcess[str]:
    """Run one CLI command in its own process; exit code 4 is allowed."""
    command = [sys.executable, "-c", code, *map(str, arguments), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 4):
        sys.exit(f"cytocast {arguments[0]} failed with {done.returncode}:\n{done.stderr}")
    return done


def make_example(folder: Path) -> tuple[Path, Path]:
    """Train a throw-away bundle on a synthetic cohort and write a batch for it."""
    print("No --bundle and --input: training a throw-away bundle on a SYNTHETIC cohort.")
    write_synthetic(folder / "cohort", "T", patients=60, days=10, seed=1)
    write_synthetic(folder / "batch", "B", patients=25, days=2, seed=2)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    where = ("--cohort", folder / "cohort", "--out", folder / "bundle")
    cytocast("train", *where, "--config", folder / "config.yaml", "--no-track")
    return folder / "bundle", folder / "batch"


def child_cpu(run: list[str]) -> float:
    """CPU seconds (user and system) of one child process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 4):
        sys.exit(f"a measured process failed:\n{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Measure, print and return 0 if both goals are met."""
    parser = argparse.ArgumentParser(description="CPU of predict against a bare import of xgboost")
    parser.add_argument("--bundle", type=Path, help="bundle folder; default: a throw-away one")
    parser.add_argument("--input", type=Path, help="batch to score; default: 25 synthetic patients")
    parser.add_argument("--runs", type=int, default=7, help="measured runs of each process")
    options = parser.parse_args()
    if (options.bundle is None) != (options.input is None) or options.runs < 1:
        parser.error("give --bundle and --input together or neither, and at least one run")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle, batch = options.bundle, options.input
        if bundle is None:
            bundle, batch = make_example(folder)
        ask = ["predict", "--no-pages", "--model", bundle, "--input", batch, "--out"]
        done = cytocast(*ask, folder / "first", code=LIST_MODULES)
        loaded = json.loads(done.stderr.rsplit("\n", 1)[-1])
        summary = json.loads((folder / "first" / "run_summary.json").read_text(encoding="utf-8"))
        bare, predict, paged = [], [], []
        for number in range(options.runs + 1):
            bare.append(child_cpu([sys.executable, "-c", "import xgboost"]))
            run = [sys.executable, "-c", LEAVE, *map(str, ask), str(folder / f"run{number}")]
            predict.append(child_cpu([*run, "--quiet"]))
            run = [item for item in run if item != "--no-pages"]
            paged.append(child_cpu([*run[:-1], str(folder / f"paged{number}"), "--quiet"]))
    # the first pair warms the file cache
    medians = statistics.median(bare[1:]), statistics.median(predict[1:])
    ratio, heavy = medians[1] / medians[0], [name for name in HEAVY if name in loaded]
    print(f"CPU, median of {options.runs} alternating runs, {summary['patients']} patients:")
    print(f"  import xgboost    {medians[0]:.2f} s")
    print(f"  cytocast predict  {medians[1]:.2f} s (--no-pages)")
    pages = statistics.median(paged[1:]) - medians[1]
    print(f"  the pages on top  {pages:.2f} s, {1000 * pages / summary['patients']:.0f} ms each")
    print(f"{'PASS' if ratio <= LIMIT else 'FAIL'}: ratio {ratio:.2f}, at most {LIMIT:.1f}")
    print(f"{'FAIL' if heavy else 'PASS'}: predict imports {', '.join(heavy) or 'none'} of {HEAVY}")
    return 0 if ratio <= LIMIT and not heavy else 1


if __name__ == "__main__":
    sys.exit(main())
