"""Scores batches whose text cells are hostile strings, and judges every output of predict.

    python benchmarks/faults_strings.py --model BUNDLE [--strings 10000] [--patients 500] [--seed 1]

Batches of patients, as CSV and as Parquet in turn, are scored with pages and FHIR until as many
strings were used as ids, products, sites, diseases, drugs, analytes, values and units. Every
patient must be in predictions.csv, every page must have a safe name of its own and no markup of
the input, and no output may hold a control character or, where people open it, a formula.
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
from tests.planted.hostile_strings import hostile_string, problems_of, write_batch

MOST_SHOWN = 10


def main() -> int:
    """Run, print the counts, and return 0 when nothing is wrong."""
    parser = argparse.ArgumentParser(description="hostile strings through predict")
    parser.add_argument("--model", required=True, help="bundle folder")
    parser.add_argument("--product", default="axi-cel", help="one of the bundle")
    parser.add_argument("--strings", type=int, default=10_000)
    parser.add_argument("--patients", type=int, default=500, help="of a batch")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    log.configure(quiet=True)
    chance, started = random.Random(options.seed), time.perf_counter()
    used = patients = batches = pages = 0
    codes: Counter[int] = Counter()
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        while used < options.strings:
            folder = Path(name) / str(batches)
            ids = list(dict.fromkeys(hostile_string(chance) for _ in range(options.patients)))
            ids = [item for item in ids if item.strip(" ")]
            used += write_batch(
                folder / "in", ids, chance, options.product, parquet=batches % 2 == 1
            )
            try:
                code, _ = predict(folder / "in", folder / "out", options.model, emit=["fhir"])
            except Exception as error:  # noqa: BLE001 (what the run looks for)
                code = -1
                found[f"{type(error).__name__}: {error}"[:200]] += 1
            else:
                found.update(problems_of(folder / "out", ids))
                pages += sum(1 for _ in (folder / "out" / "report").iterdir())
            codes[code] += 1
            patients, batches = patients + len(ids), batches + 1
    print(
        f"{used:,} strings, {patients:,} patients, {batches} batches, {pages:,} pages, exit codes "
        f"{dict(codes)}, {time.perf_counter() - started:.0f} s"
    )
    for problem, number in found.most_common(MOST_SHOWN):
        print(f"{number:6,} {problem}")
    print("FAIL" if found else "PASS")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
