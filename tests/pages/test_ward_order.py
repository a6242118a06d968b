"""Orders of the ward list: severe risk first, missing estimates last, ties by id."""

from __future__ import annotations

import random
from dataclasses import replace

import pandas as pd

from pipeline.pages.ward_order import largest, severe_outcomes, ward_orders
from pipeline.pages.ward_row import WardPatient
from tests.pages.patients import KINDS, OUTCOMES, estimate, facts, icans_only, rising_crs


def ward() -> list[WardPatient]:
    return [WardPatient(make(), f"{kind}.html", facts()) for kind, make in KINDS.items()]


def test_a_rare_severe_risk_stands_above_a_larger_risk_of_any_grade() -> None:
    """ICANS of any grade is commoner, so its risk must not decide the order."""
    first = ward_orders(facts())[0]
    rising, icans = (WardPatient(make(), "p.html", facts()) for make in (rising_crs, icans_only))
    assert icans.risk("icans") > rising.risk("severe_crs") > icans.risk("severe_crs")
    assert first.sort([icans, rising]) == [rising, icans]


def test_every_order_holds_every_patient_and_ends_with_those_without_an_estimate() -> None:
    patients = ward()
    random.Random(3).shuffle(patients)
    for order in ward_orders(facts()):
        ordered = order.sort(patients)
        assert sorted(map(id, ordered)) == sorted(map(id, patients))
        assert [each.estimated for each in ordered[-2:]] == [False, False]
        assert order.sort(ordered[::-1]) == ordered


def test_the_orders_sort_by_what_they_name() -> None:
    severe, icans, change, patient, day = (
        order.sort(ward())[:-2] for order in ward_orders(facts())
    )
    risks = [largest(each, severe_outcomes(facts())) for each in severe]
    assert risks == sorted(risks, reverse=True)
    assert [each.risk("icans") for each in icans] == sorted(
        (each.risk("icans") for each in icans), reverse=True
    )
    rises = [each.change("severe_crs") for each in change]
    assert rises[0] == max(rise for rise in rises if rise is not None)
    assert [each.patient_id for each in patient] == sorted(each.patient_id for each in patient)
    hours = [each.patient.record.hours for each in day]
    assert hours == sorted(hours)


def test_ties_are_in_the_order_of_the_ids() -> None:
    first = rising_crs()
    same = [
        WardPatient(
            replace(
                first,
                record=replace(first.record, patient_id=name),
                estimates=(estimate("severe_crs", 0.2, {}),),
            ),
            f"{name}.html",
            facts(),
        )
        for name in "CAB"
    ]
    for order in ward_orders(facts()):
        assert [each.patient_id for each in order.sort(same)] == ["A", "B", "C"]


def test_with_one_threshold_per_scale_every_outcome_is_severe() -> None:
    two = {name: OUTCOMES[name] for name in ("severe_crs", "icans")}
    model = replace(facts(), outcomes=two)
    assert severe_outcomes(model) == list(two)
    assert len({order.file for order in ward_orders(model)}) == len(ward_orders(model)) == 4


def test_a_severe_grade_charted_now_comes_before_every_risk() -> None:
    first = ward_orders(facts())[0]
    rising = WardPatient(rising_crs(), "p.html", facts())
    patient = icans_only()
    record = patient.record
    rows = pd.DataFrame({"scale": ["crs"], "grade": [3], "assessed_hours": [record.hours - 1.0]})
    charted = replace(patient, record=replace(record, grades=rows))
    severe = WardPatient(charted, "q.html", facts())
    assert severe.has_now("severe_crs")
    assert not rising.has_now("severe_crs")
    assert first.sort([rising, severe]) == [severe, rising]
