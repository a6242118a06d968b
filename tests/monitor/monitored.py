"""A profile of simulated patients, and batches of other patients to compare."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.cohort.detection_limits import apply_limits, infer_limits
from pipeline.commands.simulate import simulate
from pipeline.config import Config, load_config
from pipeline.explain.patient_record import newest_results
from pipeline.features.spec import learn_spec
from pipeline.model.bundle import Bundle
from pipeline.model.cohort_profile import Profile, profile_risks, recent_results
from pipeline.model.training_reference import TrainingReference
from pipeline.monitor.alarm_rule import Comparison
from pipeline.monitor.comparison import compare
from pipeline.monitor.observed_batch import ObservedBatch
from pipeline.predict.prepare import batch_landmarks
from pipeline.reading.reader import read_batch, read_cohort
from pipeline.train.learned_reference import lab_profile

STALE = 48.0


@dataclass(frozen=True)
class World:
    """A bundle without models, its profile, and a pool of patients without differences."""

    bundle: Bundle
    profile: Profile
    pool: ObservedBatch
    folder: Path
    limits: dict[str, dict[str, float]]

    def watch(self, folder: Path) -> ObservedBatch:
        """Batch in a folder, without risks."""
        read = read_batch(folder, self.bundle.config.cohort, {}, limits=self.limits)
        cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, self.limits))
        landmarks = batch_landmarks(cohort, None).query("hours >= 0").reset_index(drop=True)
        ids = cohort.patients["patient_id"].to_numpy(dtype=object)[landmarks["patient"]]
        keys = [item.key for item in self.bundle.reference.spec.analytes]
        newest = newest_results(cohort.labs, landmarks)
        recent = recent_results(newest, landmarks, keys, STALE)
        recent.insert(0, "patient_id", ids[recent.pop("landmark").to_numpy()])
        day = np.floor(landmarks["hours"] / 24).astype(int)
        random = np.random.default_rng(3)
        patients = pd.DataFrame({"patient_id": ids, "hours": landmarks["hours"], "day": day})
        patients["abstained"] = random.random(len(ids)) < 0.05
        for name in self.bundle.config.outcomes:
            patients[f"risk:{name}"] = risks(len(ids), random)
            patients[f"base:{name}"] = 0.1
        rejected = {
            (name, code): number
            for name, codes in read.analytes_rejected.items()
            for code, number in codes.items()
        }
        return ObservedBatch(
            patients,
            recent,
            read.sources,
            frozenset(read.seen_ids),
            frozenset(read.refused_ids()),
            Counter(rejected),
            sum(read.analytes_read.values()),
        )

    def alarms(self, seen: ObservedBatch, **settings: object) -> list[Comparison]:
        config = self.bundle.config.monitor.model_copy(update=settings)
        figures = compare(seen, self.bundle, self.profile, config)
        return [figure for figure in figures if figure.alarm]


def risks(count: int, random: np.random.Generator, *, odds: float = 1.0) -> np.ndarray:
    """Skewed risks with a mean of about .1."""
    logit = -2.8 + 1.2 * random.normal(size=count) + np.log(odds)
    return 1.0 / (1.0 + np.exp(-logit))


def of_patients(seen: ObservedBatch, ids: list[str]) -> ObservedBatch:
    """The part of a batch with the given patients."""
    chosen = set(ids)

    def rows(table: pd.DataFrame) -> pd.DataFrame:
        return table.loc[table["patient_id"].isin(chosen)].reset_index(drop=True)

    return replace(
        seen,
        patients=rows(seen.patients),
        recent=rows(seen.recent),
        sources=rows(seen.sources),
        seen_ids=seen.seen_ids & chosen,
        refused_ids=seen.refused_ids & chosen,
    )


def make_world(root: Path, *, patients: int = 240, pool: int = 300) -> World:
    """Simulate a training cohort and a pool of other patients in mid-course."""
    config: Config = load_config()
    simulate(patients, 11, root / "cohort")
    simulate(pool, 12, root / "pool", batch=True)
    read = read_cohort(root / "cohort", config.cohort)
    limits = {**infer_limits(read.cohort.labs)}
    limits = {key: {**limits.get(key, {}), **read.limits.get(key, {})} for key in limits}
    cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, limits))
    spec = learn_spec(cohort, config, {})
    keys = [item.key for item in spec.analytes]
    random = np.random.default_rng(5)
    day = np.repeat(np.arange(28.0), patients)
    person = np.tile(np.arange(patients), 28)
    trained = profile_risks(risks(len(day), random), day, person)
    profile = Profile(
        **lab_profile(read, cohort, keys, config),
        abstained={d: {"n": patients, "patients": patients, "abstained": 15} for d in range(28)},
        risks={name: {"horizon": 72.0, "days": trained} for name in config.outcomes},
    )
    reference = TrainingReference(spec, {}, limits, {}, {}, False, {}, len(cohort), profile=profile)
    bundle = Bundle(config, reference, {}, {"cohort_name": "simulated"}, "0" * 64)
    empty = ObservedBatch(
        *(pd.DataFrame() for _ in range(3)), frozenset(), frozenset(), Counter(), 0
    )
    world = World(bundle, profile, empty, root / "pool", limits)
    return replace(world, pool=world.watch(root / "pool"))
