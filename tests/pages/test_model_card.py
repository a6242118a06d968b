"""The card, its CHAI shape and the checklist say what the run knows, and no more."""

import json
import re

import pytest
from numpy import full, inf
from pandas import DataFrame

from pipeline.cohort.tables import empty_cohort
from pipeline.config import load_config
from pipeline.errors import UsageError
from pipeline.features.spec import learn_spec
from pipeline.model.bundle import load_bundle
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages.model_card import OPEN, checklist, write_card
from pipeline.pages.model_card_facts import card_facts
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import read_cohort
from pipeline.resources import schema_yaml

CHAI = {
    "BasicInfo", "ReleaseInfo", "ModelSummary", "UsesAndDirections", "Warnings",
    "TrustIngredients", "KeyMetrics", "Resources", "Bibliography",
}  # fmt: skip


def rows_of(text: str) -> dict[str, list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0]: row for row in cells[1:]}


def test_all_27_items_stand_in_the_checklist(mini):
    rows = rows_of((mini.bundle / "tripod_ai.md").read_text())
    assert {number.rstrip("abcdefg") for number in rows} == {str(n) for n in range(1, 28)}
    assert all(len(row) == 5 and row[3] for row in rows.values())
    assert rows["17"][3] == rows["18a"][3] == OPEN
    assert "60 patients" in rows["20a"][3]
    assert re.search(r"severe CRS \d+ of 60 at risk", rows["20a"][3])
    assert re.search(r"with a result: crp .+%, ferritin .+%, il6 .+%", rows["11"][3])
    assert "Riley" in rows["10"][3]
    assert re.search(r"; followed for a median of \d+\.\d days after time zero", rows["20a"][3])
    for hours in (24, 72, 168):
        assert f"ICANS within {hours} h: " in rows["21"][3]
    assert re.search(r"Brier 0\.\d{4} \(0\.\d{4} to 0\.\d{4}\)", rows["23a"][3])
    assert "table Subgroups" in rows["23a"][3]
    assert "2-fold cross-validation over patients, 1 repeat, seed" in rows["12a"][3]


def test_the_card_takes_its_numbers_from_the_evaluation(mini):
    cell = json.loads((mini.bundle / "evaluation.json").read_text())["outcomes"]["icans"]["model"]
    card = (mini.bundle / "model_card.md").read_text()
    assert f"{cell['72']['auroc']:.3f} ({cell['72']['auroc_lo']:.3f} to" in card
    counted = f"| {cell['72']['n_events']} of {cell['72']['n']} "
    assert f"{counted}| {cell['72']['n_event_patients']} of {cell['72']['n_patients']} |" in card
    assert "SYNTHETIC DATA" in card.splitlines()[0]
    assert "research use only" in card.lower()


def test_the_card_has_names_for_codes_and_intervals_of_grade_and_day(mini):
    card = (mini.bundle / "model_card.md").read_text()
    assert not re.search(r"\b(severe_crs|severe_icans)\b", card)
    (head,) = (line for line in card.splitlines() if line.startswith("| outcome "))
    column = [name.strip() for name in head.split("|")].index("grade and day")
    table = card[card.index(head) :].splitlines()[2:]
    rows = [line.split("|") for line in table[: table.index("")]]
    known = [row[column].strip() for row in rows if "not estimable" not in row[column]]
    assert known
    assert all(re.fullmatch(r"0\.\d{3} \(\d\.\d{3} to \d\.\d{3}\)", text) for text in known)


def test_what_the_audit_warned_of_stands_in_card_and_checklist(mini):
    codes = json.loads((mini.bundle / "evaluation.json").read_text())["audit"]["warnings"]
    assert codes
    rows = rows_of((mini.bundle / "tripod_ai.md").read_text())
    card = (mini.bundle / "model_card.md").read_text()
    risks = json.loads((mini.bundle / "card.json").read_text())["Warnings"]
    for code in codes:
        assert code in rows["26"][3]
        assert f"- Audit: {code}, " in card
        assert f"Audit: {code}, " in risks["KnownRisksAndLimitations"]


def test_a_doubt_about_result_times_qualifies_item_9b(mini):
    content = json.loads((mini.bundle / "evaluation.json").read_text())
    bundle = load_bundle(mini.bundle)
    read = read_cohort(mini.cohort, bundle.config.cohort)

    def answer():
        report = EvaluationReport.model_validate(content)
        facts = card_facts(bundle.config, report, bundle.reference.spec, read)
        return {item["number"]: item["answer"] for item in checklist(facts, {})}["9b"]

    content["result_times"] = {"rows": 10, "as_collected": 0}
    assert "CHK402" not in answer()
    content["result_times"] = {"rows": 10, "as_collected": 10}
    assert (
        "by their result time; but 10 of 10 results have equal collection and result times"
        in answer()
    )


def test_the_chai_card_has_every_part_filled(mini):
    card = json.loads((mini.bundle / "card.json").read_text())
    assert set(card) == CHAI
    assert card["BasicInfo"]["ModelDeveloper"] == OPEN
    assert card["BasicInfo"]["ModelName"].startswith("SYNTHETIC DATA")

    def leaves(part):
        if isinstance(part, dict):
            for inner in part.values():
                yield from leaves(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from leaves(inner)
        else:
            yield part

    assert all(isinstance(leaf, str) and leaf for leaf in leaves(card))
    for metric in card["KeyMetrics"].values():
        assert all(json.loads(result["ValueJson"]) for result in metric["Results"])


def test_what_the_configuration_states_wins_and_an_unknown_item_is_refused(tmp_path):
    facts = dict.fromkeys(_placeholders(), "said")
    stated = {"17": "Approved by the local | board", "15": "Classes"}
    found = {item["number"]: item for item in checklist(facts, stated)}
    assert found["17"]["answer"] == "Approved by the local | board"
    assert found["15"] == {**found["15"], "answer": "Classes", "where": "config.json card"}
    assert found["18b"] == {**found["18b"], "answer": OPEN, "where": ""}
    path = tmp_path / "card.yaml"
    path.write_text('card: {items: {"99": "no"}}')
    with pytest.raises(UsageError, match="99"):
        load_config([path])


def test_the_page_and_the_markdown_hold_the_same_answers(tmp_path):
    config, cohort = load_config(), empty_cohort(["P1"])
    stated = config.card.model_copy(update={"items": {"17": "Approved | <b>here</b>"}})
    config = config.model_copy(update={"card": stated})
    report = EvaluationReport(kind="cross-validated", cohort={"n_patients": 1})
    files = ReadResult(cohort, DataFrame(), {}, {}, {}, ["P1"], {}, "", 0, full(1, inf))
    write_card(tmp_path, config, report, learn_spec(cohort, config, {}), files)
    assert rows_of((tmp_path / "tripod_ai.md").read_text())["17"][3].startswith("Approved \\|")
    page = (tmp_path / "model_card.html").read_text()
    assert '<td class="wide">Approved | &lt;b&gt;here&lt;/b&gt;</td>' in page
    assert page.count("<table>") == page.count("<caption>") == 3


def _placeholders() -> set[str]:
    import string

    return {
        name
        for item in schema_yaml("tripod_ai.yaml")["items"]
        for _, name, _, _ in string.Formatter().parse(item["answer"])
        if name
    }
