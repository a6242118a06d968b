"""Gain of a centre of 60 patients from a prior trained on 300 patients of other sites.

    python benchmarks/borrowing.py --work /tmp/borrowing            # seeds 0 to 4, then the table
    python benchmarks/borrowing.py --work /tmp/borrowing --seed 3   # one of them

The prior is trained on simulated patients of the sites ``north`` and ``coast``, with research
assays on most days. The small centre and the scored patients are of ``south``, with few research
assays and its own assays and products. Prints the table of ``docs/evidence.md``: performance within
72 h with the prior, without it, and of the prior alone, over seeds of the training patients.
Finished seeds are stored in the work folder and not repeated.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.cohort.detection_limits import apply_limits, infer_limits
from pipeline.cohort.tables import Cohort
from pipeline.commands.simulate import simulate
from pipeline.config import Config, load_config
from pipeline.evaluate import metrics
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.spec import learn_spec
from pipeline.model.borrowed_prior import reading_prior_columns, with_prior
from pipeline.model.bundle import Bundle, as_prior, read_features
from pipeline.model.fit_plan import FitPlan
from pipeline.model.fitting import fit_risk_model
from pipeline.model.outcomes import build_targets, reported_thresholds, stacked_thresholds
from pipeline.model.risk_model import RiskModel
from pipeline.model.training_reference import TrainingReference, base_rate_table, feature_ranges
from pipeline.reading.reader import read_cohort

CONFIG = Path(__file__).parent.parent / "configs" / "cohorts" / "synthetic.yaml"
OUTCOMES = {"severe_crs": ("crs", 3), "icans": ("icans", 1)}
HORIZON = 72.0
LARGE, SMALL = 300, 60
PATIENTS, SIMULATED, SEEDS = 1200, 60_601, range(5)
NAMES = ("with prior", "without", "prior alone")
HEAD = """\
| outcome | model | AUROC | gain over without | Brier | slope |
|---|---|---|---|---|---|"""


def main() -> None:
    """Simulate, fit over seeds, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, help="run only this seed; default: seeds 0 to 4")
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    config = load_config([CONFIG])
    folder = options.work / f"sim_{PATIENTS}"
    if not folder.exists():
        options.work.mkdir(parents=True, exist_ok=True)
        simulate(PATIENTS, SIMULATED, folder)
    for seed in SEEDS if options.seed is None else (options.seed,):
        path = options.work / f"seed_{seed}.json"
        if not path.exists():
            cohort = read_cohort(folder, config.cohort, extra_scales=("crs", "icans")).cohort
            path.write_text(
                json.dumps(one(cohort, config, seed), indent=1) + "\n", encoding="utf-8"
            )
    done = [options.work / f"seed_{seed}.json" for seed in SEEDS]
    results = [json.loads(path.read_text()) for path in done if path.exists()]
    if len(results) > 1:
        print(
            f"{len(results)} seeds, {results[0]['n']} scored patients of the small centre's site."
        )
        print(report(results))


def one(cohort: Cohort, config: Config, seed: int) -> dict:
    """Performance for one draw of both centres; scored patients are in neither."""
    south = (cohort.patients["site"] == "south").to_numpy()
    random = np.random.default_rng(seed)
    large = random.choice(np.flatnonzero(~south), LARGE, replace=False)
    shuffled = random.permutation(np.flatnonzero(south))
    small, fresh = (cohort.take(part) for part in (shuffled[:SMALL], shuffled[SMALL:]))
    prior = as_prior(bundle_of(cohort.take(large), config, None))
    bundle = bundle_of(small, config, prior)
    result: dict = {"n": len(fresh)}
    for name, (scale, threshold) in OUTCOMES.items():
        landmarks = training_landmarks(fresh, config.landmarks, scale)
        targets = build_targets(fresh, landmarks, scale, (threshold,))
        matrix = read_features(fresh, landmarks, bundle)[1]
        label = targets.label(threshold, HORIZON)
        rows = np.flatnonzero(~np.isnan(label))
        part, model = matrix.take(rows), bundle.models[scale]
        risks = [item.risk(part, threshold, (HORIZON,))[:, 0] for item in models_of(model)]
        result[name] = [scored(label[rows], risk) for risk in risks]
    return result


def models_of(model: RiskModel) -> tuple[RiskModel, RiskModel, RiskModel]:
    """The model, the model without its prior, and the prior alone."""
    assert model.alone is not None
    assert model.prior is not None
    return model, model.alone, model.prior


def bundle_of(cohort: Cohort, config: Config, prior: Bundle | None) -> Bundle:
    """Fit both scales on all patients, without cross-validation or intervals."""
    limits = infer_limits(cohort.labs)
    seen = cohort.with_labs(apply_limits(cohort.labs, limits))
    spec = learn_spec(seen, config, {})
    reference = TrainingReference(spec, {}, limits, {}, {}, False, {}, len(cohort))
    models, ranges, rates = {}, {}, {}
    for name, (scale, threshold) in OUTCOMES.items():
        reported = reported_thresholds(config.outcomes, scale)
        landmarks = training_landmarks(seen, config.landmarks, scale)
        thresholds = stacked_thresholds(seen, scale, reported)
        targets = build_targets(seen, landmarks, scale, thresholds)
        matrix = build_features(seen, landmarks, spec)
        prior_columns = None
        if prior is not None:
            columns = {item for model in prior.models.values() for item in model.columns}
            rule = prior.config.predict
            matrix = with_prior(matrix, cohort, spec, prior.reference, rule, columns)
            prior_columns = reading_prior_columns(prior.models[scale])
        plan = FitPlan(scale, reported, spec, config.model, config.seed, 2, prior_columns)
        models[scale] = fit_risk_model(matrix, targets, plan)
        ranges.update(feature_ranges(matrix))
        rates[name] = base_rate_table(
            matrix, targets, threshold, models[scale].horizons, ipcw_floor=0.1
        )
    reference = replace(reference, ranges=ranges, base_rates=rates)
    return Bundle(config, reference, models, {}, prior=prior)


def scored(label: np.ndarray, risk: np.ndarray) -> dict[str, float]:
    """AUROC, Brier score and calibration slope."""
    ones = np.ones((len(label), 1))
    area = metrics.auroc(label, risk, ones, np.zeros(len(label), dtype=np.intp))[0]
    slope = metrics.calibration_line(label, risk, ones)[1][0]
    brier = float(np.mean((label - risk) ** 2))
    return {"auroc": float(area), "brier": brier, "slope": float(slope)}


def report(results: list[dict]) -> str:
    """Mean and standard deviation over seeds, as a Markdown table."""
    lines = [HEAD]
    for name in OUTCOMES:
        for number, title in enumerate(NAMES):
            cells = {key: np.array([item[name][number][key] for item in results]) for key in _KEYS}
            without = np.array([item[name][1]["auroc"] for item in results])
            gain = "" if number == 1 else spread(cells["auroc"] - without, "+.3f")
            shown = [spread(cells[key], f) for key, f in _KEYS.items()]
            lines.append(f"| {name} | {title} | {shown[0]} | {gain} | {shown[1]} | {shown[2]} |")
    return "\n".join(lines)


_KEYS = {"auroc": ".3f", "brier": ".4f", "slope": ".2f"}


def spread(values: np.ndarray, form: str) -> str:
    """Mean ± standard deviation, and the range."""
    low, high = values.min(), values.max()
    return f"{values.mean():{form}} ± {values.std(ddof=1):.3f} ({low:{form}} to {high:{form}})"


if __name__ == "__main__":
    main()
