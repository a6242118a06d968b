"""Checks that damaged inputs end in a CytocastError; prints counts by command and outcome.

    python benchmarks/fuzz_inputs.py [--inputs 10000] [--seed 1]

Every command's reader gets the smallest valid input with one to three damages of one kind. Any
other exception, or a warning, is a failure; its seed and traceback are printed. ``--only SEED``
repeats one input. Rows are the physical lines of the tables, headers included.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from pipeline import log
from tests.planted.hostile_inputs import clean_inputs, damaged, outcome_of

MOST_SHOWN = 20


def lines_of(files: Mapping[str, bytes]) -> int:
    """Count physical lines of the tables of an input, without settings and keys."""
    tables = [content for name, content in files.items() if name.startswith("in/")]
    return sum(len(content.splitlines()) for content in tables)


def main() -> int:
    """Run, print and return 0 if every error is a CytocastError."""
    parser = argparse.ArgumentParser(description="Damaged inputs of every command")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="seed of one input to repeat")
    options = parser.parse_args()
    log.configure(quiet=True)
    seeds = range(options.seed, options.seed + options.inputs)
    if options.only is not None:
        seeds = range(options.only, options.only + 1)
    inputs, counts, causes, rows = clean_inputs(), Counter(), Counter(), Counter()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        for command, files in inputs.items():
            outcome = outcome_of(command, files, Path(name) / "clean")
            print(f"without damage: {command:20} {outcome}")
        for seed in seeds:
            chance = random.Random(seed)
            command = [*inputs][seed % len(inputs)]
            kind, files = damaged(inputs[command], chance)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    outcome = outcome_of(command, files, Path(name) / "damaged")
            except Exception as error:  # noqa: BLE001 (any exception is a finding)
                outcome = "FAILURE"
                place = traceback.extract_tb(error.__traceback__)[-1]
                cause = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
                causes[cause] += 1
                if causes[cause] == 1 and len(causes) <= MOST_SHOWN:
                    print(f"seed {seed}, {command}, {kind}:", flush=True)
                    traceback.print_exc(limit=-6, file=sys.stdout)
            counts[command, outcome] += 1
            rows["read" if outcome == "read" else "refused"] += lines_of(files)
    print(f"\n{sum(counts.values())} inputs in {time.perf_counter() - started:.0f} s")
    print(
        f"{rows.total():,} rows, {rows['read']:,} of them in inputs that were read, "
        f"{rows['refused']:,} in inputs that were refused"
    )
    outcomes = sorted({outcome for _, outcome in counts})
    print(f"{'':20}" + "".join(f"{outcome:>14}" for outcome in outcomes))
    for command in inputs:
        cells = "".join(f"{counts[command, outcome]:14,}" for outcome in outcomes)
        print(f"{command:20}{cells}")
    for cause, number in causes.most_common():
        print(f"{number:6,} {cause}")
    print("FAIL" if causes else "PASS")
    return 1 if causes else 0


if __name__ == "__main__":
    sys.exit(main())
