"""The table of what a model is made of: a scale without grades, and settings of every shape."""

from pipeline.config import load_config
from pipeline.evaluate.model_description import changed_settings
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


def test_a_scale_without_grades_says_so():
    told = dict(fact_text(DEATH))
    assert told["Shown"].startswith("none: no grade is charted")
    assert told["Members, share in the mean of log-odds"] == (
        "members: Labs, linear 25 %, Labs, trees 75 %"
    )
    assert told["Signs"] == told["Prior of another cohort"] == "none"
    assert told["Tuned in the final fit"] == "nothing"
    grid = model_grid({"death": DEATH}, {"model.signs": False})
    assert grid.head == ("", "Death")
    assert len(grid.rows) == len(told)
    assert model_grid({}, {}) is None


def test_settings_of_every_shape_are_told(tmp_path):
    path = tmp_path / "more.yaml"
    path.write_text(
        "cohort: {name: x, assume_units: {d_dimer: {mg/L: 'mg/L{FEU}'}}}\n"
        "landmarks: {extra_hours: [12]}\nmodel: {signs: false}\n"
    )
    changed = changed_settings(load_config([path]))
    assert set(changed) == {"cohort.assume_units", "landmarks.extra_hours", "model.signs"}
    assert settings_text(changed) == (
        "Settings that differ from the defaults: cohort.assume_units d_dimer mg/L mg/L{FEU}; "
        "landmarks.extra_hours 12; model.signs no."
    )
