"""Scorecard cells carry figure, interval, a word and a sign, so that colour is never alone."""

import pytest

from pipeline.evaluate.scorecard import scorecard
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.pages.scorecard_rows import score_row

CELL = {"auroc": 0.81, "auroc_lo": 0.74, "auroc_hi": 0.87, "n_patients": 90, "n_event_patients": 9}
NET = {"thresholds": [0.1], "model": [0.02], "gain": [0.0123], "gain_lo": [0.004],
       "gain_hi": [0.02]}  # fmt: skip


def row(kind="", **changes):
    content = {"model": {"72": CELL}, "net_benefit": {"72": NET}} | changes
    outcome = OutcomeReport.model_validate(content)
    return score_row("icans", "ICANS", outcome, scorecard(outcome, kind))


def test_each_cell_has_a_word_and_a_sign():
    made = row()
    assert made.counts == "9 of 90"
    assert [cell.light for cell in made.cells] == ["good", "none", "good", "none"]
    assert all(cell.word and cell.sign for cell in made.cells)
    assert made.cells[2].value == "+12.3"
    assert made.cells[2].interval == "[+4.0, +20.0]"


@pytest.mark.parametrize("kind", ["apparent"])
def test_training_patients_are_not_judged(kind):
    assert {cell.word for cell in row(kind).cells} == {"Not judged"}


def test_a_missing_figure_has_no_interval():
    assert row(model={"72": {}}).cells[0].value == "–"
    assert row(model={"72": {}}).cells[0].interval == ""
