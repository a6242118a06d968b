"""Promotion gates on hand-made evaluations."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pipeline.config import GateConfig
from pipeline.train.gates import check_gates


def evaluation(**changes: Any) -> dict[str, Any]:
    cell = {"auroc": 0.8, "cal_slope": 1.0, "cal_slope_lo": 0.7, "cal_slope_hi": 1.3}
    cell["n_event_patients"] = 31
    bar = {"diff_auroc": 0.01, "diff_lo": -0.01, "diff_hi": 0.03}
    cell.update({key: value for key, value in changes.items() if key in cell})
    bar.update({key: value for key, value in changes.items() if key in bar})
    return {
        "canary_auroc": changes.get("canary", 0.5),
        "cohort": {"sha256": changes.get("sha", "a")},
        "outcomes": {
            "severe_crs": {
                "model": {"24": copy.copy(cell), "72": cell},
                "comparators": {"grade_and_day": {"24": bar, "72": bar}},
            }
        },
    }


def failed(content: dict[str, Any], champion: dict[str, Any] | None = None) -> list[str]:
    return [gate.name for gate in check_gates(content, GateConfig(), champion) if not gate.passed]


def test_a_sound_first_challenger_passes() -> None:
    assert failed(evaluation()) == []


@pytest.mark.parametrize(
    ("changes", "gate"),
    [
        ({"canary": 0.51}, "canary"),
        ({"canary": None}, "canary"),
        ({"n_event_patients": 19}, "severe_crs/h72/enough events"),
        ({"diff_lo": -0.021}, "severe_crs/h72/not worse than grade_and_day"),
        ({"diff_lo": None}, "severe_crs/h72/not worse than grade_and_day"),
        ({"cal_slope_lo": 1.26, "cal_slope_hi": 2.0}, "severe_crs/h72/calibration slope"),
        ({"cal_slope_lo": 0.2, "cal_slope_hi": 0.79}, "severe_crs/h72/calibration slope"),
        ({"cal_slope_lo": None, "cal_slope_hi": None}, "severe_crs/h72/calibration slope"),
    ],
)
def test_each_gate_can_fail(changes, gate) -> None:
    assert failed(evaluation(**changes)) == [gate]


def test_a_champion_on_the_same_cohort_must_not_be_better() -> None:
    champion = evaluation(auroc=0.81)
    assert failed(evaluation(), champion) == []
    assert failed(evaluation(auroc=0.78), champion) == ["severe_crs/h72/not worse than champion"]


def test_a_champion_of_another_cohort_cannot_be_compared() -> None:
    found = check_gates(evaluation(sha="b"), GateConfig(), evaluation())
    refusal = [gate for gate in found if not gate.passed]
    assert [gate.name for gate in refusal] == ["champion/same cohort"]
    assert "another cohort" in refusal[0].sentence
