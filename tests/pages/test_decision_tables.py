"""Tables of alerts and net benefit, in the units of their heads."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.format import DASH
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.pages.decision_tables import alerts, net_benefit

NAMES = {"model": "Model", "grade_and_day": "Grade and day"}
ALERT = {
    "alert_rate": 0.12,
    "alerts_per_patient_day": 0.25,
    "false_alerts_per_patient_day": 0.2,
    "number_needed_to_alert": 4.0,
    "number_needed_to_alert_lo": 3.0,
    "number_needed_to_alert_hi": 6.5,
    "patients_warned": 0.6,
    "patients_warned_lo": 0.4,
    "patients_warned_hi": 0.8,
    "lead_hours_median": 30.0,
    "lead_hours_q1": 20.0,
    "lead_hours_q3": 44.0,
}


def outcome(**content):
    return OutcomeReport.model_validate(content)


def test_an_alert_rate_is_written_per_hundred_patient_days():
    grid = alerts(outcome(alerts={"72": {"model": {"0.1": ALERT}}}), NAMES)
    assert grid.rows == [
        (
            "72 h, Model, 10%",
            "12%",
            "25.0",
            "20.0",
            "4.0 [3.0, 6.5]",
            "60% [40%, 80%]",
            "30 h [20, 44]",
        )
    ]
    assert len(grid.head) == 7


def test_rates_without_a_cutoff_have_no_row_and_unknown_leads_are_dashes():
    quiet = ALERT | {"lead_hours_median": None, "number_needed_to_alert": None}
    tables = {
        "24": {"model": {"0.1": {"reason": "no cut-off"}, "0.2": quiet}},
        "72": {"grade_and_day": {"0.1": ALERT}, "model": {"0.2": ALERT}},
    }
    grid = alerts(outcome(alerts=tables), NAMES)
    assert [row[0] for row in grid.rows] == [
        "24 h, Model, 20%",
        "72 h, Model, 20%",
        "72 h, Grade and day, 10%",
    ]
    assert (grid.rows[0][4], grid.rows[0][6]) == (DASH, DASH)
    silent = {"24": {"model": {"0.1": {"reason": "no cut-off"}}}}
    assert alerts(outcome(alerts=silent), NAMES) is None
    assert alerts(outcome(), NAMES) is None


def curves(thresholds, **more):
    lines = {"treat_all": [0.0 for _ in thresholds], "model": [t / 10 for t in thresholds]}
    return {"thresholds": list(thresholds), "treat_none": [0.0] * len(thresholds), **lines, **more}


@given(st.lists(st.sampled_from([0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]), unique=True))
def test_four_thresholds_are_shown_where_the_curve_has_them(thresholds):
    grid = net_benefit(outcome(net_benefit={"24": curves(sorted(thresholds))}), NAMES)
    shown = [value for value in sorted(thresholds) if value in (0.05, 0.1, 0.2, 0.3)]
    if not thresholds:
        assert grid is None
        return
    assert len(grid.head) == 1 + len(shown)
    model = {row[0]: row[1:] for row in grid.rows}["24 h, Model"]
    assert list(model) == [f"{100 * value:.1f}" for value in shown]


def test_net_benefit_is_per_thousand_landmarks_and_the_difference_has_a_sign():
    more = {
        "model_lo": [0.001, -0.002],
        "model_hi": [0.02, 0.03],
        "diff": [0.004, -0.0001],
        "diff_lo": [0.001, None],
        "diff_hi": [0.007, None],
        "grade_and_day": [None, 0.01],
    }
    cells = {"24": curves((0.1, 0.2), **more), "72": {"reason": "too few event patients"}}
    grid = net_benefit(outcome(net_benefit=cells), NAMES)
    assert {row[0]: row[1:] for row in grid.rows} == {
        "24 h, Model": ("10.0 [1.0, 20.0]", "20.0 [−2.0, 30.0]"),
        "24 h, Grade and day": (DASH, "10.0"),
        "24 h, Treat all": ("0.0", "0.0"),
        "24 h, model minus grade and day": ("+4.0 [1.0, 7.0]", "−0.1 "),
    }
    assert net_benefit(outcome(net_benefit={"72": cells["72"]}), NAMES) is None
