"""Shared: a mini cohort, a bundle trained on it and a batch cut at 84 h, made once per run."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

from pipeline.cli import main
from tests.minicohort import CONFIG, cut, write_cohort

# HYPOTHESIS_PROFILE=thorough looks longer, and elsewhere in every run; the suite repeats itself
SLOW = [HealthCheck.too_slow]  # measures the machine
settings.register_profile(
    "suite", max_examples=12, derandomize=True, deadline=None, suppress_health_check=SLOW
)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
SHARED = Path(__file__).parent.parent.parent / "shared" / "data"


@dataclass(frozen=True)
class Mini:
    """Paths of the shared mini cohort."""

    cohort: Path
    config: Path
    bundle: Path
    batch: Path
    patients: list[str]


@pytest.fixture(scope="session")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    root = tmp_path_factory.mktemp("mini")
    cohort = write_cohort(root / "cohort", patients=60, seed=1)
    config = root / "mini.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    bundle = root / "bundle"
    arguments = ["--cohort", str(cohort), "--config", str(config), "--out", str(bundle)]
    assert main(["train", *arguments, "--no-track", "--quiet", "--jobs", "2"]) == 0
    write_cohort(root / "others", patients=7, seed=2, prefix="N")
    patients = [f"N{number:04d}" for number in range(7)]
    batch = cut(root / "others", root / "batch", hours=84, patients=patients)
    return Mini(cohort, config, bundle, batch, patients)


@pytest.fixture
def predict(mini: Mini, tmp_path: Path) -> Callable[..., tuple[int, Path]]:
    """Run ``cytocast predict`` on a folder; returns the exit code and the output folder."""

    def run(source: Path, *extra: str, out: Path | None = None) -> tuple[int, Path]:
        target = out or tmp_path / "out"
        model = [] if "--model" in extra else ["--model", str(mini.bundle)]
        code = main(
            ["predict", "--input", str(source), "--out", str(target), *model, "--quiet", *extra]
        )
        return code, target

    return run


@pytest.fixture
def batch(mini: Mini, tmp_path: Path) -> Path:
    """A private copy of the batch that a test may spoil."""
    target = tmp_path / "batch"
    target.mkdir()
    for path in mini.batch.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def read_predictions(folder: Path) -> pd.DataFrame:
    """``predictions.csv`` with identifiers as text."""
    return pd.read_csv(folder / "predictions.csv", dtype={"patient_id": str})


def points_add_up(folder: Path) -> pd.DataFrame:
    """Assert that pathway points sum to each shown risk minus its reference risk.

    Returns the totals by patient and horizon.
    """
    shown = read_predictions(folder).dropna(subset="risk")
    why = pd.read_parquet(folder / "explanations.parquet")
    total = (
        why[why["level"] == "pathway"].groupby(["patient_id", "horizon_h"])[
            ["points", "reference_risk", "risk"]
        ]
    ).agg({"points": "sum", "reference_risk": "first", "risk": "first"})
    assert len(total) == len(shown) > 0
    gap = total["points"] - 100 * (total["risk"] - total["reference_risk"])
    assert gap.abs().max() < 0.01
    told = shown.set_index(["patient_id", "horizon_h"])["risk"]
    assert (total["risk"] - told.reindex(total.index)).abs().max() < 1e-4
    return total


def edit(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change a CSV table in place, all cells as text."""
    change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)


@pytest.fixture
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the public development cohorts are not beside this checkout")
    return SHARED
