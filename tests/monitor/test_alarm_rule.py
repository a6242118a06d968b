"""Thresholds of alarms on shares, and the number of draws."""

import pytest

from pipeline.config import MonitorConfig
from pipeline.monitor.alarm_rule import AlarmRule

RULE = AlarmRule(MonitorConfig(min_patients=10, share_change=0.2, false_alarm_rate=0.01), tests=10)
CRP = ("crp", "CRP")


@pytest.mark.parametrize(
    ("observed", "upper", "alarm"),
    [
        ((18, 20), False, True),
        ((18, 20), True, True),
        ((0, 60), False, True),
        ((0, 60), True, False),
        ((24, 40), False, False),
        ((9, 9), False, False),
    ],
)
def test_an_alarm_needs_patients_a_large_change_and_a_small_probability(observed, upper, alarm):
    assert RULE.share("missing", CRP, observed, (0.4, 400), upper=upper).alarm == alarm


def test_a_share_selected_from_several_has_a_larger_probability():
    alone, selected = (
        RULE.share("units", CRP, (9, 20), (0.3, 400), times=times).p for times in (1, 3)
    )
    assert selected == pytest.approx(3 * alone)


def test_the_level_is_divided_among_the_comparisons_and_resolved_by_the_draws():
    assert RULE.level == pytest.approx(0.001)
    assert RULE.draws == 10_000
