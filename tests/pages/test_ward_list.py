"""The ward list: counts, columns, copies in each order, for no patient and for many."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.pages.ward_list import ward_pages
from pipeline.pages.ward_order import INDEX, ward_orders
from pipeline.predict.patient_results import Patient
from tests.pages.html_reader import Reader, read
from tests.pages.patients import (
    KINDS,
    MADE,
    estimate,
    facts,
    icans_present,
    icans_resolved,
    rising_crs,
    soon_after,
    unknown,
)


def ward(patients: list[Patient], made: datetime | None = None, **changes: object) -> dict:
    """Every page, made right after the first estimate unless a moment is given."""
    made = made or (soon_after(patients[0]) if patients else MADE)
    listed = [(patient, f"p{number}.html") for number, patient in enumerate(patients)]
    return {
        name: read(page) for name, page in ward_pages(listed, facts(**changes), made=made).items()
    }


def ids(page: Reader) -> list[str]:
    """Patients of a page from top to bottom."""
    return re.findall(r"^((?:P-|Q)\d[\w-]*)", page.text, re.MULTILINE)


def counts(page: Reader) -> dict[str, int]:
    found = re.findall(r"^(\d+) ([a-z].*)$", page.text, re.MULTILINE)
    return {name: int(count) for count, name in found}


def test_every_copy_lists_every_patient_once_and_links_to_the_others() -> None:
    pages = ward([make() for make in KINDS.values()])
    assert list(pages) == [order.file for order in ward_orders(facts())]
    assert INDEX in pages
    for name, page in pages.items():
        links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
        assert set(links) >= {f"p{number}.html" for number in range(len(KINDS))}
        assert set(pages) - {name} <= set(links)
        assert name not in links
    assert len({tuple(ids(page)) for page in pages.values()}) > 2


def test_counts_stand_on_top() -> None:
    page = ward([make() for make in KINDS.values()])[INDEX]
    found = counts(page)
    assert found["patients"] == 8
    assert found["without an estimate"] == 2
    assert found["with an outcome present now"] == 2
    assert any("severe risk" in name and count == 2 for name, count in found.items())
    assert page.text.index("No estimate: ") < page.text.index("\nP-0400")


def test_an_unknown_patient_is_listed_apart_and_not_counted() -> None:
    page = ward([rising_crs(), unknown()])[INDEX]
    found = counts(page)
    assert (found["patient"], found["without an estimate"]) == (1, 0)
    assert ids(page) == ["P-0042", "P-0600"]
    lines = page.text.splitlines()
    assert lines[[line[:6] for line in lines].index("P-0600") - 1].startswith("Unknown patients")


def test_a_resolved_outcome_is_not_counted_as_present() -> None:
    for make, count in ((icans_present, 1), (icans_resolved, 0)):
        assert counts(ward([make()])[INDEX])["with an outcome present now"] == count


def test_expired_estimates_are_counted_and_named_once_for_all() -> None:
    late = ward([rising_crs()], soon_after(rising_crs()) + timedelta(hours=100))[INDEX]
    assert counts(late)["expired"] == 1
    assert late.text.count("All estimates have expired") == 1
    assert "expired" not in counts(ward([rising_crs()])[INDEX])


def test_no_patient_at_all() -> None:
    pages = ward([])
    assert set(pages) == {order.file for order in ward_orders(facts())}
    assert "This batch has no patient." in pages[INDEX].text
    assert not any(tag == "table" for tag, _ in pages[INDEX].tags)


def test_synthetic_is_said_only_of_a_synthetic_model() -> None:
    assert "Synthetic" in ward([rising_crs()], synthetic=True)[INDEX].text
    assert "Synthetic" not in ward([rising_crs()])[INDEX].text


def test_two_hundred_patients() -> None:
    patients = []
    for number in range(200):
        first = rising_crs()
        person = replace(first.record, patient_id=f"Q{number:03d}")
        crs = estimate("severe_crs", number / 250, {"crp": 0.0})
        patients.append(replace(first, record=person, estimates=(crs,)))
    assert ids(ward(patients)[INDEX]) == [f"Q{number:03d}" for number in reversed(range(200))]
