"""The table of metrics has a row per predictor, and the days are in numeric order."""

from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.pages.performance_tables import day_grid, footnote, performance_grid
from tests.pages.evaluations import evaluation, metrics


def outcome(**changes):
    content = evaluation(metrics())["outcomes"]["severe_crs"]
    return OutcomeReport.model_validate(content | changes)


def test_a_row_per_predictor_with_the_model_marked():
    grid = performance_grid(outcome(), "CRS", "72", 5)
    names = [row[0] for row in grid.rows]
    assert names == ["Model", "Model without grades", "Grade and day", "Last CRP"]
    assert grid.main == {0}
    assert all(len(row) == len(grid.head) for row in grid.rows)
    assert grid.rows[0][4] == "itself"
    assert "fewer than 5 patients" in grid.note


def test_a_figure_without_interval_has_none():
    cell = {"auroc": 0.8, "auroc_lo": None, "auroc_hi": None}
    grid = performance_grid(outcome(model={"72": cell}), "CRS", "72", 5)
    assert grid.rows[0][3] == "0.800"
    assert grid.rows[0][6] == "–"


def test_days_are_sorted_as_numbers_and_absent_without_any():
    grid = day_grid(outcome(), "CRS", "168")
    assert [row[0] for row in grid.rows] == ["3", "10"]
    assert day_grid(outcome(by_day={}), "CRS", "168") is None


def test_rates_by_day_state_their_horizon_and_no_note_of_other_tables():
    grid = day_grid(outcome(), "CRS", "168")
    assert "168 h" in grid.caption
    assert all("168 h" in name for name in grid.head[2:])
    assert grid.note
    assert grid.note != footnote(5)
    assert "ICI" not in grid.note
