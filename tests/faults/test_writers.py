"""Of several writers of one output, exactly one succeeds, and the output is complete."""

from __future__ import annotations

import os
import subprocess
import sys

from pipeline.folders.marker import read_marker

WRITERS = 3


def test_exactly_one_of_several_writers_succeeds(tmp_path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pipeline.cli", "simulate", "--batch", "--quiet"]
    runs = [
        subprocess.Popen(
            [*command, "--patients", "3", "--seed", str(seed), "--out", str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(WRITERS)
    ]
    messages = [run.communicate()[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, *[2] * (WRITERS - 1)]
    assert not any("Traceback" in each for each in messages)
    winner = [run.returncode for run in runs].index(0)
    assert (out / "patients.csv").read_text().splitlines()[1].startswith(f"B{winner}-")
    assert read_marker(out).intact(out)
    assert os.listdir(tmp_path) == ["out"]
