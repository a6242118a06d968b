"""Time of the bootstrap intervals of one outcome, on random scores of the size of PrCRS.

    python benchmarks/evaluation.py                  # 983 landmarks, 10 repeats, 1000 draws
    python benchmarks/evaluation.py --bootstrap 300 --profile

983 landmarks of 140 patients in 10 repeats of 5 folds, four horizons, 12 comparators, 12 permuted
analytes and 4 permuted axes. The scores are random numbers, so no model is fitted. Prints seconds
of CPU time, and with ``--profile`` the slowest functions.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from dataclasses import replace

import numpy as np

from pipeline.config_evaluation import EvaluationConfig
from pipeline.evaluate.analyte_use import axis_use
from pipeline.evaluate.comparators import EXPECTED
from pipeline.evaluate.outcome_report import OutcomeContext, evaluate_outcome
from pipeline.evaluate.scored_rows import ScoredRows, concatenate
from pipeline.model.logistic import sigmoid
from pipeline.model.parallel import one_blas_thread

HORIZONS = (24.0, 48.0, 72.0, 168.0)
FOLDS, ANALYTES = 5, 12
AXES = ("axis:endothelium", "axis:il6", "axis:macrophage", "axis:neuro")


def random_scores(patients: int, landmarks: int, repeats: int, seed: int = 0) -> ScoredRows:
    """Scores of every repeat; risks of all predictors are noisy copies of one true log-odds."""
    random = np.random.default_rng(seed)
    patient = np.sort(random.integers(0, patients, landmarks))
    _, first = np.unique(patient, return_index=True)
    day = np.arange(landmarks) - first[np.searchsorted(patient[first], patient)]
    truth = random.normal(-1.6, 1.0, patients)[patient]
    time_to = random.exponential(60.0 / sigmoid(truth))
    followed = random.exponential(400.0, landmarks)
    status = np.where(time_to <= followed, 1, random.integers(0, 2, landmarks) * 2)
    hours = np.minimum(time_to, followed)
    label = np.stack([_label(hours, status, horizon) for horizon in HORIZONS], axis=1)
    parts = []
    for repeat in range(repeats):
        fold = random.permutation(patients)[patient] % FOLDS

        def risk(truth: np.ndarray = truth) -> np.ndarray:
            noise = random.normal(0.0, 0.7, (landmarks, len(HORIZONS)))
            return np.asarray(sigmoid(truth[:, None] + noise))

        names = ("model", "model_no_state", *EXPECTED)
        permuted = (*(f"analyte{number}" for number in range(ANALYTES)), *AXES)
        part = ScoredRows(
            horizons=HORIZONS,
            risks={name: risk() for name in names} | {"constant": np.full(label.shape, 0.5)},
            label=label,
            patient=patient,
            episode=patient,
            day=day,
            group=fold,
            repeat=np.full(landmarks, repeat),
            hours=12.0 + 24.0 * day,
            time=hours,
            status=status.astype(np.int8),
            grade=np.minimum(day, 3).astype(float),
            n_repeats=1,
            permuted={name: risk() for name in permuted},
        )
        parts += [part.take(np.flatnonzero(fold == number)) for number in range(FOLDS)]
    return concatenate(parts, repeats)


def _label(hours: np.ndarray, status: np.ndarray, horizon: float) -> np.ndarray:
    unknown = (status == 0) & (hours < horizon)
    return np.where(unknown, np.nan, (status == 1) & (hours <= horizon))


@one_blas_thread()
def evaluate(scores: ScoredRows, config: EvaluationConfig) -> None:
    """Everything that the evaluation computes for one outcome with intervals."""
    half = scores.patient % 2 == 0
    masks = {"sex": {"female": half, "male": ~half}}
    control = scores.take(np.flatnonzero(scores.repeat < 3))
    context = OutcomeContext(control=replace(control, n_repeats=3), masks=masks)
    evaluate_outcome(scores, config, seed=0, context=context)
    resampled = scores.resampled(config.bootstrap, 0, config.min_event_patients)
    for _, view in resampled.by_horizon():
        for number in range(ANALYTES):
            view.fall(f"analyte{number}")
    axis_use(resampled)


def main() -> None:
    """Print the time, and the profile on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=140)
    parser.add_argument("--landmarks", type=int, default=983)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--bootstrap", type=int, default=1000)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    scores = random_scores(options.patients, options.landmarks, options.repeats)
    config = EvaluationConfig(bootstrap=options.bootstrap)
    profile = cProfile.Profile()
    start, wall = time.process_time(), time.perf_counter()
    if options.profile:
        profile.runcall(evaluate, scores, config)
    else:
        evaluate(scores, config)
    spent, passed = time.process_time() - start, time.perf_counter() - wall
    print(f"{len(scores.label)} rows, {options.bootstrap} draws: {spent:.1f} s CPU, {passed:.1f} s")
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(22)


if __name__ == "__main__":
    main()
