"""Settings of the model: what is legal alone, and what must fit together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.config_model import TUNABLE, ModelConfig, SpanConfig, TuneConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"horizons_hours": (48, 24)}, "rise"),
        ({"horizons_hours": (24, 24)}, "rise"),
        ({"horizons_hours": (0, 24)}, "greater than 0"),
        ({"members": ("grade_and_day", "state")}, "labs or booster"),
        ({"members": ("labs", "oracle")}, "members"),
        ({"weights": {"booster": 0}}, "greater than 0"),
        ({"members": ("labs",), "weights": {"booster": 2}}, "no member"),
        ({"custom": {"labs": {"estimator": "sklearn.svm.SVC"}}}, "built-in"),
        ({"custom": {"prior": {"estimator": "sklearn.svm.SVC"}}}, "built-in"),
        ({"custom": {"own": {"estimator": "os.system"}}}, "pattern"),
        ({"tune": {"space": {"seed": {"low": 1, "high": 2}}}}, "cannot be tuned"),
        ({"tune": {"trials": 2, "space": {"booster_eta": {"low": 0.5, "high": 2}}}}, "booster_eta"),
        ({"booster_round": 3}, "Extra inputs"),
        ({"interval_level": 1.0}, "less than 1"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ValidationError, match=message):
        ModelConfig.model_validate(settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"members": ("labs",)},
        {"members": (), "custom": {"own": {"estimator": "sklearn.svm.SVC"}}, "weights": {"own": 2}},
        {"weights": {"prior": 3.0}},
        {"tune": {"trials": 0, "space": {"booster_eta": {"low": 0.5, "high": 2}}}},
    ],
)
def test_settings_that_can_be(settings):
    config = ModelConfig.model_validate(settings)
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


@given(low=st.floats(0.001, 100), high=st.floats(0.001, 100))
def test_a_range_rises(low, high):
    if low < high:
        assert SpanConfig(low=low, high=high).high == high
        return
    with pytest.raises(ValidationError, match="rise"):
        SpanConfig(low=low, high=high)


def test_what_may_be_tuned_is_a_setting_of_its_type():
    defaults = ModelConfig()
    assert set(TuneConfig().space) <= set(TUNABLE) <= set(ModelConfig.model_fields)
    assert all(type(getattr(defaults, name)) is kind for name, kind in TUNABLE.items())


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        ModelConfig().booster_rounds = 3
