"""A cohort with a signed analyte, from training through prediction to monitoring."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.model.bundle import load_bundle
from tests.conftest import points_add_up
from tests.minicohort import cut, write_cohort

CONFIG = """\
cohort:
  {name: signed, synthetic: true, host_columns: [age_years],
   local_analytes: {il6_npx: {pathway: inflammation, name: IL-6 NPX}}}
outcomes: {crs2: {scale: crs, threshold: 2, label: CRS grade 2}}
features: {analytes: [crp, il6_npx], windows_hours: [72], scores: []}
model: {booster_rounds: 4, inner_folds: 2, bootstrap_members: 2, horizons_hours: [24, 72]}
evaluation:
  {folds: 2, repeats: 1, bootstrap: 20, control_permutations: 0, analyte_importance: false,
   further_splits: []}
"""


def add_npx(folder: Path) -> Path:
    """Every IL-6 once more in NPX, around zero; the lowest are below a negative limit."""
    labs = pd.read_csv(folder / "labs.csv", dtype=str)
    rows = labs[labs["analyte"] == "il6"]
    npx = np.log2(rows["value"].str.removeprefix("<").astype(float)) - 4.5
    text = npx.map("{:.3f}".format).mask(npx < -1.5, "<-1.5")
    rows = rows.assign(analyte="IL6_NPX", unit="NPX", value=text)
    pd.concat([labs, rows]).to_csv(folder / "labs.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("signed")
    cohort = add_npx(write_cohort(root / "cohort", patients=24, days=5, seed=3))
    config = root / "signed.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    bundle = root / "bundle"
    arguments = ["--cohort", str(cohort), "--config", str(config), "--out", str(bundle)]
    assert main(["train", *arguments, "--no-track", "--quiet", "--jobs", "1"]) == 0
    return cohort, bundle


def test_the_bundle_holds_the_scale(trained) -> None:
    reference = load_bundle(trained[1]).reference
    stored = {analyte.key: analyte for analyte in reference.spec.analytes}["il6_npx"]
    assert (stored.signed, stored.scale, stored.log, stored.unit) == (True, "log2", False, "NPX")
    low, high = reference.ranges["il6_npx__last"]
    assert -12 < low < -1.5 < high < 12


def test_signed_results_are_scored_explained_and_shown(trained, tmp_path) -> None:
    cohort, bundle = trained
    ids = [f"M{number:04d}" for number in range(8)]
    batch = cut(cohort, tmp_path / "batch", hours=84, patients=ids)
    out = tmp_path / "out"
    arguments = ["--input", str(batch), "--out", str(out), "--model", str(bundle), "--quiet"]
    assert main(["predict", *arguments, "--emit", "fhir"]) in (0, 4)
    summary = json.loads((out / "run_summary.json").read_text(encoding="utf-8"))
    assert summary["files"]["labs.csv"]["rejected"] == 0
    points_add_up(out)
    why = pd.read_parquet(out / "explanations.parquet")
    rows = why[(why["name"] == "il6_npx") & why["value"].notna()]
    assert set(rows["unit"]) == {"NPX"}
    assert (rows["value"] < 0).any()
    pages = [path.read_text(encoding="utf-8") for path in (out / "report").glob("M*.html")]
    shown = [page for page in pages if "IL-6 NPX" in page]
    assert shown
    assert any("−" in page.split("Timeline")[-1] for page in shown)

    watched = tmp_path / "monitor"
    arguments = ["--input", str(batch), "--out", str(watched), "--model", str(bundle), "--quiet"]
    assert main(["monitor", *arguments]) in (0, 6)
    assert (watched / "monitor.json").is_file()
