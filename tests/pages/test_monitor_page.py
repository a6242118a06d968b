"""The monitoring page: alarms first, one row per comparison, one chart per shifted analyte."""

import pytest

from pipeline.config import MonitorConfig
from pipeline.monitor.alarm_rule import Comparison
from pipeline.monitor.monitoring_report import document
from pipeline.pages.monitor_page import render_monitor
from tests.pages.html_reader import read

FIFTHS = [(0.2, 1), (0.2, 2), (0.2, 3), (0.2, 4), (0.2, 10)]


def shift(number=0, *, alarm=True):
    details = {"most": 4, "most_share": 0.5, "usual_share": 0.2, "groups": FIFTHS}
    return Comparison(
        "shift", f"a{number}", f"Analyte {number}", 20, 0.1, 1.4, 1e-6, alarm, details
    )


def missing(*, alarm=False, p=0.4, name="CRP"):
    details = {"count": 7}
    return Comparison("missing", "crp", name, 20, 0.1, 0.35, p, alarm, details)


FACTS = {
    "patients": 20, "patients_compared": 20, "results": 100, "batches": 1, "training_patients": 60,
    "trained_on": "mini", "comparisons": 12, "bundle_sha256": "0" * 64, "synthetic": False,
    "package_version": "1",
}  # fmt: skip


def page(*figures, refused="3 results are refused", **changes):
    content = document(figures, {**FACTS, **changes}, MonitorConfig())
    return read(render_monitor(content, figures, refused))


def rows(reader):
    """Cells of the table of comparisons, row by row."""
    table = reader.text.split("Every comparison")[1].split("Each patient counts once")[0]
    return [line for line in table.splitlines() if line.endswith((" no", " alarm"))]


@pytest.mark.parametrize("count", [0, 1, 11])
def test_every_alarm_is_a_card_with_a_chart(count):
    figures = [shift(number) for number in range(count)] + [shift(99, alarm=False)]
    reader = page(*figures)
    assert sum(tag == "svg" for tag, _ in reader.tags) == count
    assert sum(tag == "article" for tag, _ in reader.tags) == count


def test_everything_but_the_alarms_is_folded():
    reader = page(missing(), missing(alarm=True, p=1e-5, name="IL-6"), shift())
    folded = [attrs for tag, attrs in reader.tags if tag == "details"]
    assert len(folded) == 3
    assert not any("open" in attrs for attrs in folded)
    assert reader.text.count("2 comparisons, 1 alarm.") == 1


def test_every_comparison_has_its_row_and_alarms_are_listed_first():
    figures = [missing(), missing(alarm=True, p=1e-5, name="IL-6"), shift()]
    reader = page(*figures)
    assert len(rows(reader)) == len(figures)
    assert sum(line.endswith(" alarm") for line in rows(reader)) == 2
    assert reader.text.index("2 alarms.") < reader.text.index("Every comparison")
    verdicts = [a["class"] for _, a in reader.tags if "verdict" in (a.get("class") or "")]
    assert verdicts == ["lead verdict raised"]
    quiet = [a["class"] for _, a in page(missing()).tags if "verdict" in (a.get("class") or "")]
    assert quiet == ["lead verdict quiet"]


@pytest.mark.parametrize(
    ("p", "shown"), [(None, "too few"), (5e-5, "<0.0001"), (0.00123, "0.0012"), (0.456, "0.46")]
)
def test_the_chance_is_shown_to_two_digits(p, shown):
    (row,) = rows(page(missing(p=p)))
    assert f" {shown} " in row


def test_the_chart_describes_found_and_expected_shares_of_every_fifth():
    reader = page(shift())
    (described,) = [
        line
        for line in reader.text.splitlines()
        if "were expected" in line and "where" in line and "PSI" not in line
    ]
    assert described.count("20%") + described.count("20%") >= 5


def test_few_patients_are_said_to_be_few():
    few = page(missing(), patients_compared=MonitorConfig().min_patients - 1).text
    assert few != page(missing(), patients_compared=MonitorConfig().min_patients).text
    assert "too few" in few
