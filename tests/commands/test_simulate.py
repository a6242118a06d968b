"""The command simulate: the same bytes by seed, a batch cut at one hour, wrong arguments."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.reading.reader import read_batch, read_cohort
from tests.simulate.test_simulated_cohort import planted, refused, settings, simulate


@pytest.mark.parametrize("extra", [[], ["--batch"], ["--panel", "research"]])
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, extra: list[str]) -> None:
    first = simulate(tmp_path / "a", 30, 7, *extra)
    second = simulate(tmp_path / "b", 30, 7, *extra)
    other = simulate(tmp_path / "c", 30, 8, *extra)
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert (first / "labs.csv").read_bytes() != (other / "labs.csv").read_bytes()


def test_a_batch_holds_nothing_from_after_its_hour(tmp_path: Path) -> None:
    folder = simulate(tmp_path / "batch", 25, 3, "--batch")
    read = read_batch(folder, settings(), {})
    assert refused(read) == planted(folder)
    assert not (folder / "true_risk.csv").exists()
    people = pd.read_csv(folder / "patients.csv")
    assert not {"record_end_at", "followed_until_at", "death_at"} & set(people)
    last = read.cohort.labs.groupby("patient")["resulted_hours"].max()
    assert len(last) == 25
    assert last.between(24, 144.1).all()
    assert read.cohort.assessments["assessed_hours"].max() <= 144


def test_a_tiny_cohort_and_wrong_arguments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate(tmp_path / "one", 1, 0)
    assert "SYNTHETIC" in capsys.readouterr().out
    assert main(["simulate", "--patients", "0", "--out", str(tmp_path / "none")]) == 2
    assert main(["simulate", "--seed", "-1", "--out", str(tmp_path / "none")]) == 2
    assert main(["simulate", "--patients", "2", "--out", str(tmp_path / "one")]) == 2
    assert main(["simulate", "--panel", "all", "--out", str(tmp_path / "none")]) == 2


def test_the_research_panel_draws_its_assays_from_nearly_every_patient(tmp_path: Path) -> None:
    shares = {}
    for name, extra in (("plain", []), ("panel", ["--panel", "research"])):
        folder = simulate(tmp_path / name, 60, 5, *extra)
        labs = read_cohort(folder, settings()).cohort.labs
        early = labs[labs["collected_hours"].between(0, 168) & ~labs["cancelled"]]
        patients = early.groupby("analyte")["patient"].nunique() / 60
        shares[name] = patients[["nfl", "il1ra", "gm_csf", "csf_serum_albumin", "crp"]]
    assert (shares["panel"] > 0.9).all()
    assert (shares["plain"].drop("crp") < 0.8).all()


@pytest.mark.parametrize(("extra", "lines"), [([], 2), (["--batch"], 1), (["--quiet"], 0)])
def test_progress_goes_to_stderr_unless_quiet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], lines: int
) -> None:
    out = ["--patients", "1", "--out", str(tmp_path / "out")]
    assert main(["simulate", *out, *extra]) == 0
    output = capsys.readouterr()
    assert len(output.err.splitlines()) == lines
    assert ("simulating 1 synthetic patient\n" in output.err) == (lines > 0)
    assert "simulating" not in output.out
