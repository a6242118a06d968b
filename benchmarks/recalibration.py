"""Calibration of a model on another site's patients before and after recalibration.

    python benchmarks/recalibration.py --wuhan FOLDER            # a planted shift of the death rate
    python benchmarks/recalibration.py --simulated /tmp/sites    # two simulated sites

Wuhan: parents are trained on random halves, in which 46 % die. In the other half deaths are
removed until 12 % (then 30 %) die. Its patients are split in two: the update is fitted on one part,
and the figures are of the other, unseen part. Simulated: parents are trained on the sites ``north``
and ``coast``, and the local patients are of ``south``, whose products and event rates differ.
Prints mean and standard deviation over the splits of slope, intercept, observed/expected and Brier
score per horizon, slope and intercept of all unseen patients together, and how often each form of
update was chosen. With few event patients the slope of one split is too high on average, so the
pooled one is also shown.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.arrays import Bools, Floats, Ints
from pipeline.cohort.detection_limits import apply_limits, learn_limits
from pipeline.commands.simulate import simulate
from pipeline.config import Config, load_config
from pipeline.evaluate import metrics
from pipeline.evaluate.cross_validation import rows_at_risk
from pipeline.evaluate.local_updates import LocalScale, fit_updates, local_log_odds, with_updates
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import FeatureSpec, learn_spec
from pipeline.model.fit_plan import FitPlan
from pipeline.model.fitting import fit_risk_model
from pipeline.model.outcomes import build_targets, reported_thresholds, stacked_thresholds
from pipeline.model.risk_model import RiskModel
from pipeline.model.stacked_rows import EVENT, Targets
from pipeline.reading.reader import read_cohort

CONFIGS = Path(__file__).parent.parent / "configs" / "cohorts"
PARENTS, SPLITS, RATES = 4, 5, (0.12, 0.3)
PATIENTS, SEED, LOCAL = 600, 60_602, 160
HEAD = """\
| outcome | within | event patients | | slope | intercept | O/E | Brier | pooled slope, intercept |
|---|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True)
class Prepared:
    """Features and outcomes of every patient of a cohort, on one scale."""

    config: Config
    spec: FeatureSpec
    name: str
    matrix: FeatureMatrix
    targets: Targets
    site: Ints

    @property
    def scale(self) -> str:
        """Scale of the outcome."""
        return self.config.outcomes[self.name].scale

    @property
    def threshold(self) -> int:
        """Grade of the outcome."""
        return self.config.outcomes[self.name].threshold

    def rows(self, patients: Ints) -> Ints:
        """Landmarks of the given patients."""
        return np.flatnonzero(np.isin(self.targets.patient, patients))

    def has_event(self, patients: Ints) -> Bools:
        """Whether each patient has the event after a landmark."""
        column = self.targets.thresholds.index(self.threshold)
        hit = (self.targets.status[:, column] == EVENT) & self.targets.at_risk[:, column]
        return np.isin(patients, self.targets.patient[hit])


def main() -> None:
    """Run the parts whose folder is given."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--wuhan", type=Path, help="folder of the cohort")
    parser.add_argument("--simulated", type=Path, help="work folder")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    if options.wuhan:
        config = load_config([CONFIGS / "wuhan.yaml"])
        for rate in RATES:
            report(options.wuhan, config, "death", partial(planted_shift, rate=rate), options.jobs)
    if options.simulated:
        config = load_config([CONFIGS / "synthetic.yaml"])
        folder = options.simulated / f"sim_{PATIENTS}"
        if not folder.exists():
            options.simulated.mkdir(parents=True, exist_ok=True)
            simulate(PATIENTS, SEED, folder)
        for name in ("severe_crs", "icans"):
            report(folder, config, name, second_site, options.jobs)


def prepared(folder: Path, config: Config, name: str, jobs: int) -> Prepared:
    """Read a cohort; detection limits and columns are those of all patients."""
    config = config.select_outcomes([name])
    read = read_cohort(folder, config.cohort, extra_scales=config.scales)
    limits = learn_limits(read.cohort.labs, read.limits)
    cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, limits))
    spec, scale = learn_spec(cohort, config, read.local), config.outcomes[name].scale
    landmarks = training_landmarks(cohort, config.landmarks, scale)
    thresholds = stacked_thresholds(cohort, scale, reported_thresholds(config.outcomes, scale))
    targets = build_targets(cohort, landmarks, scale, thresholds, config.cohort.ungraded)
    site = np.zeros(len(cohort), dtype=np.intp)
    if "site" in cohort.patients:
        site = (cohort.patients["site"] == "south").to_numpy(dtype=np.intp)
    matrix = build_features(cohort, landmarks, spec, jobs)
    return Prepared(config, spec, name, matrix, targets, site)


def planted_shift(data: Prepared, seed: int, rate: float = RATES[0]) -> tuple[Ints, Iterator[Ints]]:
    """Patients of the parent, and for each split those of the hospital where fewer die."""
    random = np.random.default_rng(seed)
    everyone = random.permutation(np.unique(data.targets.patient))
    parent, other = np.array_split(everyone, 2)
    event = data.has_event(other)
    deaths = round(rate / (1.0 - rate) * int((~event).sum()))
    return parent, (
        np.concatenate([other[~event], random.choice(other[event], deaths, replace=False)])
        for _ in range(SPLITS)
    )


def second_site(data: Prepared, seed: int) -> tuple[Ints, Iterator[Ints]]:
    """Patients of the other sites, and for each split some of the local site."""
    random = np.random.default_rng(seed)
    everyone = np.unique(data.targets.patient)
    local = everyone[data.site[everyone] == 1]
    rest = everyone[data.site[everyone] == 0]
    parent = random.choice(rest, len(rest) // 2, replace=False)
    size = min(LOCAL, len(local))
    return parent, (random.choice(local, size, replace=False) for _ in range(SPLITS))


def report(folder: Path, config: Config, name: str, split: object, jobs: int) -> None:
    """Print the table of one outcome."""
    data = prepared(folder, config, name, jobs)
    scores: dict[tuple[float, str], list[tuple[Floats, Floats]]] = {}
    forms: Counter[str] = Counter()
    counts = []
    for seed in range(PARENTS):
        parent, locals_of = split(data, seed)  # type: ignore[operator]
        model = fitted(data, parent, seed, jobs)
        random = np.random.default_rng(seed + 1000)
        for local in locals_of:
            fit, unseen = halves(data, local, random)
            counts.append([int(data.has_event(part).sum()) for part in (fit, unseen)])
            updated, form = recalibrated(data, model, fit)
            forms[form] += 1
            for when, each in (("parent", model), ("updated", updated)):
                for horizon, pair in scored(data, each, unseen).items():
                    scores.setdefault((horizon, when), []).append(pair)
    print(HEAD)
    events = " + ".join(f"{value:.0f}" for value in np.mean(counts, axis=0))
    for (horizon, when), pairs in scores.items():
        values = [calibration(*pair) for pair in pairs]
        mean, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0, ddof=1)
        cells = " | ".join(
            f"{middle:.{places}f} ± {width:.{places}f}"
            for middle, width, places in zip(mean, spread, (2, 2, 2, 4), strict=True)
        )
        slope, intercept = calibration(*map(np.concatenate, zip(*pairs, strict=True)))[:2]
        pooled = f"{slope:.2f}, {intercept:.2f}"
        print(f"| {name} | {horizon:g} h | {events} | {when} | {cells} | {pooled} |")
    print(f"Forms: {dict(forms)}; {PARENTS * SPLITS} splits", flush=True)


def fitted(data: Prepared, patients: Ints, seed: int, jobs: int) -> RiskModel:
    """The parent."""
    rows = data.rows(patients)
    reported = reported_thresholds(data.config.outcomes, data.scale)
    plan = FitPlan(data.scale, reported, data.spec, data.config.model, seed, jobs)
    return fit_risk_model(data.matrix.take(rows), data.targets.take(rows), plan)


def halves(data: Prepared, patients: Ints, random: np.random.Generator) -> tuple[Ints, Ints]:
    """Random halves with equally many event patients."""
    shuffled = random.permutation(patients)
    ordered = shuffled[np.argsort(data.has_event(shuffled), kind="stable")]
    return ordered[::2], ordered[1::2]


def recalibrated(data: Prepared, model: RiskModel, patients: Ints) -> tuple[RiskModel, str]:
    """The model updated on the given patients, and the form of the shown variant."""
    rows = data.rows(patients)
    matrix, targets = data.matrix.take(rows), data.targets.take(rows)
    known = local_log_odds(LocalScale(model, matrix, matrix, targets), data.config)
    updates = fit_updates(known, targets, data.config)
    shown = "state" if model.shown is model.state else "no_state"
    return with_updates(model, updates), updates[shown].choice.form


def scored(data: Prepared, model: RiskModel, patients: Ints) -> dict[float, tuple[Floats, Floats]]:
    """Known labels and risks at the landmarks of the given patients, by horizon."""
    rows = rows_at_risk(data.matrix, data.targets, data.rows(patients), data.threshold)
    risk = model.risk(data.matrix.take(rows), data.threshold, model.horizons)
    targets, result = data.targets.take(rows), {}
    for column, horizon in enumerate(model.horizons):
        label = targets.label(data.threshold, horizon)
        kept = ~np.isnan(label)
        result[horizon] = label[kept], risk[kept, column]
    return result


def calibration(label: Floats, risk: Floats) -> list[float]:
    """Slope, intercept, observed/expected and Brier score."""
    one = np.ones((len(label), 1))
    intercept, slope = metrics.calibration_line(label, risk, one)
    brier = float(metrics.brier(label, risk, one)[0])
    return [float(slope[0]), float(intercept[0]), float(label.sum() / risk.sum()), brier]


if __name__ == "__main__":
    main()
