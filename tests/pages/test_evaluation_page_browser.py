"""The evaluation page in a real browser: no request, no message, axe, no label cut off."""

from __future__ import annotations

import pytest

from pipeline.model.evaluation_curves import SmoothCalibration
from tests.pages.evaluations import (
    curves,
    metrics,
    render_evaluation,
    whole_evaluation,
)
from tests.pages.test_patient_page_browser import browser  # noqa: F401 - a fixture


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    risk = [0.02 * step for step in range(1, 21)]
    smooth = SmoothCalibration(risk, risk, [0.5 * r for r in risk], [2 * r for r in risk])
    drawn = curves(smooth=smooth)
    evaluation = whole_evaluation(metrics(diff_lo=-0.1, diff_hi=0.3))
    path = tmp_path_factory.mktemp("page") / "evaluation.html"
    path.write_text(render_evaluation(evaluation, drawn, title="Evaluation"), encoding="utf-8")
    return f"file://{path}"


@pytest.mark.parametrize("width", [1200, 390])
def test_page_is_accessible_and_keeps_to_itself(browser, address, width) -> None:  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": width, "height": 900})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    assert asked == [address]
    assert said == []
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1]
    cut = page.evaluate(
        """() => [...document.querySelectorAll('svg[role=img]')].flatMap(svg => {
            const box = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(text => {
                const own = text.getBoundingClientRect();
                return own.left < box.left - 1 || own.right > box.right + 1;
            }).map(text => text.textContent);
        })"""
    )
    assert cut == []
    page.close()
