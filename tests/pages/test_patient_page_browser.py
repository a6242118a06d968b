"""Pages in a real browser: no error, no request, axe, print on one A4, zoom, forced colours.

Skipped where Chromium is absent, unless ``CYTOCAST_REQUIRE_BROWSER`` is set, as ``.ci/run`` does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.pages.patient_page import patient_page
from tests.pages.patients import KINDS, MADE, facts

CHROMIUM = Path("/usr/bin/chromium")
REQUIRE = "CYTOCAST_REQUIRE_BROWSER"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
A4_POINTS = (595, 842)


@dataclass
class Seen:
    """A page of the browser, and what it said and asked for."""

    page: object
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of each kind, with a synthetic model because its banner needs room."""
    target = tmp_path_factory.mktemp("report")
    model = facts(synthetic=True)
    patients = [(make(), f"{kind}.html") for kind, make in KINDS.items()]
    for patient, address in patients:
        page = patient_page(patient, model, made=MADE, back="index.html")
        (target / address).write_text(page, encoding="utf-8")
    return target


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if not CHROMIUM.is_file():
        if os.environ.get(REQUIRE):
            pytest.fail(f"{REQUIRE} is set but {CHROMIUM} is absent: apt-get install chromium")
        pytest.skip(f"{CHROMIUM} is absent; 'apt-get install chromium' adds these tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, folder) -> Iterator[object]:
    """Open a page of the folder at a given width; everything it says or asks is kept."""
    pages = []

    def go(name: str, width: int = 1000) -> Seen:
        page = browser.new_page(viewport={"width": width, "height": 900})
        pages.append(page)
        seen = Seen(page)
        page.on("console", lambda message: seen.said.append(message.text))
        page.on("pageerror", lambda error: seen.said.append(str(error)))
        page.on("request", lambda request: seen.asked.append(request.url))
        page.goto(f"file://{folder / name}")
        return seen

    yield go
    for page in pages:
        page.close()


FILES = [f"{kind}.html" for kind in KINDS]


@pytest.mark.parametrize("name", FILES)
def test_asks_for_nothing_says_nothing_and_passes_axe(opened, folder, name) -> None:
    from axe_playwright_python.sync_playwright import Axe

    seen = opened(name)
    assert seen.asked == [f"file://{folder / name}"]
    assert seen.said == []
    found = Axe().run(seen.page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_prints_on_one_a4(opened, kind) -> None:
    pdf = opened(f"{kind}.html").page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) == 1
    box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
    assert box is not None
    assert tuple(round(float(side)) for side in box.groups()) == A4_POINTS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_print_stays_legible(opened, kind) -> None:
    """The words leave the charts room, and are themselves no smaller than stated."""
    page = opened(f"{kind}.html", 718).page
    page.emulate_media(media="print")
    points, charts = page.evaluate(
        """() => {
            const sheet = document.querySelector('.sheet');
            const drawn = [...document.querySelectorAll('.trends svg')]
                .map(svg => svg.getBoundingClientRect().height / 3.7795).filter(mm => mm > 0);
            return [parseFloat(getComputedStyle(sheet).fontSize) * 0.75, drawn];
        }"""
    )
    assert points >= 8.9
    assert all(height > 10.5 for height in charts), charts  # millimetres


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_letters_of_charts_print_in_9_points_and_apart(opened, kind) -> None:
    """On an A4 less its margins; a letter as tall as its size, so that descenders may meet."""
    page = opened(f"{kind}.html", 726).page
    page.emulate_media(media="print")
    sizes, crossed, cut = page.evaluate(
        """() => {
            const sizes = [], crossed = [], cut = [];
            for (const svg of document.querySelectorAll('svg[role=img]')) {
                const own = svg.getBoundingClientRect();
                if (!own.height) continue;
                const texts = [...svg.querySelectorAll('text')];
                const boxes = texts.map(text => text.getBoundingClientRect());
                texts.forEach((text, i) => {
                    const a = boxes[i];
                    const size = parseFloat(getComputedStyle(text).fontSize);
                    sizes.push(size * svg.getScreenCTM().a * 0.75);
                    if (a.top < own.top - 1 || a.bottom > own.bottom + 1
                        || a.left < own.left - 1 || a.right > own.right + 1)
                        cut.push(text.textContent);
                    boxes.slice(i + 1).forEach((b, j) => {
                        if (a.left < b.right && b.left < a.right
                            && a.top + 3 < b.bottom && b.top + 3 < a.bottom)
                            crossed.push(text.textContent + ' | ' + texts[i + 1 + j].textContent);
                    });
                });
            }
            return [sizes, crossed, cut];
        }"""
    )
    assert all(size >= 9.0 for size in sizes), sorted(set(sizes))[:3]
    assert crossed == []
    assert cut == []


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("width", [640, 390])
def test_no_sideways_scrolling_at_200_percent_and_on_a_phone(opened, name, width) -> None:
    """A screen of 1280 pixels at 200 % zoom is laid out at 640."""
    page = opened(name, width).page
    wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1]


def test_text_in_drawings_stays_inside_and_apart(opened) -> None:
    """No label is cut off by the edge of its drawing."""
    for kind in KINDS:
        cut = opened(f"{kind}.html").page.evaluate(
            """() => [...document.querySelectorAll('svg[role=img]')].flatMap(svg => {
                const box = svg.getBoundingClientRect();
                return [...svg.querySelectorAll('text')].filter(text => {
                    const own = text.getBoundingClientRect();
                    return own.left < box.left - 1 || own.right > box.right + 1;
                }).map(text => text.textContent);
            })"""
        )
        assert cut == [], kind


@pytest.mark.parametrize("kind", ["rising_crs", "icans_present", "crowded"])
def test_words_of_the_pathway_chart_cross_nothing(opened, kind) -> None:
    """No heading, name or number lies on another or on an axis."""
    crossed = opened(f"{kind}.html").page.evaluate(
        """() => [...document.querySelectorAll('.why svg')].flatMap(svg => {
            const texts = [...svg.querySelectorAll('text')];
            const others = [...texts, ...svg.querySelectorAll('line, rect')];
            const box = node => node.getBoundingClientRect();
            return texts.flatMap(text => others.filter(other => other !== text
                && box(text).left < box(other).right && box(other).left < box(text).right
                && box(text).top + 3 < box(other).bottom && box(other).top < box(text).bottom - 3
            ).map(other => text.textContent + ' | ' + (other.textContent || other.tagName)));
        })"""
    )
    assert crossed == []


def test_forced_colours_keep_every_word(opened) -> None:
    page = opened("rising_crs.html").page
    before = page.inner_text("main")
    page.emulate_media(forced_colors="active")
    assert page.inner_text("main") == before
    outline = page.eval_on_selector(".card", "node => getComputedStyle(node).borderTopStyle")
    assert outline == "solid"
