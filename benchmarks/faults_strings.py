"""Scores batches with hostile strings in text cells and checks every output of predict.

    python benchmarks/faults_strings.py [--model BUNDLE] [--strings 10000] [--patients 500]

Batches, alternately CSV and Parquet, are scored with pages and FHIR until `--strings` strings are
used as ids, products, sites, diseases, drugs, analytes, values and units. Every patient must be in
predictions.csv. Every page must have a unique, safe name and no markup from the input. No output
may hold a control character, and no output that people open a formula.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pipeline import log
from pipeline.commands.predict import predict
from tests.minicohort import train_bundle
from tests.planted.hostile_strings import hostile_string, problems_of, write_batch

MOST_SHOWN = 10


def main() -> int:
    """Run, print the counts and return 0 if there is no problem."""
    parser = argparse.ArgumentParser(description="Hostile strings through predict")
    parser.add_argument("--model", help="bundle folder; default: one of a small cohort")
    parser.add_argument("--product", default="axi-cel", help="a product of the bundle")
    parser.add_argument("--strings", type=int, default=10_000, help="strings to use")
    parser.add_argument("--patients", type=int, default=500, help="patients per batch")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    log.configure(quiet=True)
    chance, started = random.Random(options.seed), time.perf_counter()
    used = patients = batches = pages = 0
    codes: Counter[int] = Counter()
    problems: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        model = options.model or str(train_bundle(Path(name) / "trained"))
        while used < options.strings:
            folder = Path(name) / str(batches)
            ids = list(dict.fromkeys(hostile_string(chance) for _ in range(options.patients)))
            ids = [item for item in ids if item.strip(" ")]
            used += write_batch(
                folder / "in", ids, chance, options.product, parquet=batches % 2 == 1
            )
            try:
                code, _ = predict(folder / "in", folder / "out", model, emit=["fhir"])
            except Exception as error:  # noqa: BLE001 (any exception is a finding)
                code = -1
                problems[f"{type(error).__name__}: {error}"[:200]] += 1
            else:
                problems.update(problems_of(folder / "out", ids))
                pages += sum(1 for _ in (folder / "out" / "report").iterdir())
            codes[code] += 1
            patients, batches = patients + len(ids), batches + 1
    print(
        f"{used:,} strings, {patients:,} patients, {batches} batches, {pages:,} pages, exit codes "
        f"{dict(codes)}, {time.perf_counter() - started:.0f} s"
    )
    for problem, number in problems.most_common(MOST_SHOWN):
        print(f"{number:6,} {problem}")
    print("FAIL" if problems else "PASS")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
