"""What the audit found is told where the figures are; "had arrived" is doubted where it must be."""

import pytest

from pipeline.model.evaluation_report import AuditCodes, ResultTimes
from pipeline.pages.method_sentences import arrival_text, audit_lines, audit_titles
from tests.pages.evaluations import evaluation, metrics, read, render_evaluation

FOUND = {"acknowledged_errors": ["CHK104"], "warnings": ["CHK107", "CHK402"]}


def text_of(**changes):
    page = render_evaluation(evaluation(metrics(), **changes), {}, title="Any")
    return " ".join(" ".join(read(page).text).split())


def test_the_page_tells_what_the_audit_warned_of_in_its_words():
    text = text_of(audit=FOUND)
    first = text[: text.index("Verdicts use")]
    assert "CHK107 records end at the worst grade" in first
    warnings = text[text.index("The audit of this cohort warns:") : text.index("What this page")]
    assert "CHK107, records end at the worst grade" in warnings
    assert "CHK402, result times are missing or equal to collection times" in warnings
    assert "CHK104" not in warnings  # an acknowledged error is a warning of its own
    assert "The audit of" not in text_of(audit={"warnings": []})


def test_an_evaluation_of_a_bundle_tells_what_was_found_in_training():
    text = text_of(audit_of_training=FOUND)
    assert "The audit of the training cohort found:" in text
    assert "CHK104, the same patient under two ids" in text


def test_that_results_had_arrived_is_doubted_where_their_times_are_those_of_collection():
    doubt = "But 9 of 10 results have equal collection and result times"
    assert doubt in text_of(result_times={"rows": 10, "as_collected": 9})
    assert "But" not in text_of(result_times={"rows": 10, "as_collected": 4})


def test_the_doubt_names_how_many_results_it_is_about():
    assert "1 of 2 results" in arrival_text(ResultTimes(rows=2, as_collected=1))


@pytest.mark.parametrize("codes", [None, AuditCodes(), AuditCodes(warnings=["CHK999"])])
def test_nothing_is_told_where_nothing_is_known(codes):
    assert audit_lines(codes) == []
    assert audit_titles(codes) == ""
