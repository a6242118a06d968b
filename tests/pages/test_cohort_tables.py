"""Tables of the contrast and of the use of analytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.evaluation_cells import PerformanceCell
from pipeline.model.evaluation_report import AnalyteUse, ContrastDetail, EvaluationReport
from pipeline.pages import cohort_tables
from pipeline.pages.cohort_tables import compared_analytes, contrast, drivers

CELL = {"auroc": 0.8, "auroc_lo": 0.7, "auroc_hi": 0.9, "n": 1200, "n_patients": 90}
FALLS = st.none() | st.integers(-90, 90).map(lambda number: number / 1000)


def fall(value, width=0.01):
    ends = (None, None) if value is None else (value - width, value + width)
    return dict(zip(("fall", "fall_lo", "fall_hi"), (value, *ends), strict=True))


def shown(fall, *, events=30, firm_from=20, **options):
    """The last cell of one analyte's row, and the note below the table."""
    cell = dict(zip(("fall", "fall_lo", "fall_hi"), fall, strict=True))
    entry = {"label": "CRP", "rows": 9, "row_share": 1.0, "patients": 60, "used": True}
    entry |= {"event_patients": events, "importance": {"72": cell}}
    other = entry | {"importance": {"72": cell | {"fall": 0.0}}}
    entries = {"crp": AnalyteUse.model_validate(entry), "il6": AnalyteUse.model_validate(other)}
    grid = cohort_tables.analyte_use(entries, "ICANS", "72", firm_from=firm_from, **options)
    return grid.rows[0][-1], grid.note


def test_an_interval_clear_of_0_is_told_as_one_of_those_looked_at():
    told, note = shown((0.02, 0.01, 0.03))
    assert told == "above 0: ranking falls without it (one of 2 compared)"
    assert "2 analytes have an interval here" in note
    assert shown((-0.02, -0.03, -0.01))[0].startswith("below 0")


def test_an_interval_that_begins_at_0_as_printed_shows_nothing():
    assert shown((0.002, 0.0003, 0.005))[0] == "includes 0: no effect shown"


@pytest.mark.parametrize("options", [{"events": 8}, {"apparent": True}])
def test_few_event_patients_or_training_patients_give_no_verdict(options):
    assert shown((0.005, 0.001, 0.009), **options)[0].startswith("nothing: ")


def entries_of(falls):
    return {
        f"a{number:02d}": AnalyteUse.model_validate(
            {"label": f"A{number}", "importance": {"72": fall(value)} if value is not None else {}}
        )
        for number, value in enumerate(falls)
    }


@given(st.lists(FALLS, max_size=16))
def test_core_analytes_come_first_and_the_others_by_their_fall(falls):
    entries = entries_of(falls)
    assert compared_analytes(entries, "72") == sum(value is not None for value in falls)
    assert compared_analytes(entries, "24") == 0
    grid = cohort_tables.analyte_use(entries, "ICANS", "72")
    if not falls:
        assert grid is None
        return
    labels = [row[0] for row in grid.rows]
    assert sorted(labels) == sorted(entry.label for entry in entries.values())
    assert labels[:9] == [f"A{number}" for number in range(min(9, len(falls)))]
    rest = [falls[int(label[1:])] for label in labels[9:]]
    ranked = [-1.0 if value is None else value for value in rest]
    assert ranked == sorted(ranked, reverse=True)
    assert all(len(row) == len(grid.head) for row in grid.rows)


def test_a_reason_stands_where_there_is_no_verdict_and_none_is_0():
    unused = {"label": "NfL", "rows": 0, "row_share": 0.0, "why": "no result"}
    used = AnalyteUse.model_validate(unused | {"used": True, "why": "used by the model"})
    assert cohort_tables.analyte_use({"nfl": used}, "ICANS", "72").rows[0][4] == "Yes"
    entry = AnalyteUse.model_validate(unused | {"importance": {"reason": "not used"}})
    row = cohort_tables.analyte_use({"nfl": entry}, "ICANS", "72").rows[0]
    assert (row[1], row[4], row[-1]) == ("0", "No: no result", "not used")
    rare = AnalyteUse.model_validate(unused | {"importance": {}})
    other = cohort_tables.analyte_use({"nfl": rare}, "ICANS", "72").rows[0]
    assert other[-1] == "too few event patients at this horizon"


@given(st.lists(FALLS, max_size=10))
def test_at_most_six_drivers_are_shown_in_the_order_of_the_report(falls):
    table = {f"a{number}": fall(value) for number, value in enumerate(falls)}
    detail = ContrastDetail.model_validate({"drivers": {"24": table}})
    grid = drivers(detail, "24")
    expected = [name for name, cell in list(table.items())[:6] if cell["fall"] is not None]
    assert ([row[0] for row in grid.rows] if grid else []) == expected
    assert drivers(detail, "72") is None


def test_the_contrast_stands_beside_what_is_known_without_labs():
    cells = {h: PerformanceCell(**CELL, n_events=700) for h in ("24", "72")}
    bar = {"24": CELL | {"auroc": 0.6, "diff_auroc": 0.2, "diff_lo": 0.1, "diff_hi": 0.3}}
    detail = ContrastDetail.model_validate({"comparators": {"day": bar}})
    grid = contrast(cells, detail)
    assert grid.head[1:] == ("24 h", "72 h")
    model, day, counts = grid.rows
    assert model[1:] == ("0.80 [0.70, 0.90]",) * 2
    assert day[1].startswith("0.60 [0.70, 0.90]<br>")
    assert "+0.200 [+0.100, +0.300]" in day[1]
    assert counts[1:] == ("1,200 (90); 700",) * 2
    assert contrast({}, detail) is None


@pytest.mark.parametrize("landmarks", [0, 40])
def test_landmarks_of_patients_never_graded_are_counted_in_the_note(landmarks):
    left_out = {"icans": {"landmarks": landmarks, "patients": 20}}
    detail = ContrastDetail.model_validate({"never_graded": left_out})
    grid = contrast({"24": PerformanceCell(**CELL)}, detail)
    assert ("icans: 40 (20)" in grid.note) == bool(landmarks)
    assert ("never graded" in grid.note) == bool(landmarks)


def test_axes_of_biomarkers_have_a_column_per_outcome_and_one_for_the_contrast():
    fall = {"fall": 0.1, "fall_lo": 0.05, "fall_hi": 0.15}
    report = EvaluationReport.model_validate(
        {
            "outcomes": {
                "severe_crs": {"label": "Severe CRS", "model": {"72": {"auroc": 0.8}}},
                "icans": {"label": "ICANS", "model": {"72": {"auroc": 0.8}}},
            },
            "axis_use": {"severe_crs": {"systemic": {"72": fall}}, "icans": {"systemic": {}}},
            "contrast": {"72": {"auroc": 0.8}},
            "contrast_detail": {"axes": {"72": {"nervous_system": fall}}},
        }
    )
    grid = cohort_tables.axes(report)
    assert len(grid.rows) == 2
    assert [sum(cell != "–" for cell in row[1:]) for row in grid.rows] == [1, 1]
    assert cohort_tables.axes(EvaluationReport()) is None


def test_analytes_have_their_short_name_where_the_file_has_a_key():
    detail = ContrastDetail.model_validate({"drivers": {"24": {"d_dimer": {"fall": 0.1}}}})
    assert drivers(detail, "24").rows[0][0] == "D-dimer"
