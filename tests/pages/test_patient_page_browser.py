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
from tests.pages.patients import PAGES, facts, soon_after

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
PRINTED_WIDTH = 718  # an A4 less its margins, in pixels
MOST_WORDS = 350
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


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
    patients = [(make(), f"{kind}.html") for kind, make in PAGES.items()]
    for patient, address in patients:
        page = patient_page(patient, model, made=soon_after(patient), back="index.html")
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


PAGE_FILES = [f"{kind}.html" for kind in PAGES]
WORDS = """() => {
    document.querySelectorAll('svg').forEach(svg => svg.remove());
    const words = document.body.innerText.split(/\\s+/);
    return words.filter(word => /[\\p{L}\\p{N}]/u.test(word)).length;
}"""
# boxes of texts that overlap, letters below 9 pt, and texts cut off by the window
LAYOUT = """() => {
    const boxes = [], small = new Set(), cut = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; node = walker.nextNode();) {
        const parent = node.parentElement;
        if (!node.textContent.trim() || parent.closest('style, .hidden')) continue;
        const fold = parent.closest('details');
        if (fold && !fold.open && !parent.closest('summary')) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const box of range.getClientRects()) {
            if (box.width < 1 || box.height < 1) continue;
            const points = parseFloat(getComputedStyle(parent).fontSize) * 0.75;
            if (points < 8.99) small.add(points + ' ' + node.textContent.trim());
            if (box.right > window.innerWidth + 1 || box.left < -1) cut.push(node.textContent);
            boxes.push([box, node.textContent.trim()]);
        }
    }
    const crossed = [];
    boxes.sort((a, b) => a[0].top - b[0].top);
    boxes.forEach(([a, one], i) => {
        for (let j = i + 1; j < boxes.length && boxes[j][0].top < a.bottom - 4; j++) {
            const [b, other] = boxes[j];
            if (a.left + 1 < b.right && b.left + 1 < a.right) crossed.push(one + ' | ' + other);
        }
    });
    return [crossed, [...small], cut];
}"""


@pytest.mark.parametrize("name", PAGE_FILES)
def test_asks_for_nothing_says_nothing_and_passes_axe(opened, folder, name) -> None:
    from axe_playwright_python.sync_playwright import Axe

    seen = opened(name)
    assert seen.asked == [f"file://{folder / name}"]
    assert seen.said == []
    seen.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = Axe().run(seen.page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", PAGE_FILES)
def test_a_page_is_short_prints_on_one_a4_and_no_text_overlaps(opened, name) -> None:
    """On 1280, 1024 and 390 pixels and on paper; letters of at least 9 pt in print."""
    page = opened(name, 1280).page
    for width in (1280, 1024, 390):
        page.set_viewport_size({"width": width, "height": 900})
        crossed, _, cut = page.evaluate(LAYOUT)
        assert (crossed, cut) == ([], []), width
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) == 1
    box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
    assert box is not None
    assert tuple(round(float(side)) for side in box.groups()) == A4_POINTS
    page.set_viewport_size({"width": PRINTED_WIDTH, "height": 1062})
    page.emulate_media(media="print")
    assert page.evaluate(LAYOUT) == [[], [], []]
    page.emulate_media(media="screen")
    assert page.evaluate(WORDS) <= MOST_WORDS + 100 * (name == "crowded.html")


@pytest.mark.parametrize("kind", ["rising_crs", "icans_present"])
def test_dark_and_forced_colours_keep_words_and_contrast(opened, kind) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(f"{kind}.html").page
    before, light = page.inner_text("main"), page.evaluate(BACKGROUND)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(BACKGROUND) != light
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.emulate_media(color_scheme="light", forced_colors="active")
    assert page.inner_text("main") == before
    page.emulate_media(media="print", color_scheme="dark", forced_colors="none")
    assert page.evaluate(BACKGROUND) == light  # paper is white


@pytest.mark.parametrize("name", PAGE_FILES)
@pytest.mark.parametrize("width", [640, 390])
def test_no_sideways_scrolling_at_200_percent_and_on_a_phone(opened, name, width) -> None:
    """A screen of 1280 pixels at 200% zoom is laid out at 640."""
    page = opened(name, width).page
    wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1]
