"""What drives a contribution: a trend, a level or a peak in its direction, else other findings."""

import pytest

from pipeline.explain.drivers import driver_text
from tests.pages.patients import estimate, facts, record


def driver(values, points, key="d_dimer", typical=0.9, **changes):
    person = record("P", 71.2, {key: values})
    table = {} if typical is None else {"severe_crs": {2: {key: typical}}}
    item = estimate("severe_crs", 0.2, {key: points})
    return driver_text(key, item, person, facts(typical=table, **changes))


@pytest.mark.parametrize(
    ("values", "points", "text"),
    [
        ([(46, 1.0), (70, 3.0)], 4.0, "up 3.0-fold in 24 h"),
        ([(70, 3.0)], 4.0, "above day-2 average (0.9)"),
        ([(70, 0.4)], -4.0, "below day-2 average (0.9)"),
        ([(46, 3.0), (70, 2.0)], -4.0, "trend, not level: down 33% in 24 h"),
        ([(20, 6.0), (46, 0.4), (70, 0.4)], 4.0, "peak 6 mg/L FEU"),
        ([(20, 6.0, 1), (46, 0.4), (70, 0.4)], 4.0, "peak >6 mg/L FEU"),
        ([(20, 5.0), (46, 2.0), (70, 2.1)], -4.0, "fall since 20 Nov 04:00, not level"),
        ([(-9, 5.0), (46, 2.0), (70, 2.1)], -4.0, "fall since infusion, not level"),
        ([(20, 2.0)], -4.0, "combined with other findings"),  # old, but never by its age
    ],
)
def test_the_driver_has_the_direction_of_the_contribution(values, points, text):
    assert driver(values, points) == text


def test_a_low_value_that_indicates_risk_has_its_lowest_as_peak():
    values = [(20, 10.0), (46, 200.0), (70, 205.0)]
    assert driver(values, 4.0, key="platelets", typical=100.0) == "lowest 10 ×10⁹/L"


def test_without_an_average_the_reference_range_decides():
    assert driver([(70, 3.0)], 4.0, typical=None) == "above 0–0.5"
    assert driver([(70, 0.9)], 4.0) == "combined with other findings"  # at the average


def test_without_an_assumed_direction_the_value_is_only_described():
    assert driver([(70, 300.0)], 4.0, key="fibrinogen", typical=200.0).startswith("above day-2")
    assert driver([(70, 3.0)], -4.0, signed=False).startswith("above day-2")
