"""Training: second infusions, bare "not detected" and a custom member, up to a prediction."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import numpy as np
import pandas as pd
import pytest

from pipeline.audit.runner import AuditReport
from pipeline.cli import main
from pipeline.config import load_config
from pipeline.evaluate import added_value
from pipeline.evaluate.added_value import same_day_donors
from pipeline.features.landmarks import training_landmarks
from pipeline.model.bundle import load_bundle
from pipeline.model.evaluation_report import EvaluatedCohort
from pipeline.reading.reader import read_cohort
from pipeline.train.fit import provenance_of, versions
from tests.builders import make_config
from tests.conftest import edit, points_add_up, read_predictions
from tests.minicohort import CONFIG, cut, write_cohort

AGAIN = pd.Timedelta(days=40)


PATIENTS, TWICE = 40, 16


SETTINGS = CONFIG.replace("control_permutations: 0", "control_permutations: 1").replace(
    "further_splits: []", "further_splits: [temporal]"
)


def infused_twice(root: Path) -> Path:
    """Patients of whom some get another course; ``later`` holds those courses alone."""
    folder = write_cohort(root / "cohort", patients=PATIENTS, seed=3)
    later = write_cohort(root / "later", patients=TWICE, seed=4)
    for path in sorted(later.glob("*.csv")):
        table = pd.read_csv(path, dtype=str)
        for name in (name for name in table if name.endswith(("_at", "_time"))):
            moved = pd.to_datetime(table[name]) + AGAIN
            table[name] = moved.map(lambda moment: moment.isoformat())
        table.to_csv(path, index=False)
    join(folder, later, folder)
    edit(folder / "labs.csv", with_a_limit)
    return folder


def with_a_limit(labs: pd.DataFrame) -> pd.DataFrame:
    """Interleukin 6 under 8 pg/mL is not detected, and one in five does not say the limit."""
    low = labs.index[(labs["analyte"] == "il6") & (pd.to_numeric(labs["value"], "coerce") < 8)]
    labs.loc[low, "value"] = "<8"
    labs.loc[low[::5], "value"] = "NEG"
    return labs


def join(first: Path, second: Path, target: Path) -> None:
    """Both courses in one export, numbered in ``patients``."""
    target.mkdir(exist_ok=True)
    for path in sorted(first.glob("*.csv")):
        tables = [pd.read_csv(folder / path.name, dtype=str) for folder in (first, second)]
        if path.stem == "patients":
            tables = [table.assign(episode=number) for number, table in enumerate(tables, 1)]
        pd.concat(tables).to_csv(target / path.name, index=False)


@dataclass
class Trained:
    """Where everything lies, and of which patient each landmark was when labs were swapped."""

    root: Path
    swapped: list[np.ndarray] = field(default_factory=list)

    def __truediv__(self, name: str) -> Path:
        return self.root / name


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Trained:
    root = tmp_path_factory.mktemp("episodes")
    infused_twice(root)
    (root / "config.yaml").write_text(SETTINGS, encoding="utf-8")
    config = ["--config", str(root / "config.yaml"), "--out", str(root / "bundle")]
    source = ["--cohort", str(root / "cohort"), *config]
    result = Trained(root)

    def recorded(patient, day, seed):
        result.swapped.append(patient)
        return same_day_donors(patient, day, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(added_value, "same_day_donors", recorded)
        assert main(["train", *source, "--no-track", "--quiet", "--jobs", "2"]) == 0
    return result


def test_patients_count_once_and_both_courses_are_learned_from(trained):
    content = json.loads((trained / "bundle" / "evaluation.json").read_text())
    assert content["cohort"]["n_patients"] == PATIENTS
    for outcome in content["outcomes"].values():
        for cell in outcome["model"].values():
            assert cell["n_event_patients"] <= cell["n_patients"] <= PATIENTS
        assert outcome["negative_control"]
    later = {
        name: outcome["further_splits"]["temporal"] for name, outcome in content["outcomes"].items()
    }
    scored = {name for name, output in later.items() if not isinstance(output, str)}
    assert scored == {"severe_crs", "icans"}
    config = load_config([trained / "config.yaml"])
    cohort = read_cohort(trained / "cohort", config.cohort).cohort
    assert len(cohort) == PATIENTS + TWICE
    landmarks = training_landmarks(cohort, config.landmarks, "icans")
    first = cohort.persons()[landmarks["patient"]] == landmarks["patient"]
    of_first = int((first & (landmarks["source"] == "grid")).sum())
    assert content["cohort"]["n_landmarks"] > of_first
    assert f"{PATIENTS} patients" in (trained / "bundle" / "model_card.md").read_text()
    rows = json.loads((trained / "bundle" / "audit.json").read_text())
    assert not {item["code"] for item in rows} & {"CHK001", "CHK104"}


def test_labs_are_swapped_between_patients_not_between_infusions(trained):
    persons = read_cohort(trained / "cohort", load_config().cohort).cohort.persons()
    assert len(trained.swapped) >= 2
    for patient in trained.swapped:
        assert set(patient) <= set(persons)


@pytest.mark.slow
def test_the_bundle_comes_out_the_same_again_and_can_be_evaluated(trained, tmp_path):
    bundle, cohort = str(trained / "bundle"), ["--cohort", str(trained / "cohort")]
    assert main(["reproduce", bundle, *cohort, "--quiet", "--jobs", "2"]) == 0
    out = ["--out", str(tmp_path / "evaluation")]
    assert main(["evaluate", "--model", bundle, *cohort, *out, "--quiet"]) == 0
    content = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())
    assert (content["kind"], content["cohort"]["n_patients"]) == ("apparent", PATIENTS)


def test_in_the_second_course_a_patient_is_scored_as_in_that_course_alone(trained, tmp_path):
    ids = [f"M{number:04d}" for number in range(TWICE)]
    first = write_cohort(tmp_path / "first", patients=TWICE, seed=3)
    first = cut(first, tmp_path / "whole_first", hours=9 * 24, patients=ids)
    alone = cut(trained / "later", tmp_path / "alone", hours=84, patients=ids)
    join(first, alone, tmp_path / "both")
    folders = {name: tmp_path / f"out_{name}" for name in ("both", "alone")}
    for name, folder in folders.items():
        asked = ["--input", str(tmp_path / name), "--out", str(folder)]
        main(["predict", *asked, "--model", str(trained / "bundle"), "--quiet"])
    both, only = (read_predictions(folder) for folder in folders.values())
    assert set(both["patient_id"]) == set(ids)
    assert (both["status"] == "ok").any()
    pd.testing.assert_frame_equal(both, only, check_exact=True)
    summary = json.loads((folders["both"] / "run_summary.json").read_text())
    assert f"{TWICE} patients have a later infusion" in json.dumps(summary["remarks"])


def test_not_detected_is_read_at_the_limit_of_the_training_cohort(trained, tmp_path):
    bundle = trained / "bundle"
    assert load_bundle(bundle).reference.limits["il6"]["below"] == 8.0
    ids = [f"M{number:04d}" for number in range(TWICE)]

    def scored(text: str, patients: list[str]) -> pd.DataFrame:
        name = f"{text.strip('<')}_{len(patients)}"
        folder = cut(trained / "later", tmp_path / name, hours=84, patients=ids)

        def change(labs: pd.DataFrame) -> pd.DataFrame:
            newest = labs[labs["analyte"] == "il6"].groupby("patient_id").tail(1).index
            return labs.assign(value=labs["value"].mask(labs.index.isin(newest), text))

        edit(folder / "labs.csv", change)
        for path in folder.glob("*.csv"):
            edit(path, lambda table: table[table["patient_id"].isin(patients)])
        out = tmp_path / f"out_{name}"
        main(["predict", "--input", str(folder), "--out", str(out), "--model", str(bundle)])
        return read_predictions(out)

    stated, bare, one = scored("<8", ids), scored("NEG", ids), scored("NEG", ids[:1])
    pd.testing.assert_frame_equal(stated, bare, check_exact=True)
    same = bare[bare["patient_id"] == ids[0]]
    pd.testing.assert_frame_equal(one, same, check_exact=True, check_dtype=False)
    flags = pd.read_csv(tmp_path / f"out_NEG_{TWICE}" / "flags.csv")
    assert flags["code"].tolist() == ["limit_inferred"] * TWICE


CUSTOM = """\
model:
  members: [grade_and_day, labs]
  custom:
    boosting:
      estimator: sklearn.ensemble.HistGradientBoostingClassifier
      parameters: {max_iter: 4, max_leaf_nodes: 4}
  weights: {boosting: 2}
"""


@pytest.mark.slow
def test_hist_gradient_boosting_from_configuration_to_explanations(mini, tmp_path):
    config = tmp_path / "custom.yaml"
    config.write_text(CUSTOM)
    sources = ["--cohort", str(mini.cohort), "--outcomes", "severe_crs"]
    sources += ["--config", str(mini.config), "--config", str(config)]
    bundle = tmp_path / "bundle"
    assert main(["train", *sources, "--out", str(bundle), "--no-track", "--quiet"]) == 0
    state = load_bundle(bundle).models["crs"].state
    assert [member.name for member in (*state.linear, *state.custom)] == [
        "grade_and_day",
        "labs",
        "boosting",
    ]
    assert state.shares[-1] == pytest.approx(0.5)
    out = tmp_path / "out"
    arguments = ["--input", str(mini.batch), "--out", str(out), "--model", str(bundle), "--quiet"]
    assert main(["predict", *arguments]) == 0
    points_add_up(out)


SUMMARY = EvaluatedCohort(
    name="mini",
    sha256="a" * 64,
    n_patients=60,
    event_patients={"severe_crs": 12},
    n_landmarks=500,
    n_lab_rows=900,
    synthetic=True,
)


AUDIT = AuditReport((), (), (), {}, pd.DataFrame())


def test_installed_packages_are_named_with_their_version():
    rows = versions()
    assert rows["python"] == python_version()
    assert rows["numpy"] == version("numpy")
    assert {"scipy", "pandas", "scikit-learn"} <= set(rows)
    assert all(rows.values())


@pytest.mark.parametrize("prior", [None, {}, {"bundle_sha256": "b" * 64}])
def test_content_is_plain_and_a_prior_is_named_only_where_there_is_one(prior):
    config = make_config()
    content = provenance_of(config, SUMMARY, AUDIT, prior)
    assert json.loads(json.dumps(content)) == content
    assert ("prior" in content) == bool(prior)
    assert content["cohort_sha256"] == SUMMARY.sha256
    assert content["config_sha256"] == config.sha256()
    assert content["event_patients"] == SUMMARY.event_patients
    assert content["audit"] == AUDIT.summary()


def test_another_setting_changes_the_digest_of_the_configuration():
    one, other = (
        provenance_of(make_config(booster_rounds=rounds), SUMMARY, AUDIT, None)["config_sha256"]
        for rounds in (25, 26)
    )
    assert one != other
