"""A bundle is recalibrated on another hospital: local risks and averages, lineage, refusals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.evaluate.external_validation import evaluate_bundle
from pipeline.model.bundle import Bundle, load_bundle, read_evaluation
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.predict.prepare import read_cohort_for
from pipeline.train.gates import Candidate, check_gates, read_draws
from tests.conftest import edit, read_predictions
from tests.minicohort import write_cohort

SETTINGS = "cohort: {name: ward, synthetic: true}\nevaluation: {bootstrap: 20}\n"


@dataclass(frozen=True)
class Local:
    cohort: Path
    config: Path
    folder: Path
    parent: Bundle
    bundle: Bundle
    report: EvaluationReport


def raised(table: pd.DataFrame) -> pd.DataFrame:
    """One grade more during a syndrome, so that events are more frequent than in training."""
    grade = table["grade"].astype(int)
    return table.assign(grade=(grade + (grade > 0)).clip(upper=4))


def run(model: Path, cohort: Path, out: Path, *extra: str) -> int:
    arguments = ["--model", str(model), "--cohort", str(cohort), "--out", str(out)]
    return main(["recalibrate", *arguments, "--no-track", "--quiet", "--jobs", "1", *extra])


@pytest.fixture(scope="module")
def local(mini, tmp_path_factory) -> Local:
    """Severe CRS and ICANS of the mini bundle on a ward with higher grades."""
    root = tmp_path_factory.mktemp("local")
    cohort = write_cohort(root / "cohort", patients=40, seed=7, prefix="L", days=6)
    edit(cohort / "assessments.csv", raised)
    config = root / "ward.yaml"
    config.write_text(SETTINGS, encoding="utf-8")
    assert run(mini.bundle, cohort, root / "out", "--config", str(config)) == 0
    bundle, report = load_bundle(root / "out"), read_evaluation(root / "out")
    assert report is not None
    return Local(cohort, config, root / "out", load_bundle(mini.bundle), bundle, report)


def variants(bundle: Bundle) -> list:
    return [
        variant
        for model in bundle.models.values()
        for variant in (model.state, model.no_state)
        if variant is not None
    ]


def test_the_update_is_stored_and_draws_have_updates_of_their_own(local):
    changed = [variant for variant in variants(local.bundle) if variant.update is not None]
    assert changed
    assert all(len(variant.update_redrawn) == variant.n_draws for variant in changed)
    assert all(variant.update is None for variant in variants(local.parent))
    forms = local.bundle.provenance["updates"]
    stored = [part.update is None for part in variants(local.bundle)]
    stated = [forms[scale][name] == "none" for scale in forms for name in ("state", "no_state")]
    assert sorted(stored) == sorted(stated)


def test_the_lineage_is_in_provenance_report_and_card(local):
    record = local.bundle.provenance["recalibrated_from"]
    assert record["bundle_sha256"] == local.parent.sha256 != local.bundle.sha256
    assert record["cohort_sha256"] == local.parent.provenance["cohort_sha256"]
    assert local.bundle.provenance["cohort_name"] == "ward"
    assert local.report.recalibration.parent.bundle_sha256 == local.parent.sha256
    card = (local.folder / "model_card.md").read_text(encoding="utf-8")
    assert f"Recalibrated on ward from parent {local.parent.sha256[:12]}" in card


def test_coefficients_units_and_ranges_are_the_parents(local):
    ours, theirs = local.bundle.reference, local.parent.reference
    for part in ("spec", "limits", "ranges", "clip_ages", "products"):
        assert getattr(ours, part) == getattr(theirs, part)
    for mine, other in zip(variants(local.bundle), variants(local.parent), strict=True):
        assert mine.calibration.to_dict() == other.calibration.to_dict()
        assert mine.weights == other.weights


def test_averages_are_local(local):
    read = read_cohort_for(local.bundle, local.cohort)
    ours, theirs = local.bundle.reference, local.parent.reference
    assert ours.n_patients == read.cohort.n_patients
    assert ours.background["severe_crs"].days.keys() != theirs.background["severe_crs"].days.keys()
    for name in ("severe_crs", "icans"):
        tables = [reference.base_rates[name]["72"] for reference in (ours, theirs)]
        rates = [np.mean([day["rate"] for day in table]) for table in tables]
        assert rates[0] > rates[1] + 0.02


def test_predictions_have_local_base_rates_and_exact_contributions(local, mini, predict):
    code, out = predict(mini.batch, "--model", str(local.folder), "--no-pages")
    assert code in (0, 4)
    shown = read_predictions(out).dropna(subset="risk")
    rates = {
        round(day["rate"], 4)
        for table in local.bundle.reference.base_rates.values()
        for days in table.values()
        for day in days
    }
    assert set(shown["base_rate"].round(4)) <= rates
    why = pd.read_parquet(out / "explanations.parquet")
    total = why[why["level"] == "pathway"].groupby(["patient_id", "outcome", "horizon_h"])
    total = total.agg({"points": "sum", "reference_risk": "first", "risk": "first"})
    gap = total["points"] - 100 * (total["risk"] - total["reference_risk"])
    assert gap.abs().max() < 0.01


def test_figures_before_are_those_of_the_unchanged_parent(local):
    read = read_cohort_for(local.parent, local.cohort)
    outside = evaluate_bundle(local.parent, read).report
    inside = local.report.recalibration.performance
    for name in ("severe_crs", "icans"):
        for hours, pair in inside[name].items():
            cell = outside.outcome(name).model[hours]
            assert pair.before.brier == pytest.approx(cell.brier, abs=1e-9)
            assert pair.before.cal_slope == pytest.approx(cell.cal_slope, abs=1e-6)
            assert set(pair.after.net_benefit) == {"0.05", "0.1", "0.2", "0.3"}


def test_updates_of_other_patients_bring_the_mean_risk_nearer_to_the_event_rate(local):
    assert local.report.kind == "cross-validated"
    pairs = [
        pair
        for name in ("severe_crs", "icans")
        for pair in local.report.recalibration.performance[name].values()
    ]
    before, after = (
        np.mean([abs(getattr(pair, when).observed_to_expected - 1.0) for pair in pairs])
        for when in ("before", "after")
    )
    assert after < before


def test_gates_judge_the_updates_and_compare_with_the_parent(local, mini):
    draws = read_draws(local.folder)
    assert draws["parent"]["bundle_sha256"] == local.parent.sha256
    challenger = Candidate(local.report, draws)
    champion = Candidate(local.report, draws["parent"])
    gates = {
        gate.name: gate for gate in check_gates(challenger, local.bundle.config.gates, champion)
    }
    compared = [name for name in gates if name.endswith("not worse than champion")]
    assert len(compared) == len(local.report.outcomes)
    kept = local.report.recalibration.kept
    assert {f"{name}/recalibrated" for name in kept} <= set(gates)


def without_icans(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["scale"] != "icans"]


def without_events(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(grade="0")


@pytest.fixture
def copied(local, tmp_path) -> Path:
    """A private copy of the local cohort."""
    target = tmp_path / "copied"
    target.mkdir()
    for path in local.cohort.glob("*.csv"):
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_a_scale_without_local_grades_keeps_the_parent_and_is_named(local, mini, copied, tmp_path):
    edit(copied / "assessments.csv", without_icans)
    config = tmp_path / "two.yaml"
    config.write_text(SETTINGS.replace("20", "20, folds: 2"), encoding="utf-8")
    assert run(mini.bundle, copied, tmp_path / "out", "--config", str(config)) == 0
    bundle, report = load_bundle(tmp_path / "out"), read_evaluation(tmp_path / "out")
    assert (
        set(bundle.provenance["kept"])
        == {"icans", "severe_icans"}
        == set(report.recalibration.kept)
    )
    assert bundle.models["icans"].state.update is None
    assert bundle.reference.base_rates["icans"] == local.parent.reference.base_rates["icans"]
    assert set(report.outcomes) == {"severe_crs"}
    gates = check_gates(Candidate(report, {}), bundle.config.gates, None)
    assert {"icans/recalibrated", "severe_icans/recalibrated"} <= {
        gate.name for gate in gates if not gate.passed
    }


REFUSED = {
    "recalibrated before": ("bundle", "", None, 2),
    "other horizons": ("parent", "model: {horizons_hours: [24, 48]}\n", None, 2),
    "other outcomes": (
        "parent",
        "outcomes: {hlh: {scale: hlh, threshold: 1, label: IEC-HS}}\n",
        None,
        2,
    ),
    "simulated and real": ("parent", "cohort: {synthetic: false}\n", None, 2),
    "no event": ("parent", "", without_events, 3),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_recalibrated_is_refused(local, mini, copied, tmp_path, kind, capsys):
    model, further, change, code = REFUSED[kind]
    if change is not None:
        edit(copied / "assessments.csv", change)
    files = [local.config]
    if further:
        files.append(tmp_path / "further.yaml")
        files[-1].write_text(further, encoding="utf-8")
    settings = [part for file in files for part in ("--config", str(file))]
    folder = local.folder if model == "bundle" else mini.bundle
    assert run(folder, copied, tmp_path / "out", *settings) == code
    assert not (tmp_path / "out").exists()
    assert "recalibrate" in capsys.readouterr().err


def test_the_training_cohort_of_the_parent_is_refused(local, mini, tmp_path):
    assert run(mini.bundle, mini.cohort, tmp_path / "out", "--config", str(local.config)) == 2


def test_a_recalibrated_bundle_is_not_trained_again(local, capsys):
    assert main(["reproduce", str(local.folder), "--cohort", str(local.cohort), "--quiet"]) == 2
    assert "cytocast recalibrate" in capsys.readouterr().err
