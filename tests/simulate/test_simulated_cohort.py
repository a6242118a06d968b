"""The synthetic cohort as a whole: accepted by the reader, close to its sources."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.cohort.detection_limits import infer_limits
from pipeline.config import load_config
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import read_cohort
from pipeline.resources import config_path
from pipeline.simulate.calibration_report import compare
from pipeline.simulate.course_figures import auroc
from pipeline.simulate.simulated_cohort import draw_cohort
from pipeline.simulate.true_risk import true_risk

NINE = [
    "crp",
    "ferritin",
    "il6",
    "d_dimer",
    "fibrinogen",
    "csf_serum_albumin",
    "nfl",
    "il1ra",
    "gm_csf",
]
OUTCOMES = {"severe_crs": ("crs", 3), "icans": ("icans", 1), "severe_icans": ("icans", 3)}


def simulate(out: Path, patients: int, seed: int, *extra: str) -> Path:
    numbers = ["--patients", str(patients), "--seed", str(seed)]
    code = main(["simulate", *numbers, "--out", str(out), "--quiet", *extra])
    assert code == 0
    return out


def settings():
    return load_config([config_path("cohorts/synthetic.yaml")]).cohort


@dataclass(frozen=True)
class Made:
    folder: Path
    read: ReadResult
    truth: pd.DataFrame
    report: dict


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = simulate(tmp_path_factory.mktemp("synthetic") / "cohort", 500, 1)
    return Made(
        folder,
        read_cohort(folder, settings()),
        pd.read_csv(folder / "true_risk.csv"),
        json.loads((folder / "report.json").read_text(encoding="utf-8")),
    )


def planted(folder: Path) -> list[tuple[str, int, str, str]]:
    return sorted(pd.read_csv(folder / "planted.csv").itertuples(index=False, name=None))


def refused(read: ReadResult) -> list[tuple[str, int, str, str]]:
    rows = read.rejects[["file", "row", "column", "code"]]
    return sorted(rows.itertuples(index=False, name=None))


def onset(read: ReadResult, scale: str, threshold: int) -> np.ndarray:
    rows = read.cohort.assessments.query("scale == @scale and grade >= @threshold")
    first = np.full(len(read.cohort), np.inf)
    np.minimum.at(first, rows["patient"].to_numpy(), rows["assessed_hours"].to_numpy())
    return first


def test_the_front_door_finds_what_is_planted_and_nothing_else(made: Made) -> None:
    assert refused(made.read) == planted(made.folder)
    assert {code for *_, code in planted(made.folder)} >= {
        "unit_refused",
        "implausible",
        "no_result",
        "sentinel",
        "unknown_analyte",
        "loinc_conflict",
        "loinc_unit_conflict",
        "resulted_before_collected",
        "time_unusable",
        "unknown_patient",
        "grade_outside_scale",
        "other_grading_system",
        "unknown_item",
    }


def test_every_figure_of_the_report_is_within_its_bounds(made: Made) -> None:
    lines = made.report["comparisons"]
    assert len(lines) > 60
    assert [line["name"] for line in lines if not line["pass"]] == []
    assert made.report["synthetic"] is True
    assert "SYNTHETIC" in (made.folder / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_the_bounds_hold_for_other_seeds(seed: int) -> None:
    cohort = draw_cohort(300, seed, panel="research" if seed % 2 else None)
    truth = {**cohort.settings["truth"], "landmarks_hours": [48], "replicas": 40}
    # saved states of the cohort are of all landmarks; one is enough for the report
    saved = {48: cohort.history.saved[48]}
    history = replace(cohort.history, saved=saved)
    settings = {**cohort.settings, "truth": truth}
    risk = true_risk(cohort.people, history, settings, cohort.random)
    lines = compare(cohort.people, history, cohort.tables, risk, settings)
    assert len(lines) > 90
    assert [line["name"] for line in lines if not line["pass"]] == []


def test_overall_rates_and_the_order_of_the_syndromes(made: Made) -> None:
    rate = {name: np.isfinite(onset(made.read, *query)).mean() for name, query in OUTCOMES.items()}
    assert 0.07 <= rate["severe_crs"] <= 0.13
    assert 0.30 <= rate["icans"] <= 0.44
    assert 0.08 <= rate["severe_icans"] <= 0.18
    crs, icans = onset(made.read, "crs", 1), onset(made.read, "icans", 1)
    both = np.isfinite(crs) & np.isfinite(icans)
    assert 0.55 <= (crs < icans)[both].mean() <= 0.80


def test_the_true_risk_rises_with_the_horizon_and_is_calibrated(made: Made) -> None:
    truth = made.truth
    wide = truth.pivot(
        index=["patient_id", "landmark_hours", "outcome"], columns="horizon_h", values="risk"
    )
    assert (np.diff(wide.to_numpy(), axis=1) >= 0).all()
    number = pd.Series(range(len(made.read.cohort)), made.read.cohort.patients["patient_id"])
    for name, query in OUTCOMES.items():
        first = onset(made.read, *query)
        rows = truth.loc[(truth["outcome"] == name) & (truth["horizon_h"] == 168)]
        rows = rows.loc[rows["landmark_hours"] == 48]
        at = first[number[rows["patient_id"]].to_numpy()]
        event = at <= 48 + 168 + 0.5  # charted within half an hour of the round
        assert abs(event.mean() - rows["risk"].mean()) < 0.05


def test_the_oracle_is_good_but_not_perfect(made: Made) -> None:
    truth = made.truth.loc[made.truth["outcome"] == "severe_crs"]
    first = onset(made.read, "crs", 3)
    number = pd.Series(range(len(made.read.cohort)), made.read.cohort.patients["patient_id"])
    found = []
    for horizon in (72, 168):
        rows = truth.loc[(truth["landmark_hours"] == 48) & (truth["horizon_h"] == horizon)]
        at = first[number[rows["patient_id"]].to_numpy()]
        found.append(auroc(rows["risk"].to_numpy(), at <= 48 + horizon + 0.5))
    assert 0.70 <= np.mean(found) <= 0.85


def test_each_of_the_nine_is_seen_before_each_outcome(made: Made) -> None:
    """At-risk patients with and without the later event have a visible result, at n = 400."""
    labs = made.read.cohort.labs
    labs = labs.loc[(labs["patient"] < 400) & ~labs["cancelled"]]
    for query in OUTCOMES.values():
        first = onset(made.read, *query)[labs["patient"].to_numpy()]
        visible = labs.loc[(labs["resulted_hours"] < 240) & (labs["resulted_hours"] < first)]
        event = np.isfinite(first)[
            (labs["resulted_hours"] < 240) & (labs["resulted_hours"] < first)
        ]
        for analyte in NINE:
            seen = (visible["analyte"] == analyte).to_numpy()
            assert visible.loc[seen & event, "patient"].nunique() >= 3, (query, analyte)
            assert visible.loc[seen & ~event, "patient"].nunique() >= 10, (query, analyte)


def test_results_look_like_a_laboratory(made: Made) -> None:
    raw = pd.read_csv(made.folder / "labs.csv", dtype=str, keep_default_na=False)
    assert set(raw.loc[raw["analyte"] == "crp", "unit"]) == {"mg/L", "mg/dL"}
    assert set(raw.loc[raw["analyte"] == "fibrinogen", "unit"]) == {"g/L", "mg/dL"}
    basis = raw.loc[raw["analyte"] == "d_dimer", "unit"]
    assert basis.str.contains("FEU").any()
    assert basis.str.contains("DDU").any()
    assert {"final", "preliminary", "corrected", "cancelled"} <= set(raw["status"])
    assert raw["value"].str.startswith("<").any()
    assert raw["value"].str.startswith(">").any()
    labs = made.read.cohort.labs
    below = labs.loc[labs["analyte"] == "gm_csf", "side"]
    assert (below < 0).mean() > 0.4
    assert labs.loc[(labs["analyte"] == "gm_csf") & (labs["side"] < 0), "value"].nunique() == 3
    assert infer_limits(labs)["il1ra"]["upper"] == 15001
    assert made.read.turnaround_imputed > 0


def test_timestamps_carry_the_offset_of_their_site(made: Made) -> None:
    for path in sorted(made.folder.glob("*.csv")):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert not any(name.endswith("_hours") for name in table) or path.stem == "true_risk"
        for column in [name for name in table if name.endswith("_at")]:
            filled = table.loc[table[column] != "", column]
            bare = ~filled.str.contains(r"T\d\d:\d\d:\d\d[+-]\d\d:\d\d$")
            assert bare.sum() <= 1  # the planted ones
    people = pd.read_csv(made.folder / "patients.csv")
    assert people["infusion_time"].str[-6:].nunique() >= 4  # two zones, summer and winter
    assert people["infusion_time"].str[11:13].astype(int).between(8, 15).all()


def test_drugs_change_the_markers(made: Made) -> None:
    cohort = made.read.cohort
    toci = cohort.treatments.query("drug == 'tocilizumab'").groupby("patient")["given_hours"].min()
    labs = cohort.labs.assign(since=lambda t: t["collected_hours"] - t["patient"].map(toci))

    def middle(analyte: str, low: float, high: float) -> float:
        rows = labs.query("analyte == @analyte and since > @low and since <= @high")
        return float(rows["value"].median())

    assert middle("il6", 2, 24) > 2 * middle("il6", -24, 0)
    assert middle("crp", 60, 84) < 0.7 * middle("crp", -12, 12)
    anakinra = cohort.treatments.query("drug == 'anakinra'").groupby("patient")["given_hours"].min()
    labs = labs.assign(since=labs["collected_hours"] - labs["patient"].map(anakinra))
    assert middle("il1ra", 2, 48) >= 15000
