"""Scorecard cells carry figure, interval, a word and a sign, so that colour is never alone."""

import pytest

from pipeline.evaluate.scorecard import scorecard
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.pages.scorecard_rows import score_row

CELL = {"auroc": 0.81, "auroc_lo": 0.74, "auroc_hi": 0.87, "n_patients": 90, "n_event_patients": 9}
NET = {"thresholds": [0.1], "model": [0.02], "gain": [0.0123], "gain_lo": [0.004],
       "gain_hi": [0.02]}  # fmt: skip


def row(kind="", options=(), **changes):
    content = {"model": {"72": CELL}, "net_benefit": {"72": NET}} | changes
    outcome = OutcomeReport.model_validate(content)
    return score_row("icans", "ICANS", outcome, scorecard(outcome, kind), **dict(options))


def test_each_cell_has_a_word_and_a_sign():
    made = row()
    assert {"9", "90"} <= set(made.counts.split())
    assert [cell.light for cell in made.cells] == ["good", "none", "good", "none"]
    assert all(cell.word and cell.sign for cell in made.cells)
    assert made.cells[2].figure.value == "+12.3"
    assert made.cells[2].figure.interval == "[+4.0, +20.0]"


@pytest.mark.parametrize("kind", ["apparent"])
def test_training_patients_are_not_judged(kind):
    assert {cell.word for cell in row(kind).cells} == {"Not judged"}


def test_a_missing_figure_has_no_interval():
    assert row(model={"72": {}}).cells[0].figure.value == "–"
    assert row(model={"72": {}}).cells[0].figure.interval == ""


def test_the_gain_over_grade_and_over_the_negative_control_are_figures_with_intervals():
    gain = {"diff_auroc": 0.06, "diff_lo": 0.02, "diff_hi": 0.1}
    bars = {"grade_and_day": {"72": gain | {"diff_auroc": 0.05}}, "clinical_state": {"72": gain}}
    control = {"72": gain | {"diff_auroc": 0.043}}
    labs = row(comparators=bars, negative_control=control).cells[3]
    assert labs.figure.value == "+0.043"
    assert [figure.value for figure in labs.further] == ["+0.060", "+0.050"]
    assert {figure.interval for figure in labs.further} == {"[+0.020, +0.100]"}
    assert len({labs.figure.name, *(figure.name for figure in labs.further)}) == 3
    without = row(comparators=bars).cells[3]
    assert [without.figure, *without.further] == labs.further


def test_net_benefit_against_grade_and_auroc_at_equal_grade_are_figures():
    against = {"diff": [0.0011], "diff_lo": [-0.002], "diff_hi": [0.004]}
    strata = {"72": {"model": CELL | {"auroc": 0.7}}}
    made = row(net_benefit={"72": NET | against}, within_grade=strata)
    assert [f.value for f in made.cells[2].further] == ["+1.1"]
    assert [f.interval for f in made.cells[2].further] == ["[−2.0, +4.0]"]
    assert made.cells[2].light == "unclear"
    assert [f.value for f in made.cells[0].further] == ["0.70"]
    assert row().cells[0].further == row().cells[2].further == []


def test_the_calibration_names_where_its_points_are():
    risks = [0.01, 0.02, 0.03, 0.2]
    curves = {"72": {"calibration": {"predicted": risks, "observed": risks}}}
    note = row(curves=curves, net_benefit={"72": NET | {"thresholds": [0.1]}}).cells[1].note
    assert {"3", "4", "10%"} <= set(note.split())
    assert row().cells[1].note == ""


def test_auroc_within_product_has_a_range_instead_of_an_interval():
    cell = {"n": 40, "n_events": 20}
    levels = {name: {"72": cell | {"auroc": value}} for name, value in (("a", 0.6), ("b", 0.7))}
    (figure,) = row(subgroups={"product": levels}).cells[0].further
    assert figure.value == "0.65"
    assert "0.60–0.70" in figure.interval
    assert "[" not in figure.interval
    assert "2" in figure.name


def test_two_counts_of_event_patients_state_where_each_is_counted():
    both = row(options={"events": 12}).counts
    assert both != row().counts
    assert {"9", "12", "72"} <= set(both.split())
    assert row(options={"events": 9}).counts == row().counts


def test_warnings_stay_with_the_row():
    assert row(options={"warnings": ["Few."]}).warnings == ["Few."]
