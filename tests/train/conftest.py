"""One small training, step by step: what is read, what its scales share, and one fitted scale."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pipeline.config import Config, load_config
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import read_cohort
from pipeline.train.scale_fit import ScaleResult, TrainingTask, fit_scale, prepare_task
from tests.minicohort import CONFIG, write_cohort


@dataclass(frozen=True)
class Steps:
    read: ReadResult
    config: Config
    task: TrainingTask
    scales: dict[str, ScaleResult]


@pytest.fixture(scope="session")
def steps(tmp_path_factory) -> Steps:
    root = tmp_path_factory.mktemp("steps")
    (root / "a.yaml").write_text(CONFIG, encoding="utf-8")
    whole = load_config([root / "a.yaml"])
    outcomes = {"severe_crs": whole.outcomes["severe_crs"]}
    config = whole.model_copy(update={"outcomes": outcomes})
    read = read_cohort(write_cohort(root / "cohort", patients=60, seed=1), config.cohort)
    task = prepare_task(read, config, jobs=1, prior=None)
    return Steps(read, config, task, {"crs": fit_scale(task, "crs")})
