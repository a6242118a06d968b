"""The evaluation for the console: every figure of the report in its line."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages.evaluation_summary import describe

HOURS = ("24", "48", "72", "168")
FIGURE = st.none() | st.integers(0, 1000).map(lambda number: number / 1000)
AREA = re.compile(r"not estimable|\d\.\d{2,3} \[(?:\d\.\d{2,3}|-), (?:\d\.\d{2,3}|-)\]")


@st.composite
def cells(draw):
    """Model, model without state and grade and day at one horizon."""
    areas = [
        dict(zip(("auroc", "auroc_lo", "auroc_hi"), draw(st.tuples(*[FIGURE] * 3)), strict=True))
        for _ in range(3)
    ]
    counts = draw(st.tuples(*[st.integers(0, 999)] * 3))
    names = ("n", "n_events", "n_event_patients")
    probability = {name: draw(FIGURE) for name in ("brier", "cal_slope", "cal_intercept")}
    areas[0] |= dict(zip(names, counts, strict=True)) | probability
    return areas


def report(by_horizon, **changes):
    model, without, bar = ({h: parts[n] for h, parts in by_horizon.items()} for n in range(3))
    outcome = {
        "label": "Severe CRS",
        "model": model,
        "model_no_state": without,
        "comparators": {"grade_and_day": bar},
        "labs_answer": "Labs add.",
    }
    content = {"kind": "external", "cohort": {"n_patients": 140}, "outcomes": {"crs": outcome}}
    return EvaluationReport.model_validate(content | changes)


def written(cell):
    """The area of a cell as it is written."""
    value, *ends = (cell[name] for name in ("auroc", "auroc_lo", "auroc_hi"))
    if value is None:
        return "not estimable"
    narrow = None not in ends and round(ends[1] - ends[0], 6) < 0.05
    places = 3 if narrow else 2
    low, high = ("-" if end is None else f"{end:.{places}f}" for end in ends)
    return f"{value:.{places}f} [{low}, {high}]"


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(HOURS), cells(), min_size=1))
def test_each_horizon_has_a_line_with_the_figures_of_the_report(by_horizon):
    lines = describe(report(by_horizon)).splitlines()
    rows = [line for line in lines if re.match(r" +\d+ h ", line)]
    assert [row.split()[0] for row in rows] == list(by_horizon)
    for row, (model, without, bar) in zip(rows, by_horizon.values(), strict=True):
        assert AREA.findall(row) == [written(part) for part in (model, without, bar)]
        brier, slope, intercept, *counts = AREA.sub("", row).split()[2:]
        for text, name, places in (
            (brier, "brier", 4),
            (slope, "cal_slope", 2),
            (intercept, "cal_intercept", 2),
        ):
            value = model[name]
            assert text == ("-" if value is None else f"{value:.{places}f}")
        assert " ".join(counts) == (
            f"{model['n_events']} of {model['n']} ({model['n_event_patients']} patients)"
        )


def test_the_lines_tell_kind_outcome_answer_warnings_and_canary():
    text = describe(report({}, warnings=["Odd.", "Few."], canary_auroc=0.5))
    lines = text.splitlines()
    assert lines[0].startswith("external, 140 patients")
    assert lines[1].strip() == "Severe CRS (crs)"
    assert "Labs add." in text
    assert [line.strip() for line in lines if "note:" in line] == ["note: Odd.", "note: Few."]
    assert lines[-1].split()[-1] == "0.50"
    assert describe(report({})).splitlines()[-1].split()[-1] == "-"


@pytest.mark.parametrize("synthetic", [True, False])
def test_simulated_patients_are_named_first(synthetic):
    cohort = {"n_patients": 3, "synthetic": synthetic}
    assert describe(report({}, cohort=cohort)).startswith("SYNTHETIC") is synthetic


def test_the_contrast_has_a_line_where_it_could_be_estimated():
    contrast = {"24": {"auroc": 0.7, "auroc_lo": 0.6, "auroc_hi": 0.8}, "72": {"n": 4}}
    lines = [
        line for line in describe(report({}, contrast=contrast)).splitlines() if "first" in line
    ]
    assert len(lines) == 1
    assert "24 h" in lines[0]
    assert lines[0].endswith("0.70 [0.60, 0.80]")


def test_landmarks_without_an_estimate_are_counted_per_outcome():
    abstention = {
        "crs": {"n": 50, "n_abstained": 3, "rate": 0.06, "by_reason": {"no_lab": 3}},
        "icans": {"n": 0},
    }
    lines = describe(report({}, abstention=abstention)).splitlines()
    assert any(line.startswith("  crs: ") and "3 of 50" in line for line in lines)
    assert any(line.startswith("  icans: ") for line in lines)
