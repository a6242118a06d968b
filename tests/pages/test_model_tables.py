"""The table of what a model is made of: a scale without grades, and settings of every shape."""

import pytest

from pipeline.model.evaluation_report import ClinicalState, ModelDescription
from pipeline.pages.model_tables import fact_text, model_grid, settings_text

DEATH = ModelDescription(
    thresholds=[1],
    reported=[1],
    threshold_weights={"1": 1.0},
    horizons_h=[24.0, 168.0],
    clinical_state=ClinicalState(fitted=False, shown="without"),
    members={"without": {"labs": 0.25, "booster": 0.75}},
)
CRS = ModelDescription(
    thresholds=[1, 2, 3],
    reported=[3],
    threshold_weights={"1": 0.25, "2": 0.5, "3": 1.0},
    horizons_h=[24.0],
    clinical_state=ClinicalState(fitted=True, shown="with"),
    members={"with": {"labs": 0.4, "prior": 0.6}, "without": {"booster": 1.0}},
    signs={"up": ["CRP", "ferritin"], "down": ["platelets"]},
    prior=True,
    tuned={"ridge_labs": 123.456},
)


def test_a_scale_without_grades_says_so():
    told = dict(fact_text(DEATH))
    assert told["Shown"].startswith("none: no grade is charted")
    assert told["Members, share in the mean of log-odds"] == (
        "members: Labs, linear 25%, Labs, trees 75%"
    )
    assert told["Signs"] == told["Prior of another cohort"] == "none"
    assert told["Tuned in the final fit"] == "nothing"
    grid = model_grid({"death": DEATH}, {"model.signs": False})
    assert grid.head == ("", "Death")
    assert len(grid.rows) == len(told)
    assert model_grid({}, {}) is None


def test_every_part_of_a_model_with_grades_and_a_prior_is_in_its_text():
    text = dict(fact_text(CRS))
    assert text["Thresholds fitted, weight in the fit"] == (
        "1 or more: 0.25, 2 or more: 0.5, 3 or more: 1 (reported)"
    )
    with_state, without = text["Members, share in the mean of log-odds"].split("; ")
    assert with_state.startswith("with clinical state: ")
    assert "40%" in with_state
    assert "60%" in with_state
    assert without.startswith("without clinical state: ")
    assert without.endswith("100%")
    assert all(name in text["Signs"] for name in ("CRP, Ferritin", "Platelets"))
    assert text["Prior of another cohort"] != "none"
    assert text["Tuned in the final fit"] == "ridge_labs 123.5"


def test_a_scale_is_a_column_and_all_have_the_same_rows():
    grid = model_grid({"crs": CRS, "death": DEATH}, {})
    assert grid.head == ("", "CRS", "Death")
    assert [row[0] for row in grid.rows] == [name for name, _ in fact_text(DEATH)]
    assert [row[1:] for row in grid.rows] == [
        (crs, death) for (_, crs), (_, death) in zip(fact_text(CRS), fact_text(DEATH), strict=True)
    ]
    assert grid.note == settings_text({})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (False, "no"),
        (12, "12"),
        (0.5, "0.5"),
        (600.0, "600"),
        ("text", "text"),
        ([], "none"),
        ([12.0, "x"], "12, x"),
        ({}, "none"),
        ({"d_dimer": {"mg/L": "mg/L{FEU}"}}, "d_dimer mg/L mg/L{FEU}"),
    ],
)
def test_a_setting_of_any_shape_is_text(value, text):
    assert settings_text({"a.b": value, "c": 1}).endswith(f": a.b {text}; c 1.")
