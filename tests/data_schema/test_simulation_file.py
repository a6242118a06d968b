"""The settings of the synthetic cohort: sourced, and in words the dictionaries know."""

from __future__ import annotations

import math

import pytest

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.drug_names import drug_index
from pipeline.cohort.units import conversion
from pipeline.simulate.latent_history import AXES
from pipeline.simulate.simulation_settings import load, named

SETTINGS = load()
MARKS = ("[V]", "[D]", "[M]", "[I]", "[V, M]", "[D, M]", "[D, I]")


def sourced(entry: dict) -> bool:
    text = entry.get("source", "")
    return any(mark in text for mark in MARKS) or "[V " in text


@pytest.mark.parametrize(
    "group",
    ["time", "sites", "host", "course", "policies", "sampling", "truth", "batch", "report"],
)
def test_every_group_states_its_source(group: str) -> None:
    assert sourced(SETTINGS[group])


@pytest.mark.parametrize("group", ["products", "analytes"])
def test_every_entry_states_its_source(group: str) -> None:
    assert [name for name, entry in SETTINGS[group].items() if not sourced(entry)] == []


def test_every_figure_of_the_report_states_its_source() -> None:
    report = SETTINGS["report"]
    single = ["nadir_day", "ferritin_peak_day", "il6_peak_day", "il6_baseline_sd", "oracle"]
    entries = [*report["rates"].values(), *report["levels"], *(report[name] for name in single)]
    assert [entry["words"] for entry in entries if not sourced(entry)] == []


def test_shares_sum_to_one() -> None:
    assert math.isclose(sum(item["share"] for item in SETTINGS["products"].values()), 1)
    assert math.isclose(sum(item["share"] for item in named(SETTINGS["sites"]).values()), 1)


def test_the_nine_core_analytes_are_there() -> None:
    core = {key for key, analyte in dictionary().items() if analyte.core}
    assert core <= set(SETTINGS["analytes"])


@pytest.mark.parametrize("key", SETTINGS["analytes"])
def test_every_analyte_is_known_and_its_units_convert(key: str) -> None:
    entry = SETTINGS["analytes"][key]
    assert set(entry["units"]) == set(entry["show"]) == set(named(SETTINGS["sites"]))
    for options in entry["units"].values():
        for unit in options:
            assert math.isfinite(conversion(dictionary()[key], unit)[0])
    assert set(entry.get("axes", {})) <= set(AXES)


def test_every_drug_is_known() -> None:
    assert all(drug in drug_index() for drug in SETTINGS["policies"]["doses"])
