"""Evidence on simulated patients: gap to the best attainable model, calibration, coverage.

    python benchmarks/evidence.py fit --patients 150 --seed 0 --work /tmp/evidence
    python benchmarks/evidence.py learn --patients 150 --seed 0 --work /tmp/evidence
    python benchmarks/evidence.py gate --patients 150 --seed 0 --work /tmp/evidence
    python benchmarks/evidence.py report --work /tmp/evidence

``fit`` fits the model on a small cohort; ``learn`` compares it on new patients with the best
attainable model (fitted first by ``benchmarks/attainable.py``) and the simulator's true risk.
``gate`` cross-validates the same cohort and stores the results of the promotion gates. ``report``
prints the tables of ``docs/evidence.md``. Finished steps are kept in the work folder.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from attainable import CONFIG, HORIZON, OUTCOMES, Attainable, landmarks_of, people_of

from pipeline.cohort.detection_limits import apply_limits, infer_limits
from pipeline.cohort.tables import Cohort
from pipeline.commands.simulate import simulate
from pipeline.config import Config, load_config
from pipeline.evaluate import metrics
from pipeline.evaluate.comparators import published_scores
from pipeline.evaluate.cross_validation import ComparatorInputs, cross_validate, rows_at_risk, score
from pipeline.evaluate.outcome_report import MODELS, performance
from pipeline.evaluate.scored_rows import ScoredRows
from pipeline.evaluate.scoring_protocol import shared_folds
from pipeline.evaluate.splits import splits_of
from pipeline.features.build import build_features
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import FeatureSpec, learn_spec
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_report import AuditCodes, EvaluationReport
from pipeline.model.fit_plan import FitPlan
from pipeline.model.fitting import fit_risk_model
from pipeline.model.logistic import logit
from pipeline.model.outcomes import build_targets, reported_thresholds, stacked_thresholds
from pipeline.model.risk_model import RiskModel
from pipeline.model.risk_model_files import load_model, save_model
from pipeline.model.stacked_rows import Targets, query
from pipeline.model.training_reference import base_rate_table
from pipeline.reading.reader import read_cohort
from pipeline.train.gates import Candidate, check_gates

TEST_SEED, FIRST_SEED = 80_001, 1000
TEST_PATIENTS = 1000
LEVEL = 0.8
SMALLEST = 1.0 / 300.0  # the true risk is a share of 150 futures
KEY = f"{HORIZON:g}"


@dataclass(frozen=True)
class Prepared:
    """Features, targets and fit plan of one scale."""

    cohort: Cohort
    spec: FeatureSpec
    limits: dict[str, dict[str, float]]
    plan: FitPlan
    matrix: FeatureMatrix
    targets: Targets


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("step", choices=("fit", "learn", "gate", "report"))
    parser.add_argument("--patients", type=int, default=150)
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument(
        "--config", type=Path, nargs="*", default=[], help="YAML files that override settings"
    )
    options = parser.parse_args()
    config = load_config([CONFIG, *options.config])
    if options.step == "report":
        print(report(options.work))
        return
    if options.step == "fit":
        for seed in options.seed:
            fit(options.patients, seed, config, options.work)
        return
    fresh = fresh_patients(config, options.work)
    for seed in options.seed:
        if options.step == "learn":
            learn(options.patients, seed, config, options.work, *fresh)
        else:
            gate(options.patients, seed, config, options.work)


def fit(patients: int, seed: int, config: Config, work: Path) -> None:
    """Fit the models of a small cohort; those fitted before are kept."""
    for name, small in prepare(patients, seed, config).items():
        fitted(small, config, work / f"model_{patients}_{seed}_{name}")


def learn(
    patients: int, seed: int, config: Config, work: Path, fresh: Cohort, truth: pd.DataFrame
) -> None:
    """Fit on a small cohort; compare with the best model and the true risk on new patients."""
    path = work / f"learned_{patients}_{seed}.json"
    if path.exists():
        return
    result: dict[str, Any] = {"patients": patients, "seed": seed}
    shared: dict[str, pd.DataFrame] = {}
    small_ones = prepare(patients, seed, config)
    tests = prepare_fresh(fresh, small_ones, config)
    for name, (_, threshold) in OUTCOMES.items():
        small, test = small_ones[name], tests[name]
        model = fitted(small, config, work / f"model_{patients}_{seed}_{name}")
        rows = rows_at_risk(
            test.matrix, test.targets, np.arange(len(test.matrix.values)), threshold
        )
        part, known = test.matrix.take(rows), test.targets.take(rows)
        rates = base_rate_table(
            small.matrix, small.targets, threshold, model.horizons, ipcw_floor=0.1
        )
        ranked = published_scores(test.cohort, part.landmarks, small.spec)[0]
        scores = score(model, part, known, threshold, rates, inputs=ComparatorInputs(ranked))
        place = scores.horizons.index(HORIZON)
        table = part.landmarks[["patient", "hours"]].assign(
            row=np.arange(len(rows)),
            label=scores.label[:, place],
            ours=scores.risks["model"][:, place],
            bar=scores.risks["grade_and_day"][:, place],
            best=best_of(work, fresh, name, config)[rows],
        )
        mine = truth.loc[truth["outcome"] == name, ["patient", "hours", "true"]]
        table = table.merge(mine, on=["patient", "hours"]).dropna(subset="label")
        chosen = part.take(table["row"].to_numpy())
        low, high = model.interval(chosen, threshold, (HORIZON,), LEVEL)
        table = table.assign(low=low[:, 0], high=high[:, 0])
        result[name] = {
            **compared(table),
            "coverage_refits": refits_alone(model, chosen, threshold, table["best"].to_numpy()),
            "deserved": deserved(scores, config),
        }
        shared[name] = table
    result["contrast"] = contrast(shared)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def fitted(small: Prepared, config: Config, folder: Path) -> RiskModel:
    """Fit the model, or load it where it was fitted before."""
    scale = small.plan.scale
    if not folder.exists():
        model = fit_risk_model(
            small.matrix, small.targets, small.plan, bootstrap=config.model.bootstrap_members
        )
        with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
            save_model(model, Path(fresh), scale)
            shutil.copytree(fresh, folder)
    return load_model({path.name: path.read_bytes() for path in folder.iterdir()}, scale)


def gate(patients: int, seed: int, config: Config, work: Path) -> None:
    """Cross-validate a small cohort and store which gates it passes."""
    path = work / f"gates_{patients}_{seed}.json"
    if path.exists():
        return
    result: dict[str, Any] = {"patients": patients, "seed": seed}
    prepared = prepare(patients, seed, config)
    for name, (_, threshold) in OUTCOMES.items():
        small = prepared[name]
        ranked = published_scores(small.cohort, small.matrix.landmarks, small.spec)[0]
        splits = splits_of(small.targets.patient, shared_folds(small.cohort, config))
        scores = cross_validate(
            small.matrix, small.targets, small.plan, splits, inputs=ComparatorInputs(ranked)
        )
        outcome = gated(scores[threshold], config, config.evaluation.bootstrap)
        evaluation = EvaluationReport(
            canary_auroc=0.5, audit=AuditCodes(), outcomes={name: outcome}
        )
        gates = check_gates(Candidate(evaluation, {}), config.gates, None)
        result[name] = {item.name.rpartition("/")[2]: item.passed for item in gates}
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def prepare(patients: int, seed: int, config: Config) -> dict[str, Prepared]:
    """Prepare the small cohort of a seed for each outcome's scale."""
    cohort = people_of(patients, FIRST_SEED + 37 * seed + patients, config)
    limits = infer_limits(cohort.labs)
    cohort = cohort.with_labs(apply_limits(cohort.labs, limits))
    spec = learn_spec(cohort, config, {})
    matrix = build_features(cohort, landmarks_of(cohort, config), spec)
    result = {}
    for name, (scale, _) in OUTCOMES.items():
        reported = reported_thresholds(config.outcomes, scale)
        plan = FitPlan(scale, reported, spec, config.model, config.seed, 1)
        thresholds = stacked_thresholds(cohort, scale, reported)
        targets = build_targets(cohort, matrix.landmarks, scale, thresholds)
        result[name] = Prepared(cohort, spec, limits, plan, matrix, targets)
    return result


def prepare_fresh(
    cohort: Cohort, small: dict[str, Prepared], config: Config
) -> dict[str, Prepared]:
    """Prepare new patients with the limits and features of a small cohort."""
    first = next(iter(small.values()))
    cohort = cohort.with_labs(apply_limits(cohort.labs, first.limits))
    matrix = build_features(cohort, landmarks_of(cohort, config), first.spec)
    result = {}
    for name, part in small.items():
        targets = build_targets(cohort, matrix.landmarks, part.plan.scale, part.targets.thresholds)
        result[name] = replace(part, cohort=cohort, matrix=matrix, targets=targets)
    return result


def fresh_patients(config: Config, work: Path) -> tuple[Cohort, pd.DataFrame]:
    """Patients that no model was fitted on, and their true risk within the horizon."""
    folder = work / f"sim_{TEST_PATIENTS}_{TEST_SEED}"
    if not folder.exists():
        simulate(TEST_PATIENTS, TEST_SEED, folder)
    cohort = read_cohort(folder, config.cohort, extra_scales=("crs", "icans")).cohort
    truth = pd.read_csv(folder / "true_risk.csv").query("horizon_h == @HORIZON")
    number = pd.Series(np.arange(len(cohort)), index=cohort.patients["patient_id"])
    return cohort, pd.DataFrame(
        {
            "patient": truth["patient_id"].map(number).to_numpy(dtype=np.intp),
            "hours": truth["landmark_hours"].to_numpy(dtype=float),
            "outcome": truth["outcome"].to_numpy(),
            "true": truth["risk"].to_numpy(dtype=float),
        }
    )


def best_of(work: Path, fresh: Cohort, outcome: str, config: Config) -> np.ndarray:
    """Best attainable risk at every landmark of the fresh patients; computed once."""
    path = work / f"best_{outcome}_{TEST_PATIENTS}_{TEST_SEED}.npy"
    if not path.exists():
        np.save(path, Attainable(work).risk(fresh, outcome, config))
    return np.asarray(np.load(path))


def compared(rows: pd.DataFrame) -> dict[str, float]:
    """AUROC of each, calibration of ours, coverage of the best risk by our interval."""
    label, ours, best = (rows[name].to_numpy() for name in ("label", "ours", "best"))
    slope = metrics.calibration_line(label, ours, np.ones((len(label), 1)))[1]
    inside = rows["best"].between(rows["low"], rows["high"])
    riskier = best >= np.quantile(best, 0.8)
    return {
        "auroc": area(label, ours),
        "auroc_grade_and_day": area(label, rows["bar"].to_numpy()),
        "auroc_best": area(label, best),
        "auroc_true": area(label, rows["true"].to_numpy()),
        "cal_slope": float(slope[0]),
        "expected_observed": float(ours.mean() / label.mean()),
        "expected_observed_true": float(rows["true"].mean() / label.mean()),
        "coverage": float(inside.mean()),
        "coverage_riskier": float(inside[riskier].mean()),
        "width": float((rows["high"] - rows["low"]).mean()),
        "n_events": float(label.sum()),
        "n": float(len(label)),
    }


def refits_alone(
    model: RiskModel, matrix: FeatureMatrix, threshold: int, best: np.ndarray
) -> float:
    """Coverage of an interval from bootstrap refits alone, as in earlier versions."""
    inside = np.zeros(len(best), dtype=bool)
    for variant, rows in model.variants(matrix):
        rows_asked = query(len(rows), (HORIZON,), threshold)
        drawn = variant.all_log_odds(matrix.take(rows), rows_asked)
        low, high = np.quantile(drawn[:, 1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
        aim = logit(np.clip(best[rows], 1e-9, 1 - 1e-9))
        inside[rows] = (np.minimum(low, drawn[:, 0]) <= aim) & (
            aim <= np.maximum(high, drawn[:, 0])
        )
    return float(inside.mean())


def contrast(shared: dict[str, pd.DataFrame]) -> dict[str, float]:
    """AUROC of CRS against ICANS at landmarks followed by exactly one of them."""
    both = shared["severe_crs"].merge(
        shared["icans"], on=["patient", "hours"], suffixes=("_crs", "_icans")
    )
    both = both.loc[both["label_crs"] + both["label_icans"] == 1]
    label = both["label_crs"].to_numpy()
    result = {"n": float(len(both)), "n_crs": float(label.sum())}
    for column, name in (("ours", "auroc"), ("best", "auroc_best"), ("true", "auroc_true")):
        crs, icans = (
            logit(np.clip(both[f"{column}_{scale}"].to_numpy(), SMALLEST, 1 - SMALLEST))
            for scale in ("crs", "icans")
        )
        result[name] = area(label, crs - icans)
    return result


def gated(scores: ScoredRows, config: Config, draws: int) -> OutcomeReport:
    """Performance of model and comparators at the gates' horizon."""
    minimum = config.evaluation.min_event_patients
    rows = scores.resampled(draws, config.seed, minimum).at(HORIZON)
    names = [name for name in scores.risks if name not in (*MODELS, "constant")]
    known = [name for name in names if not np.isnan(scores.risks[name]).all()]
    return OutcomeReport(
        model={KEY: performance(rows, "model")},
        comparators={name: {KEY: performance(rows, name, "model")} for name in known},
    )


def deserved(scores: ScoredRows, config: Config) -> dict[str, bool]:
    """Whether the condition of each gate holds on new patients, by point estimates."""
    outcome = gated(scores, config, 20)
    gates, slope = config.gates, outcome.model[KEY].cal_slope
    result = {
        f"not worse than {name}": bool(table[KEY].diff_auroc > -gates.margin_auroc)
        for name, table in outcome.comparators.items()
        if table[KEY].diff_auroc is not None
    }
    return {**result, "calibration slope": bool(gates.slope_low <= slope <= gates.slope_high)}


def area(label: np.ndarray, score: np.ndarray) -> float:
    """AUROC over all rows; one model, so ranks are comparable."""
    zeros = np.zeros(len(label), dtype=np.intp)
    return float(metrics.auroc(label, score, np.ones((len(label), 1)), zeros)[0])


def report(work: Path) -> str:
    """Mean and standard deviation over seeds by size and outcome, then the gates."""
    learned = [json.loads(path.read_text()) for path in sorted(work.glob("learned_*.json"))]
    judged = [json.loads(path.read_text()) for path in sorted(work.glob("gates_*.json"))]
    sizes = sorted({item["patients"] for item in learned})
    areas = ("auroc", "auroc_best", "auroc_true", "auroc_grade_and_day")
    others = (
        *("cal_slope", "expected_observed"),
        *("coverage", "coverage_riskier", "coverage_refits", "width"),
    )
    lines = _header("patients", "seeds", "outcome", "AUROC", "best", "true risk", "grade and day")
    for name in (*OUTCOMES, "contrast"):
        for size in sizes:
            lines.append(_row(learned, size, name, areas))
    lines += ["", *_header("patients", "seeds", "outcome", "slope", "expected / observed")]
    lines[-2] += " coverage of 80 % | in the riskiest fifth | by refits alone | mean width |"
    lines[-1] += "---|---|---|---|"
    for name in OUTCOMES:
        for size in sizes:
            lines.append(_row(learned, size, name, others))
    chance = {
        name: item[name]["expected_observed_true"]
        for item in learned
        for name in OUTCOMES
        if "expected_observed_true" in item[name]
    }
    shown = ", ".join(f"{name} {value:.2f}" for name, value in chance.items())
    lines += ["", f"Expected / observed of the true risk itself on these patients: {shown}."]
    return "\n".join([*lines, "", *_verdicts(learned, judged)])


def _verdicts(learned: list[dict[str, Any]], judged: list[dict[str, Any]]) -> list[str]:
    """Count right and wrong decisions of each gate, judged on new patients."""
    truth = {(item["patients"], item["seed"]): item for item in learned}
    pairs = [(item, truth[key]) for item in judged if (key := _key(item)) in truth]
    lines = _header(
        "patients", "seeds", "outcome", "gate", "passes, and it holds", "passes, wrongly"
    )
    lines[0] += " stops, wrongly | stops, and it does not hold |"
    lines[1] += "---|---|"
    for name in OUTCOMES:
        for size in sorted({item["patients"] for item in judged}):
            mine = [(a[name], b[name]["deserved"]) for a, b in pairs if a["patients"] == size]
            questions = {
                "not worse than grade and day": ("not worse than grade_and_day",),
                "calibration slope": ("calibration slope",),
                "every comparator, slope and enough events": None,
            }
            for question, gates in questions.items():
                outcomes = ((True, True), (True, False), (False, True), (False, False))
                counts = dict.fromkeys(outcomes, 0)
                for passed, holds in mine:
                    passes = all(passed[key] for key in gates or passed if key in passed)
                    real = all(holds[key] for key in gates or holds)
                    counts[passes, real] += 1
                cells_ = " | ".join(str(value) for value in counts.values())
                lines.append(f"| {size} | {len(mine)} | {name} | {question} | {cells_} |")
    return lines


def _key(item: dict[str, Any]) -> tuple[int, int]:
    return item["patients"], item["seed"]


def _header(*titles: str) -> list[str]:
    return [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]


def _row(learned: list[dict[str, Any]], size: int, name: str, keys: tuple[str, ...]) -> str:
    mine = [item[name] for item in learned if item["patients"] == size]
    shown = [
        _spread([item[key] for item in mine]) if all(key in item for item in mine) else "-"
        for key in keys
    ]
    return f"| {size} | {len(mine)} | {name} | {' | '.join(shown)} |"


def _spread(values: list[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


if __name__ == "__main__":
    main()
