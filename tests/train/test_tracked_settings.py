"""Parameters of a run: what differs from the defaults, and what is always compared."""

from __future__ import annotations

from pipeline.config import load_config
from pipeline.train.tracked_settings import ALWAYS, outcome_params, run_params
from tests.builders import make_config


def test_defaults_are_left_out_except_those_compared_always():
    assert run_params(load_config()).keys() == set(ALWAYS)


def test_a_setting_that_differs_is_a_parameter():
    config = make_config(booster_eta=0.2)
    params = run_params(config)
    assert params["model.booster_eta"] == "0.2"
    assert "model.booster_lambda" not in params
    assert all(len(value) <= 500 for value in params.values())


def test_the_run_of_an_outcome_has_its_definition():
    params = outcome_params(load_config(), "icans")
    assert (params["scale"], params["threshold"]) == ("icans", "1")
