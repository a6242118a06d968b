"""The audit page of a messy export in a real browser: no request, axe, no sideways scrolling."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.audit.runner import audit_folder
from pipeline.config import load_config
from pipeline.pages.audit_page import render_audit
from tests.audit.conftest import write
from tests.pages.test_patient_page_browser import browser
from tests.pages.test_report_pages_browser import CROWDED, OVERLAPPING
from tests.planted import defects_of_values
from tests.planted.defects import plant_defect, simulated_tables

__all__ = ["browser"]
assert defects_of_values  # registers its defects
MESS = ["CHK101", "CHK104", "CHK002", "CHK004", "CHK106", "CHK107", "CHK205", "CHK302", "CHK405"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Page of an export with one defect of every kind."""
    folder = tmp_path_factory.mktemp("messy")
    tables, random = simulated_tables(80, 2), np.random.default_rng(1)
    for code in MESS:
        tables = plant_defect(tables, code, random, 1.0)
    write(tables, folder)
    report = audit_folder(folder, load_config())
    assert set(MESS) <= {item.code for item in report.findings}
    target = folder / "audit.html"
    target.write_text(render_audit(report, title="Audit of messy"), encoding="utf-8")
    return target


@pytest.mark.parametrize("width", [1280, 390])
def test_asks_for_nothing_says_nothing_fits_and_passes_axe(browser, page, width) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab = browser.new_page(viewport={"width": width, "height": 900})
    said, asked = [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"file://{page}")
    wide = tab.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    found = Axe().run(tab)
    crowded, overlapping = tab.evaluate(CROWDED), tab.evaluate(OVERLAPPING)
    tab.close()
    assert crowded == overlapping == []
    assert asked == [f"file://{page}"]
    assert said == []
    assert wide[0] <= wide[1]
    assert found.violations_count == 0, found.generate_report()
