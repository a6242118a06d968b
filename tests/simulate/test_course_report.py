"""The course of labs and grades in the report: every entry has a line, weights follow the mix."""

import numpy as np
import pytest

from pipeline.cohort.analytes import dictionary
from pipeline.simulate.calibration_report import read_results
from pipeline.simulate.course_report import charted_grades, course_lines, first_hours


@pytest.fixture(scope="module")
def lines(world):
    results = read_results(world.tables["labs"], world.history)
    found = course_lines(world.people, world.history, results, world.settings)
    return {line["name"]: line for line in found}


def test_every_correlation_and_spread_has_a_line(lines, world):
    entries = world.settings["report"]["courses"]
    pairs = entries["correlations"]["pairs"]
    short = {key: entry.short for key, entry in dictionary().items()}
    names = [
        "correlation of {} and {}".format(*(short[key] for key in pair["analytes"]))
        for pair in pairs
    ]
    names += [f"SD of {short[key]} within patients, log10" for key in entries["spread"]]
    assert set(names) <= set(lines)
    assert len(pairs) == 15  # all pairs of six analytes


def test_first_hours_are_the_first_charted_grade(world):
    hours = first_hours(world.history, "crs", 1)
    np.testing.assert_array_equal(hours, world.history.final.crs_onset)


def test_charted_grades_belong_to_the_day_that_ends(world):
    grades = charted_grades(world.history, "icans")
    assert len(grades) == world.history.assessed.sum()
    assert (np.floor(grades["hours"] / 24) <= (grades["hours"] + 0.1) / 24).all()
    at_midnight = np.isclose((grades["hours"] + 0.1) % 24, 0)
    assert at_midnight.any()


def test_icans_is_that_of_the_products_in_the_mix(lines, world):
    mix = world.settings["report"]["courses"]["icans"]["mix"]
    inside = np.isin(np.array(list(world.settings["products"]))[world.people.product], list(mix))
    affected = np.isfinite(world.history.final.icans_onset) & inside
    assert lines["ICANS, first day"]["n"] == affected.sum()
