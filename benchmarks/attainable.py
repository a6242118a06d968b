"""The best attainable risk on simulated patients: boosted trees fitted on up to 100,000.

    python benchmarks/attainable.py features --patients 100000 --work /tmp/evidence
    python benchmarks/attainable.py curve --work /tmp/evidence
    python benchmarks/attainable.py fit --work /tmp/evidence

``features`` simulates patients in blocks and stores the features that the model of
``configs/cohorts/synthetic.yaml`` uses, with the outcomes within 72 h. ``curve`` fits on 5, 10, 20
thousand patients and prints the performance of each fit on the last block, to show the plateau.
``fit`` stores the fit on all patients for ``benchmarks/evidence.py``. Unlike the product's model,
the trees are not stacked, have no sign constraints and use host columns; with this many patients,
overfitting is negligible. Finished steps are stored and not repeated.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.cohort.detection_limits import apply_limits, infer_limits
from pipeline.cohort.tables import Cohort
from pipeline.config import Config, load_config
from pipeline.evaluate import metrics
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import FeatureSpec, learn_spec, spec_from_dict
from pipeline.model import members
from pipeline.model.outcomes import build_targets
from pipeline.reading.reader import read_cohort
from pipeline.simulate.export import to_exports, write
from pipeline.simulate.latent_history import simulate_history
from pipeline.simulate.simulated_patients import draw_people
from pipeline.simulate.simulated_tables import build_tables
from pipeline.simulate.simulation_settings import generators
from pipeline.simulate.simulation_settings import load as simulation

CONFIG = Path(__file__).parent.parent / "configs" / "cohorts" / "synthetic.yaml"
OUTCOMES = {"severe_crs": ("crs", 3), "icans": ("icans", 1)}
HORIZON = 72.0
BLOCK, FIRST_SEED = 2500, 500_000
STEP, MAX_ROUNDS, PATIENCE = 0.05, 600, 20
TREES = {
    "objective": "binary:logistic",
    "max_depth": 4,
    "eta": STEP,
    "subsample": 0.5,
    "colsample_bytree": 0.3,
    "min_child_weight": 20,
    "lambda": 5,
    "max_bin": 64,
    "tree_method": "hist",
    "seed": 0,
    "nthread": 1,
}


@dataclass(frozen=True)
class Reading:
    """Spec, limits and column names of the blocks; the trees store column positions only."""

    spec: FeatureSpec
    limits: dict[str, dict[str, float]]
    columns: list[str]


class Attainable:
    """The fitted trees of each outcome, and the features they use."""

    def __init__(self, work: Path) -> None:
        import xgboost

        self.reading = _reading(work)
        self.trees = {}
        for outcome in OUTCOMES:
            self.trees[outcome] = xgboost.Booster()
            self.trees[outcome].load_model(work / f"best_{outcome}.ubj")

    def risk(self, cohort: Cohort, outcome: str, config: Config) -> np.ndarray:
        """Risk at every training landmark of a cohort."""
        read = cohort.with_labs(apply_limits(cohort.labs, self.reading.limits))
        matrix = build_features(read, landmarks_of(read, config), self.reading.spec)
        inputs = inputs_of(matrix, self.reading.columns)
        return np.asarray(self.trees[outcome].inplace_predict(inputs), dtype=float)


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("step", choices=("features", "curve", "fit"))
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    config = load_config([CONFIG])
    if options.step == "features":
        for number in range(options.patients // BLOCK):
            keep_block(number, config, options.work)
    elif options.step == "curve":
        print(curve(options.work))
    else:
        print(fit(options.work))


def keep_block(number: int, config: Config, work: Path) -> None:
    """Simulate one block of patients and store features and labels."""
    path = work / f"block_{number:03d}.npz"
    if path.exists():
        return
    cohort = people_of(BLOCK, FIRST_SEED + number, config)
    if not (work / "reading.json").exists():
        limits = infer_limits(cohort.labs)
        spec = learn_spec(cohort.with_labs(apply_limits(cohort.labs, limits)), config, {})
        matrix = build_features(cohort, landmarks_of(cohort, config), spec)
        columns = columns_of(matrix, spec, config)
        stored = json.dumps({"spec": spec.to_dict(), "limits": limits, "columns": columns})
        (work / "reading.json").write_text(stored, encoding="utf-8")
    reading = _reading(work)
    cohort = cohort.with_labs(apply_limits(cohort.labs, reading.limits))
    landmarks = landmarks_of(cohort, config)
    labels = {
        outcome: build_targets(cohort, landmarks, scale, (threshold,)).label(threshold, HORIZON)
        for outcome, (scale, threshold) in OUTCOMES.items()
    }
    inputs = inputs_of(build_features(cohort, landmarks, reading.spec), reading.columns)
    with tempfile.NamedTemporaryFile(dir=work, suffix=".npz", delete=False) as file:
        np.savez(file, inputs=inputs, **labels)
    Path(file.name).rename(path)


def people_of(patients: int, seed: int, config: Config) -> Cohort:
    """Simulate patients and read them as an export, without the costly true risks."""
    settings, random = simulation(), generators(seed)
    people = draw_people(patients, settings, random["people"])
    history = simulate_history(people, settings, random["course"])
    tables = build_tables(people, history, settings, random)
    ids = [f"S{seed}-{number + 1:05d}" for number in range(patients)]
    with tempfile.TemporaryDirectory() as folder:
        write(to_exports(tables, ids, people, settings), Path(folder))
        return read_cohort(folder, config.cohort, extra_scales=("crs", "icans")).cohort


def landmarks_of(cohort: Cohort, config: Config) -> pd.DataFrame:
    """Training landmarks; the settings use the grid only, so both scales share them."""
    return training_landmarks(cohort, config.landmarks, "crs")


def columns_of(matrix: FeatureMatrix, spec: FeatureSpec, config: Config) -> list[str]:
    """Columns that any member of the product's model uses."""
    wanted: dict[str, None] = {}
    for scale, _ in OUTCOMES.values():
        design = members.labs_design(scale, spec, matrix.metas, config.model, with_state=True)
        wanted |= dict.fromkeys(name.rstrip("?") for name in design.columns)
        wanted |= dict.fromkeys(
            members.booster_columns(scale, spec, matrix.metas, config.model, with_state=True)[0]
        )
    return list(wanted)


def inputs_of(matrix: FeatureMatrix, columns: list[str]) -> np.ndarray:
    """Return the given columns in single precision."""
    place = {name: number for number, name in enumerate(matrix.names)}
    return matrix.values[:, [place[name] for name in columns]].astype(np.float32)


def curve(work: Path) -> str:
    """Fit on increasing numbers of patients, each scored on the last block."""
    count = len(_blocks(work)) - 1
    sizes = [size for size in (2, 4, 8) if size < count]
    lines = [
        "| patients | outcome | rounds | AUROC | log loss | Brier |",
        "|---|---|---|---|---|---|",
    ]
    for size in [*sizes, count]:
        lines += [_line(size * BLOCK, name, _fitted(work, name, size)) for name in OUTCOMES]
    return "\n".join(lines)


def fit(work: Path) -> str:
    """Store the fit on all blocks but the last, which is used for early stopping."""
    size = len(_blocks(work)) - 1
    lines = [_line(size * BLOCK, name, _fitted(work, name, size, keep=True)) for name in OUTCOMES]
    return "\n".join(lines)


def _fitted(work: Path, outcome: str, size: int, *, keep: bool = False) -> Mapping[str, float]:
    """Fit on the first blocks with early stopping on the last; return performance on it."""
    stored, model = work / f"curve_{outcome}_{size}.json", work / f"best_{outcome}.ubj"
    if stored.exists() and (model.exists() or not keep):
        return dict(json.loads(stored.read_text()))
    import xgboost

    blocks = _blocks(work)
    train, held_out = _known(blocks[:size], outcome), _known(blocks[-1:], outcome)
    data = xgboost.QuantileDMatrix(train[0], label=train[1], max_bin=64, nthread=1)
    check = xgboost.QuantileDMatrix(held_out[0], label=held_out[1], ref=data, max_bin=64, nthread=1)
    booster = xgboost.train(
        TREES,
        data,
        num_boost_round=MAX_ROUNDS,
        evals=[(check, "held_out")],
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    rounds = int(booster.best_iteration) + 1
    booster = booster[:rounds]
    risk = np.asarray(booster.predict(check), dtype=float)
    label = held_out[1].astype(float)
    zeros = np.zeros(len(label), dtype=np.intp)
    result = {
        "rounds": rounds,
        "auroc": float(metrics.auroc(label, risk, np.ones((len(label), 1)), zeros)[0]),
        "log_loss": -float(np.mean(np.log(np.where(label == 1, risk, 1 - risk)))),
        "brier": float(np.mean((label - risk) ** 2)),
    }
    stored.write_text(json.dumps(result), encoding="utf-8")
    if keep:
        booster.save_model(model)
    return result


def _known(blocks: list[Path], outcome: str) -> tuple[np.ndarray, np.ndarray]:
    parts = []
    for path in blocks:
        with np.load(path) as block:
            rows = ~np.isnan(block[outcome])
            parts.append((block["inputs"][rows], block[outcome][rows].astype(np.float32)))
    inputs, labels = zip(*parts, strict=True)
    return np.concatenate(inputs), np.concatenate(labels)


def _blocks(work: Path) -> list[Path]:
    return sorted(work.glob("block_*.npz"))


def _reading(work: Path) -> Reading:
    stored = json.loads((work / "reading.json").read_text())
    return Reading(spec_from_dict(stored["spec"]), stored["limits"], stored["columns"])


def _line(patients: int, outcome: str, performance: Mapping[str, float]) -> str:
    cells = [f"{performance[key]:.4f}" for key in ("auroc", "log_loss", "brier")]
    return f"| {patients} | {outcome} | {performance['rounds']:.0f} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
