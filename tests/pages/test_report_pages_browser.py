"""Evaluation, monitoring and card pages in a browser: each is loaded once, in every form."""

from __future__ import annotations

from pathlib import Path

import pytest
from numpy import full, inf
from pandas import DataFrame

from pipeline.cohort.tables import empty_cohort
from pipeline.config import MonitorConfig, load_config
from pipeline.features.spec import learn_spec
from pipeline.model.evaluation_curves import SmoothCalibration
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.monitor.monitoring_report import document
from pipeline.pages.model_card import write_card
from pipeline.pages.monitor_page import render_monitor
from pipeline.reading.read_result import ReadResult
from tests.pages.evaluations import curves, metrics, render_evaluation, whole_evaluation
from tests.pages.pdf_letters import letter_points, pages_of
from tests.pages.test_contribution_sections import EXPLAINED
from tests.pages.test_monitor_page import FACTS, missing, shift
from tests.pages.test_patient_page_browser import browser

__all__ = ["browser"]
WIDTHS = (1280, 1024, 390)
PAGES = ("evaluation", "monitor", "model_card")
MOST_WORDS = 3000
MOST_SHEETS = 6
SMALLEST_LETTERS = 9.0
# labels of a chart that lie over each other, and text that leaves its chart
CROWDED = """() => [...document.querySelectorAll('svg[role=img]')].flatMap(svg => {
    const own = svg.getBoundingClientRect();
    if (!svg.checkVisibility()) return [];
    const boxes = [...svg.querySelectorAll('text')]
        .map(t => [t.textContent, t.getBoundingClientRect()]);
    const out = boxes.filter(([, b]) => b.left < own.left - 1 || b.right > own.right + 1);
    const over = boxes.filter(([, a], i) => boxes.some(([, b], j) => j > i &&
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4));
    return [...out, ...over].map(([text]) => svg.querySelector('title').textContent + ': ' + text);
})"""
# labels of charts in the colour of the page
HIDDEN = """() => {
    const page = getComputedStyle(document.body).backgroundColor;
    return [...document.querySelectorAll('svg[role=img] text')].filter(t => t.checkVisibility() &&
        [page, 'none', 'rgba(0, 0, 0, 0)'].includes(getComputedStyle(t).fill))
        .map(t => t.textContent);
}"""
# boxes of the page that lie over each other
OVERLAPPING = """() => {
    const kinds = 'figure, .score td, .score th, details, h2, article';
    const boxes = [...document.querySelectorAll(kinds)].filter(e => e.checkVisibility())
        .map(e => [e, e.getBoundingClientRect()]);
    return boxes.flatMap(([e, a], i) => boxes.slice(i + 1).filter(([f, b]) =>
        !e.contains(f) && !f.contains(e) &&
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1
    ).map(([f]) => e.textContent.slice(0, 40) + ' | ' + f.textContent.slice(0, 40)));
}"""


def whole_page() -> str:
    risk = [0.02 * step for step in range(1, 21)]
    smooth = SmoothCalibration(risk, risk, [0.5 * r for r in risk], [2 * r for r in risk])
    content = whole_evaluation(metrics(diff_lo=-0.1, diff_hi=0.3))
    outcome = content["outcomes"]["severe_crs"]
    outcome["net_benefit"]["72"] = outcome["net_benefit"]["24"] | {
        "model_lo": [-0.2] * 4, "model_hi": [0.1] * 4
    }  # fmt: skip
    content["outcomes"]["icans"] = outcome | {"label": "ICANS"}
    content["warnings"] = ["icans: 9 event patients.", "Audit error CHK104 in this cohort."]
    drawn = curves(smooth=smooth)
    drawn["severe_crs"]["72"].roc["plain_logistic"] = drawn["severe_crs"]["72"].roc["model"]
    drawn["icans"] = drawn["severe_crs"]
    explained = {"severe_crs": EXPLAINED}
    return render_evaluation(
        content, drawn, title="Evaluation", synthetic=True, explained=explained
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("pages")
    (target / "evaluation.html").write_text(whole_page(), encoding="utf-8")
    figures = [missing(alarm=True, p=1e-5), missing(name="IL-6"), shift()]
    content = document(figures, FACTS, MonitorConfig())
    (target / "monitor.html").write_text(render_monitor(content, figures, ""), encoding="utf-8")
    config, cohort = load_config(), empty_cohort(["P1"])
    read = ReadResult(cohort, DataFrame(), {}, {}, {}, ["P1"], {}, "", 0, full(1, inf))
    report = EvaluationReport.model_validate(whole_evaluation(metrics()))
    write_card(target, config, report, learn_spec(cohort, config, {}), read)
    return target


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_to_itself_fits_and_passes_axe_in_every_form(browser, folder, name) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": WIDTHS[0], "height": 900})
    messages, requests = [], []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"file://{folder / name}.html")
    assert len(page.inner_text("body").split()) < MOST_WORDS
    sheets = page.pdf(prefer_css_page_size=True, print_background=True)
    assert pages_of(sheets) <= MOST_SHEETS
    assert min(letter_points(sheets)) >= SMALLEST_LETTERS
    for opened in (False, True):
        if opened:
            page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(OVERLAPPING) == [], width
            assert page.evaluate(CROWDED) == [], width
            wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
            assert wide[0] <= wide[1], width
    for forms in ({"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}):
        page.emulate_media(**forms)
        assert page.evaluate(HIDDEN) == [], forms
        found = Axe().run(page)
        assert found.violations_count == 0, (forms, found.generate_report())
    assert requests == [f"file://{folder / name}.html"]
    assert messages == []
    page.close()


def test_contents_open_a_section_and_tables_download_without_a_script(browser, folder) -> None:
    context = browser.new_context(java_script_enabled=False, accept_downloads=True)
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"file://{folder / 'evaluation.html'}")
    table = page.locator("#severe_crs-labs table")
    assert not table.is_visible()
    page.click("nav a[href='#severe_crs-labs']")
    table.wait_for(state="visible", timeout=3000)
    with page.expect_download() as download:
        page.click("#severe_crs-labs a[download]")
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert download.value.suggested_filename == "severe_crs-labs.csv"
    assert text.startswith("row,24 h,24 h low,24 h high,")
    context.close()


def test_the_first_screen_has_every_verdict_and_four_charts(browser, folder) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"file://{folder / 'evaluation.html'}")
    ends = page.evaluate(
        "[...document.querySelectorAll('.score, .four figure svg')].map(e => "
        "e.getBoundingClientRect().bottom)"
    )
    assert len(ends) == 1 + 2 * 4
    assert max(ends[:5]) <= 900
    page.close()
