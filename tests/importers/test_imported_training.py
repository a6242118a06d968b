"""Training and scoring of an imported export equal those of the original cohort."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.config import load_config
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.spec import learn_spec
from pipeline.reading.reader import read_cohort
from tests.importers.exports import (
    mapping_for,
    plain,
    to_fhir,
    to_omop,
    without_result_times,
)
from tests.minicohort import cut, write_cohort

QUICK = """\
cohort: {host_columns: [age_years, sex]}
model: {members: [grade_and_day, labs], inner_folds: 2, bootstrap_members: 2}
evaluation: {folds: 2, repeats: 1, bootstrap: 20, control_permutations: 0,
  analyte_importance: false, further_splits: []}
"""


def exported(folder, out, shape):
    """The part of a cohort that an export can carry, and the imported folder."""
    origin = plain(folder, out / "plain")
    if shape == "omop":
        origin = without_result_times(origin, out / "reference")
        source = to_omop(origin, out / "export")
    else:
        source = to_fhir(origin, out / "export")
    mapping = mapping_for(origin, out / "mapping.yaml", shape)
    paths = ["--input", str(source), "--mapping", str(mapping), "--out", str(out / "brought")]
    assert main(["import", *paths, "--quiet"]) == 0
    return origin, out / "brought"


@pytest.mark.parametrize("shape", ["omop", "fhir"])
def test_an_import_trains_and_is_scored_as_the_original(tmp_path, shape):
    folder = write_cohort(tmp_path / "mini", patients=30, days=6)
    origin, brought = exported(folder, tmp_path / "cohort", shape)
    place = tmp_path / "quick.yaml"
    place.write_text(QUICK, encoding="utf-8")
    config = load_config([place])
    built = []
    for source in (origin, brought):
        cohort = read_cohort(source, config.cohort).cohort
        landmarks = training_landmarks(cohort, config.landmarks, "crs")
        matrix = build_features(cohort, landmarks, learn_spec(cohort, config, {}))
        built.append((matrix.names, np.asarray(matrix.values)))
    assert built[0][0] == built[1][0]
    assert len(built[0][1]) > 100
    np.testing.assert_array_equal(built[0][1], built[1][1])
    bundle = tmp_path / "bundle"
    paths = ["--cohort", str(brought), "--out", str(bundle), "--config", str(place)]
    options = ["--outcomes", "severe_crs", "--no-track", "--quiet", "--jobs", "2"]
    assert main(["train", *paths, *options]) == 0
    patients = [f"M{number:04d}" for number in range(8)]
    batch = cut(folder, tmp_path / "cut", hours=84, patients=patients)
    shown = []
    for number, source in enumerate(exported(batch, tmp_path / "batch", shape)):
        out = tmp_path / f"scored{number}"
        paths = ["--input", str(source), "--out", str(out), "--model", str(bundle)]
        assert main(["predict", *paths, "--no-pages", "--quiet"]) in (0, 4)
        shown.append(pd.read_csv(out / "predictions.csv"))
    assert (shown[0]["status"] == "ok").any()
    pd.testing.assert_frame_equal(*shown)
