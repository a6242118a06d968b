"""No bedside observation contradicts the grade it stands beside (a plain reading of ASTCT)."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.config_cohort import CohortConfig
from pipeline.reading.reader import read_cohort

POINTS = ["ice_orientation", "ice_naming", "ice_command", "ice_writing", "ice_attention"]
HIGH_FLOW = {"high_flow_nasal_cannula", "face_mask", "venturi_mask", "non_rebreather_mask"}
PRESSURE = {"cpap", "bipap", "ventilator"}


def crs_grade(items: dict[str, list[str]]) -> int:
    """Worst of circulation and lungs, given fever or a reason for its absence."""
    pressors = set(items.get("vasopressor", [])) - {"none"}
    circulation = 2 if items["hypotension"] == ["yes"] else 0
    if pressors:
        circulation = 4 if len(pressors - {"vasopressin"}) > 1 else 3
    device = items["oxygen_device"][0]
    flow = float(items.get("oxygen_flow_l_min", ["0"])[0])
    lungs = 0 if device in ("room_air", "airway_protection") else 2
    if device in HIGH_FLOW or (device == "nasal_cannula" and flow > 6):
        lungs = 3
    if device in PRESSURE:
        lungs = 4
    fever = float(items["temperature_c"][0]) >= 38.0
    masked = items.get("antipyretic") == ["yes"]
    if fever:
        return max(1, circulation, lungs)
    return max(circulation, lungs) if masked else 0


def icans_grade(items: dict[str, list[str]]) -> int:
    """Worst domain; without an ICE score, consciousness and seizures decide."""
    grade = {"spontaneous": 0, "voice": 2, "tactile": 3, "unarousable": 4}
    worst = grade[items["consciousness"][0]]
    if POINTS[0] in items:
        score = sum(int(items[name][0]) for name in POINTS)
    elif "ice_score" in items:
        score = int(items["ice_score"][0])
    else:
        score = 0
    worst = max(worst, 0 if score == 10 else 1 if score >= 7 else 2 if score >= 3 else 3)
    seizure = {"brief": 3, "nonconvulsive": 3, "prolonged": 4, "repetitive": 4}
    worst = max(worst, seizure.get(items.get("seizure", ["none"])[0], 0))
    return 4 if items.get("motor_deficit") == ["deep_focal_weakness"] else worst


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, list[str]], dict]]:
    folder = tmp_path_factory.mktemp("grades") / "cohort"
    arguments = ["simulate", "--patients", "250", "--seed", "4", "--out", str(folder), "--quiet"]
    assert main(arguments) == 0
    cohort = read_cohort(folder, CohortConfig()).cohort
    seen = cohort.observations.assign(hours=cohort.observations["observed_hours"].round(4))
    graded = cohort.assessments.assign(hours=cohort.assessments["assessed_hours"].round(4))
    items: dict[tuple[int, float], dict[str, list[str]]] = {}
    for patient, hours, item, value in zip(
        seen["patient"], seen["hours"], seen["item"], seen["value"], strict=True
    ):
        items.setdefault((patient, hours), {}).setdefault(item, []).append(value)
    grades: dict[tuple[int, float], dict[str, int]] = {}
    for patient, hours, scale, grade in zip(
        graded["patient"], graded["hours"], graded["scale"], graded["grade"], strict=True
    ):
        grades.setdefault((patient, hours), {})[scale] = grade
    assert set(items) == set(grades)
    return [(items[key], grades[key]) for key in grades]


def test_observations_explain_every_grade(moments) -> None:
    for items, grades in moments:
        assert crs_grade(items) == grades["crs"], (items, grades)
        assert icans_grade(items) == grades["icans"], (items, grades)


def test_the_hard_cases_occur(moments) -> None:
    reached = pd.DataFrame([grades for _, grades in moments])
    assert set(reached["crs"]) == {0, 1, 2, 3, 4}
    assert set(reached["icans"]) == {0, 1, 2, 3, 4}
    assert any(
        grades["icans"] == 3 and items["consciousness"] == ["spontaneous"]
        for items, grades in moments
    )
    assert any(set(items.get("vasopressor", [])) >= {"vasopressin"} for items, _ in moments)
    assert any(float(items["temperature_c"][0]) < 38 and g["crs"] >= 2 for items, g in moments)
