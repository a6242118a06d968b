"""The composite scores of the data file: inputs, units and names."""

from __future__ import annotations

import pytest

from pipeline.cohort.analytes import dictionary
from pipeline.errors import UsageError
from pipeline.features.score_definitions import (
    check_names,
    score_label,
    score_unit,
    scores,
    unit_factor,
)
from pipeline.resources import schema_yaml


def test_every_input_can_be_converted_to_the_unit_of_its_formula():
    for score in scores().values():
        for key, unit in score.inputs.items():
            assert unit_factor(dictionary()[key], unit) > 0


def test_every_score_says_where_it_comes_from():
    pathways = schema_yaml("pathways.yaml")["pathways"]
    for key, entry in schema_yaml("scores.yaml")["scores"].items():
        assert entry["status"] in ("verified", "unverified")
        assert (entry["doi"] or "").startswith("10.") or entry["status"] == "unverified"
        assert entry["pathway"] in pathways
        assert "[" in entry["source"]
        assert set(scores()[key].parts) <= set(dictionary())
        assert set(entry["direction"].values()) <= {"up", "down"}
    assert scores()["car_hematotox"].status == "unverified"
    assert scores()["easix_pre_high"].rule["cut"] == 4.67


def test_names_are_kept_once_in_order_and_unknown_ones_are_refused():
    assert check_names(["m_easix", "easix", "m_easix"]) == ("m_easix", "easix")
    with pytest.raises(UsageError, match="nosuch"):
        check_names(["easix", "nosuch"])


@pytest.mark.parametrize("key", sorted(scores()))
def test_the_label_names_every_part(key):
    score = scores()[key]
    assert all(dictionary()[part].short in score_label(score) for part in score.parts)
    assert score_unit(score).startswith("log2") == bool(score.rule.get("log2"))


def test_a_score_of_a_score_is_made_of_the_same_analytes():
    derived = [score for score in scores().values() if "of" in score.rule]
    assert derived
    for score in derived:
        assert score.parts == scores()[score.rule["of"]].parts


@pytest.mark.parametrize("key", ["crp", "fibrinogen", "platelets", "ldh"])
def test_the_factor_undoes_the_conversion_to_the_canonical_unit(key):
    analyte = dictionary()[key]
    for unit, factor in analyte.conversions.items():
        assert unit_factor(analyte, unit) * factor == pytest.approx(1.0)
    assert unit_factor(analyte, analyte.unit.upper()) == 1.0
    with pytest.raises(ValueError, match="cannot be converted"):
        unit_factor(analyte, "furlongs")
