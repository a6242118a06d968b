"""Settings of the evaluation: ranges rise, and card items exist."""

import pytest
from pydantic import ValidationError

from pipeline.config_evaluation import AuditConfig, CardConfig, EvaluationConfig, GateConfig


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (EvaluationConfig, {"net_benefit_range": (0.3, 0.05)}, "net_benefit_range"),
        (EvaluationConfig, {"age_bands": (40, 18)}, "age_bands"),
        (EvaluationConfig, {"age_bands": ()}, "age_bands"),
        (GateConfig, {"min_event_patients": 0}, "min_event_patients"),
        (GateConfig, {"slope_low": 1.3}, "slope_low must be below"),
        (GateConfig, {"slope_estimate_high": 0.5}, "slope_estimate_low must be below"),
        (EvaluationConfig, {"refit_bootstrap": -1}, "refit_bootstrap"),
        (AuditConfig, {"acknowledge": ("CHK1",)}, "pattern"),
        (CardConfig, {"items": {"99z": "text"}}, "99z"),
    ],
)
def test_illegal_settings_are_refused(model, settings, message):
    with pytest.raises(ValidationError, match=message):
        model.model_validate(settings)


def test_card_items_of_tripod_ai_are_accepted():
    assert CardConfig(items={"1": "title"}).items == {"1": "title"}
    assert CardConfig().items == {}
