"""The ward list in a browser: wide, narrow, on a phone, dark, in forced colours and in print.

Skipped where Chromium is absent, unless ``CYTOCAST_REQUIRE_BROWSER`` is set, as ``.ci/run`` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.pages.ward_list import ward_pages
from tests.pages.patients import KINDS, facts, rising_crs, soon_after
from tests.pages.pdf_letters import letter_points, pages_of
from tests.pages.test_patient_page_browser import browser

__all__ = ["browser"]

WIDTHS = [1280, 1024, 700, 390]
A4_LANDSCAPE = (842, 595)
PATIENTS = 30
_PARTS = (
    "h1, p, li, nav a, nav strong, thead b, tbody a, td, .number, .change, .status, .chip, "
    "td svg, thead svg"
)
_OVERLAPS = """(parts) => {
    const kept = [...document.querySelectorAll(parts)].filter(node => {
        const head = node.closest('thead'), style = getComputedStyle(node);
        return node.getClientRects().length && style.visibility === 'visible'
            && !node.closest('.hidden') && node.getBoundingClientRect().width > 2
            && (!head || getComputedStyle(head).clipPath === 'none')
            && !(node.matches('.chips .chip') && style.display === 'inline');
    });
    const box = node => node.getBoundingClientRect();
    return kept.flatMap((one, i) => kept.slice(i + 1).filter(other =>
        !one.contains(other) && !other.contains(one)
        && box(one).left + 1 < box(other).right && box(other).left + 1 < box(one).right
        && box(one).top + 1 < box(other).bottom && box(other).top + 1 < box(one).bottom
    ).map(other => one.textContent.trim().slice(0, 30) + ' | '
        + other.textContent.trim().slice(0, 30)));
}"""
_LEAVES_ITS_CELL = """() => [...document.querySelectorAll('th, td')].filter(cell =>
    cell.getClientRects().length && cell.scrollWidth > cell.clientWidth + 1
    && !cell.closest('thead')).map(cell => cell.textContent.trim())"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The list of 30 patients of every kind in every order, and of no patient."""
    target, model = tmp_path_factory.mktemp("ward"), facts(synthetic=True)
    makers = list(KINDS.items())
    listed = []
    for number in range(PATIENTS):
        kind, make = makers[number % len(makers)]
        patient = make()
        record = replace(patient.record, patient_id=f"B1-{number:04d}")
        listed.append((replace(patient, record=record), f"{kind}-{number}.html"))
    made, links = soon_after(rising_crs()), [("All estimates (CSV)", "../predictions.csv")]
    for name, page in ward_pages(listed, model, made=made, links=links).items():
        (target / name).write_text(page, encoding="utf-8")
    kinds = [(make(), f"{kind}.html") for kind, make in makers]  # one with a very long id
    for name, few in (("none.html", []), ("kinds.html", kinds)):
        page = ward_pages(few, model, made=made)["index.html"]
        (target / name).write_text(page, encoding="utf-8")
    return target


@pytest.fixture
def opened(browser, folder) -> Iterator[object]:
    """Open a page; afterwards nothing was written to its console and nothing else requested."""
    pages = []

    def go(name: str = "index.html", width: int = 1280, **look: str):
        page = browser.new_page(viewport={"width": width, "height": 900}, **look)
        messages, requests = [], []
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"file://{folder / name}")
        pages.append((page, name, messages, requests))
        return page

    yield go
    for page, name, messages, requests in pages:
        page.close()
        assert messages == []
        assert requests == [f"file://{folder / name}"]


def violations(page) -> str:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page)
    return found.generate_report() if found.violations_count else ""


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overlaps_or_leaves_the_window_and_axe_finds_nothing(opened, width) -> None:
    page = opened("kinds.html", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(_OVERLAPS, _PARTS) == []
    assert page.evaluate(_LEAVES_ITS_CELL) == []
    assert violations(page) == ""


@pytest.mark.parametrize("look", [{"color_scheme": "dark"}, {"forced_colors": "active"}])
def test_dark_and_forced_colours_keep_every_word_and_pass_axe(opened, look) -> None:
    plain = opened().inner_text("main")
    page = opened(**look)
    assert page.inner_text("main") == plain
    assert violations(page) == ""
    if "color_scheme" in look:
        paper = page.eval_on_selector("body", "node => getComputedStyle(node).backgroundColor")
        assert max(int(part) for part in re.findall(r"\d+", paper)) < 60


def test_no_patient_passes_axe(opened) -> None:
    assert violations(opened("none.html")) == ""


def test_on_a_phone_every_patient_is_a_card(opened) -> None:
    page = opened(width=390)
    assert page.evaluate("getComputedStyle(document.querySelector('tbody tr')).display") == "grid"
    assert page.locator("thead").bounding_box()["width"] <= 1
    shown = page.inner_text("main")
    assert shown.count("Severe CRS") > PATIENTS / 2  # each card names its outcomes


def test_bars_of_a_column_stand_below_each_other(opened) -> None:
    page = opened()
    edges = page.evaluate(
        """() => [...document.querySelectorAll('td.crs svg')].map(svg => [
            Math.round(svg.getBoundingClientRect().left),
            Math.round(svg.getBoundingClientRect().right)].join())"""
    )
    assert len(edges) > 5
    assert len(set(edges)) == 1


def test_links_lead_to_the_same_list_in_another_order(opened) -> None:
    page = opened()
    names = page.eval_on_selector_all(
        "nav a", "nodes => nodes.map(node => [node.getAttribute('href'), node.innerText])"
    )
    assert len(names) == 4
    for address, name in names:
        other = opened(address)
        assert other.locator("nav strong").inner_text() == name
        assert other.locator("tbody tr").count() == PATIENTS + 1


def test_thirty_patients_print_on_one_a4_landscape_in_9_points(opened) -> None:
    page = opened()
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert pages_of(pdf) == 1
    box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
    assert tuple(round(float(side)) for side in box.groups()) == A4_LANDSCAPE
    sizes = letter_points(pdf)
    assert sum(sizes.values()) > 200
    assert min(sizes) >= 8.99, sorted(sizes.items())[:3]


def test_in_print_nothing_overlaps(opened) -> None:
    page = opened(width=1062)
    page.emulate_media(media="print")
    assert page.evaluate(_OVERLAPS, _PARTS) == []
    assert page.evaluate(_LEAVES_ITS_CELL) == []
