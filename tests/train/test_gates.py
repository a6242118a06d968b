"""Promotion gates on hand-made evaluations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipeline.config_evaluation import GateConfig
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.train.gates import Candidate, check_gates


def evaluation(**changes: Any) -> dict[str, Any]:
    cell = {"auroc": 0.8, "cal_slope": 1.0, "cal_slope_lo": 0.7, "cal_slope_hi": 1.3}
    cell["n_event_patients"] = 31
    early = {**cell, **changes.get("early", {})}
    bar = {"diff_auroc": 0.01, "diff_lo": -0.01, "diff_hi": 0.03}
    bar["n_event_patients"] = changes.get("bar_event_patients", 31)
    cell.update({key: value for key, value in changes.items() if key in cell})
    bar.update({key: value for key, value in changes.items() if key in bar})
    return {
        "canary_auroc": changes.get("canary", 0.5),
        "cohort": {"sha256": changes.get("sha", "a")},
        "audit": {
            "acknowledged_errors": changes.get("acknowledged", []),
            "unacknowledged_errors": changes.get("errors", []),
        },
        "outcomes": {
            "severe_crs": {
                "model": {"24": early, "72": cell},
                "comparators": {"grade_and_day": {"24": bar, "72": bar}},
            }
        },
    }


def draws(auroc: float = 0.8, spread: float = 0.0, **changes: Any) -> dict[str, Any]:
    """AUROC of the sample and of 100 draws around it."""
    drawn = np.random.default_rng(0).normal(auroc, 0.05, size=100)
    noise = np.random.default_rng(1).normal(0.0, spread, size=100)
    part = {"horizon_h": "72", "n": 900, "auroc": [auroc, *(drawn + noise)]}
    return {"seed": 0, "outcomes": {"severe_crs": part}, **changes}


def candidate(content: dict[str, Any], drawn: dict[str, Any] | None = None) -> Candidate:
    report = EvaluationReport.model_validate(content)
    return Candidate(report, draws() if drawn is None else drawn)


def failed(content: dict[str, Any], *champion: Any) -> list[str]:
    bar = candidate(*champion) if champion else None
    gates = check_gates(candidate(content), GateConfig(), bar)
    return [gate.name for gate in gates if not gate.passed]


def test_a_sound_first_challenger_passes() -> None:
    assert failed(evaluation()) == []


@pytest.mark.parametrize(
    ("changes", "gate"),
    [
        ({"canary": 0.51}, "canary"),
        ({"canary": None}, "canary"),
        ({"errors": ["CHK101"]}, "audit"),
        ({"n_event_patients": 19}, "severe_crs/h72/enough events"),
        ({"diff_lo": -0.021}, "severe_crs/h72/not worse than grade_and_day"),
        ({"diff_lo": None}, "severe_crs/h72/not worse than grade_and_day"),
        ({"cal_slope_lo": 1.26, "cal_slope_hi": 2.0}, "severe_crs/h72/calibration slope"),
        ({"cal_slope_lo": 0.2, "cal_slope_hi": 0.79}, "severe_crs/h72/calibration slope"),
        ({"cal_slope_lo": None, "cal_slope_hi": None}, "severe_crs/h72/calibration slope"),
        ({"cal_slope": 1.51}, "severe_crs/h72/calibration slope"),
        ({"cal_slope": 0.66}, "severe_crs/h72/calibration slope"),
        ({"early": {"cal_slope": 1.6}}, "severe_crs/h24/calibration slope"),
        ({"early": {"cal_slope_hi": 0.79}}, "severe_crs/h24/calibration slope"),
    ],
)
def test_each_gate_can_fail(changes, gate) -> None:
    assert failed(evaluation(**changes)) == [gate]


def test_a_slope_is_judged_at_every_horizon_with_enough_event_patients() -> None:
    def judged(**changes: Any) -> list[str]:
        gates = check_gates(candidate(evaluation(**changes)), GateConfig(), None)
        return [gate.name for gate in gates if gate.name.endswith("slope")]

    both = [f"severe_crs/h{hours}/calibration slope" for hours in (24, 72)]
    assert judged() == both
    assert judged(early={"n_event_patients": 19}) == both[1:]
    assert judged(n_event_patients=19, early={"n_event_patients": 19}) == both[1:]


def test_a_comparator_that_few_patients_have_inputs_for_is_no_bar() -> None:
    assert failed(evaluation(diff_lo=None, bar_event_patients=3)) == []


def test_the_paired_interval_against_the_champion_decides() -> None:
    """Equal draws cancel, however wide each is; the same mean with noise does not pass."""
    assert failed(evaluation(), evaluation(), draws(0.81)) == []
    worse = ["severe_crs/h72/not worse than champion"]
    assert failed(evaluation(), evaluation(), draws(0.83)) == worse
    assert failed(evaluation(), evaluation(), draws(0.8, spread=0.05)) == worse


@pytest.mark.parametrize("changes", [{"seed": 1}, {"outcomes": {}}])
def test_draws_that_do_not_pair_are_a_refusal(changes) -> None:
    result = failed(evaluation(), evaluation(), draws(**changes))
    assert result == ["severe_crs/not worse than champion"]


def test_an_acknowledged_audit_error_passes_and_is_named() -> None:
    gates = check_gates(candidate(evaluation(acknowledged=["CHK104"])), GateConfig(), None)
    audit = next(gate for gate in gates if gate.name == "audit")
    assert audit.passed
    assert "CHK104" in audit.sentence


def test_a_training_without_an_audit_does_not_pass() -> None:
    content = evaluation()
    del content["audit"]
    assert failed(content) == ["audit"]


def test_a_champion_of_another_cohort_cannot_be_compared() -> None:
    result = check_gates(candidate(evaluation(sha="b")), GateConfig(), candidate(evaluation()))
    refusal = [gate for gate in result if not gate.passed]
    assert [gate.name for gate in refusal] == ["champion/same cohort"]
    assert "--against" in refusal[0].sentence


def test_a_challenger_may_not_drop_an_outcome() -> None:
    champion = evaluation()
    champion["outcomes"]["icans"] = champion["outcomes"]["severe_crs"]
    assert failed(evaluation(), champion) == ["champion/outcomes kept"]
