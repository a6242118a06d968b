"""Every statistic, score and drug rule at once: what is known from L on changes no bit of row L."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.commands.simulate import simulate
from pipeline.config import FeatureConfig, load_config
from pipeline.features.build import build_features
from pipeline.features.spec import learn_spec
from pipeline.features.statistics import BY_NAME
from pipeline.reading.reader import read_cohort
from pipeline.resources import config_path

LANDMARK = 72.0


def test_the_future_changes_no_bit_of_any_feature(tmp_path: Path) -> None:
    simulate(25, 4, tmp_path / "cohort", batch=False, force=False)
    config = load_config([config_path("cohorts/synthetic.yaml")])
    everything = FeatureConfig(
        statistics=tuple(BY_NAME),
        scores="all",
        treatment_statistics=("given", "n_doses", "dex_mg", "prophylaxis", "therapy"),
    )
    config = config.model_copy(update={"features": everything})
    cohort = read_cohort(tmp_path / "cohort", config.cohort).cohort
    spec = learn_spec(cohort, config, {})
    landmarks = pd.DataFrame({"patient": np.arange(len(cohort)), "hours": LANDMARK})
    before = build_features(cohort, landmarks, spec)
    random = np.random.default_rng(0)

    labs = cohort.labs.copy()
    later = (labs["resulted_hours"] >= LANDMARK).to_numpy()
    labs.loc[later, "value"] *= random.uniform(0.01, 100, later.sum())
    kept = labs[~later | (random.uniform(size=len(labs)) < 0.7)]
    corrected = labs[~later].assign(resulted_hours=LANDMARK, value=labs["value"] * 50)
    clocks = ["patient", "analyte", "collected_hours", "resulted_hours"]
    labs = pd.concat([kept, corrected], ignore_index=True)
    labs = labs.sort_values(clocks, kind="stable", ignore_index=True)
    doses = cohort.treatments[cohort.treatments["given_hours"] < LANDMARK]
    doses = pd.concat([doses, doses.assign(given_hours=LANDMARK)], ignore_index=True)
    doses = doses.sort_values(["patient", "given_hours"], kind="stable", ignore_index=True)
    grades = cohort.assessments.copy()
    grades.loc[grades["assessed_hours"] >= LANDMARK, "grade"] = 4
    changed = dataclasses.replace(cohort, labs=labs, treatments=doses, assessments=grades)

    assert later.any()
    assert len(corrected)
    assert len(doses)
    after = build_features(changed, landmarks, spec)
    assert before.values.tobytes() == after.values.tobytes()
    later_row = build_features(changed, landmarks.assign(hours=LANDMARK + 1), spec)
    assert before.values.tobytes() != later_row.values.tobytes()
