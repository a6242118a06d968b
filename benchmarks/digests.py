"""Print a digest of every file that the commands write, to compare two revisions.

    python benchmarks/digests.py --out DIR [--data ../shared/data] [--full] [--against FILE]

Runs the demo on SYNTHETIC patients and, with ``--data``, training, evaluation, prediction and
monitoring on the public PrCRS, Wuhan and NULISA cohorts. Folds, rounds and draws are few unless
``--full`` selects the settings of ``configs/``. Prints one line per file, ``sha256  path``, and one
per group of files. ``--against`` compares with an earlier output and exits with 1 if a digest
differs. Clock times, durations and run ids are masked first.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
QUICK = """\
model: {booster_rounds: 40, inner_folds: 2, bootstrap_members: 4, bootstrap_boosters: 2}
evaluation: {folds: 3, repeats: 1, bootstrap: 60, control_permutations: 1}
"""
CODE = "import sys\nfrom pipeline.cli import main\nsys.exit(main())\n"
SKIPPED = ("mlflow.db", "artifacts", "__pycache__")
GROUPS = ("/model/", "/bundle/", "predictions.csv", "explanations.parquet", "rejects.csv")
MASKS = (
    (re.compile(rb'"(seconds|made|git_commit|run_id)": ("[^"]*"|[0-9.]+)'), rb'"\1": "-"'),
    (re.compile(rb"\d{1,2} [A-Z][a-z]+ 20\d\d,? \d\d:\d\d"), b"<time>"),
    (re.compile(rb"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?"), b"<time>"),
)
PAGES = (".html", ".svg")


def run(*arguments: str | Path, cwd: Path, allowed: tuple[int, ...] = (0, 3, 4, 6)) -> None:
    """Run one CLI command and store its exit code and output under ``console/``."""
    command = [str(item) for item in arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, *command, "--quiet"],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in allowed:
        sys.exit(f"cytocast {' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    (cwd / "console").mkdir(exist_ok=True)
    count = len(list((cwd / "console").iterdir()))
    output = re.sub(r"\d+ s\b", "<s>", f"{done.returncode}\n{done.stdout}\n{done.stderr}")
    (cwd / "console" / f"{count:02d}-{command[0]}.txt").write_text(output, encoding="utf-8")


def synthetic(folder: Path, full: bool) -> None:
    """Run the demo, and every other command on its output."""
    more = [] if full else ["--patients", "120", "--batch", "12", "--config", "quick.yaml"]
    run("demo", "--out", "demo", *more, cwd=folder)
    cohort, batch, model = "demo/cohort", "demo/batch", "demo/model"
    run("grade", "--cohort", cohort, "--out", "grades.csv", cwd=folder)
    run("evaluate", "--model", model, "--cohort", cohort, "--out", "apparent", cwd=folder)
    run("monitor", "--model", model, "--input", batch, "--out", "monitor", cwd=folder)
    run(
        *("predict", "--model", model, "--input", batch, "--out", "as-of"),
        *("--as-of", "96", "--emit", "fhir"),
        cwd=folder,
    )
    run("simulate", "--patients", "30", "--seed", "9", "--out", "small", cwd=folder)
    run("evaluate", "--model", model, "--cohort", "small", "--out", "other", cwd=folder)


def real(folder: Path, data: Path, full: bool) -> None:
    """Train on the public cohorts, and score them with the trained bundles."""
    quick = [] if full else ["--config", "quick.yaml"]
    for name, settings in (("prcrs_recovered", "prcrs"), ("wuhan", "wuhan"), ("nulisa", "nulisa")):
        config = ["--config", ROOT / "configs" / "cohorts" / f"{settings}.yaml", *quick]
        cohort, model = data / name, f"{settings}/bundle"
        run("train", "--cohort", cohort, "--out", model, *config, "--no-track", cwd=folder)
        run("audit", "--cohort", cohort, "--out", f"{settings}/audit", *config[:2], cwd=folder)
        batch = folder / settings / "batch"
        batch.mkdir()
        for path in cohort.glob("*.csv"):
            shutil.copy(path, batch / path.name)
        out = f"{settings}/results"
        run(
            *("predict", "--model", model, "--input", batch, "--out", out, "--as-of", "96"),
            cwd=folder,
        )
        run(
            *("predict", "--model", model, "--input", batch / "labs.csv", "--no-pages"),
            *("--out", f"{settings}/labs-only"),
            cwd=folder,
        )
        run("monitor", "--model", model, "--input", batch, "--out", f"{settings}/mon", cwd=folder)
        run("evaluate", "--model", model, "--cohort", cohort, "--out", f"{settings}/ev", cwd=folder)
    run(
        *("audit", "--cohort", data / "prcrs_as_released", "--out", "released"),
        *("--config", ROOT / "configs" / "cohorts" / "prcrs.yaml"),
        cwd=folder,
    )


def files_of(folder: Path) -> Iterator[Path]:
    """Yield every written file, sorted, without tracking stores and inputs."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not set(parts) & {*SKIPPED, "batch", "key"}:
            yield path


def digest_of(path: Path) -> str:
    """SHA-256 of a file with clock times and run ids masked."""
    content = path.read_bytes()
    if path.suffix in (".json", ".txt", ".md", *PAGES):
        for pattern, replacement in MASKS:
            content = pattern.sub(replacement, content)
    return hashlib.sha256(content).hexdigest()


def main() -> int:
    """Run, print and, with ``--against``, compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="new folder to work in")
    parser.add_argument("--data", type=Path, help="folder of the public cohorts")
    parser.add_argument("--full", action="store_true", help="use the settings of configs/")
    parser.add_argument("--against", type=Path, help="output of another revision")
    options = parser.parse_args()
    if options.out.exists():
        parser.error(f"{options.out} exists; give a folder that does not exist")
    options.out.mkdir(parents=True)
    folder = options.out.resolve()
    (folder / "quick.yaml").write_text(QUICK, encoding="utf-8")
    synthetic(folder, options.full)
    if options.data is not None:
        real(folder, options.data.resolve(), options.full)
    digests = {path.relative_to(folder).as_posix(): digest_of(path) for path in files_of(folder)}
    for name, digest in digests.items():
        print(f"{digest}  {name}")
    for group in GROUPS:
        part = [digest for name, digest in digests.items() if group in f"/{name}"]
        whole = hashlib.sha256("".join(part).encode()).hexdigest()
        print(f"{whole}  {len(part)} files with {group.strip('/')}")
    if options.against is None:
        return 0
    lines = options.against.read_text(encoding="utf-8").splitlines()
    earlier = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    differing = [name for name in digests if earlier.get(name) != digests[name]]
    lost = [name for name in earlier if name not in digests and " files with " not in name]
    for name in differing:
        print(f"differs: {name}")
    for name in lost:
        print(f"missing: {name}")
    print(f"{len(digests) - len(differing)} of {len(digests)} files agree, {len(lost)} missing")
    return 1 if differing or lost else 0


if __name__ == "__main__":
    sys.exit(main())
