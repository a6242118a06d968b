"""The content of monitor.json: alarms, comparisons, and thresholds."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import MonitorConfig
from pipeline.errors import UsageError
from pipeline.model.bundle import Bundle
from pipeline.monitor.alarm_rule import Comparison
from pipeline.monitor.monitoring_report import document, monitor_config, sentence
from pipeline.resources import schema_yaml
from tests.builders import make_config

KINDS = schema_yaml("monitor.yaml")["kinds"]
DETAILS = {
    "count": 7, "unit": "mg/dL", "slow_hours": 6.25, "median": 9.0, "usual_median": 2.0,
    "reasons": "unit_refused (3)", "horizon": 72.0, "base": 0.1, "most": 4, "most_share": 0.5,
    "usual_share": 0.2,
}  # fmt: skip


def comparison(kind, *, alarm=True, p=0.001, **changes):
    content = {"observed": 0.35, "expected": 0.1, "details": DETAILS} | changes
    return Comparison(
        kind,
        "crp",
        "CRP",
        20,
        content["expected"],
        content["observed"],
        p,
        alarm,
        content["details"],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_reads_as_a_sentence_with_its_numbers_filled_in(kind):
    text = sentence(comparison(kind))
    assert not set("{}") & set(text)
    assert "nan" not in text.split()
    assert "20" in text or "{n}" not in KINDS[kind]["sentence"]


def test_alarms_are_listed_with_their_remedy_and_all_comparisons_as_figures():
    figures = [comparison("missing"), comparison("risk", alarm=False), comparison("below")]
    content = document(figures, {"patients": 20}, MonitorConfig())
    assert [item["kind"] for item in content["alarms"]] == ["missing", "below"]
    assert [item["kind"] for item in content["figures"]] == ["missing", "risk", "below"]
    assert content["patients"] == 20
    assert content["thresholds"] == MonitorConfig().model_dump(mode="json")
    for item in content["alarms"]:
        assert item["remedy"] == " ".join(KINDS[item["kind"]]["remedy"].split())


@given(observed=st.floats() | st.none(), p=st.none() | st.floats(0, 1))
def test_numbers_are_kept_to_six_digits_and_unknown_ones_are_null(observed, p):
    figure = comparison(
        "shift", alarm=False, observed=math.nan if observed is None else observed, p=p
    )
    (plain,) = document([figure], {}, MonitorConfig())["figures"]
    json.dumps(plain, allow_nan=False)
    if observed is None or not math.isfinite(observed):
        assert plain["found"] is None
    else:
        assert plain["found"] == pytest.approx(observed, rel=1e-5, abs=1e-300)
    assert (plain["p"] is None) == (p is None)


@pytest.fixture
def bundle():
    return Bundle(make_config(), None, {}, {})


def test_thresholds_of_a_file_replace_those_of_the_bundle(bundle, tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("monitor: {min_patients: 33, psi: 0.5}\n")
    second.write_text("monitor: {psi: 0.75}\n")
    config = monitor_config(bundle, [first, second])
    assert (config.min_patients, config.psi) == (33, 0.75)
    assert config.share_change == bundle.config.monitor.share_change
    assert monitor_config(bundle, []) == bundle.config.monitor


@pytest.mark.parametrize("text", ["model: {signs: false}\n", "[1]\n", "monitor: {colour: 1}\n"])
def test_other_settings_are_fixed_in_training(bundle, tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"a\.yaml"):
        monitor_config(bundle, [path])


def test_a_number_of_numpy_is_a_plain_one():
    figure = comparison("shift", alarm=False, observed=np.float64(1.23456789))
    (plain,) = document([figure], {}, MonitorConfig())["figures"]
    assert plain["found"] == 1.23457
    assert type(plain["found"]) is float
