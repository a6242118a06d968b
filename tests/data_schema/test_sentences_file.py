"""``sentences.yaml``: every sentence is used; none advises, claims a cause or shows log-odds."""

from __future__ import annotations

import re

import pytest
import yaml

from pipeline.model.status import ABSTAINED, EVENT_PRESENT, OK, REJECTED
from pipeline.resources import schema_json
from tests.data_schema.test_data_files import FOLDER

CONTENT = yaml.safe_load((FOLDER / "sentences.yaml").read_text(encoding="utf-8"))
EVALUATION = yaml.safe_load((FOLDER / "evaluation_sentences.yaml").read_text(encoding="utf-8"))
CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for room in ("explain", "evaluate", "pages", "train")
    for path in (FOLDER.parent / "pipeline" / room).rglob("*")
    if path.suffix in {".py", ".j2"}
)
PREFIXES = ("form", "prior")  # keys that code composes with a name from data
BY_KEY = ("outcomes", "groups", "verdicts", "abstention_reasons")  # looked up by names from data


def sentences(content: object = CONTENT) -> list[tuple[str, str]]:
    found = []

    def walk(path: str, node: object) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                walk(f"{path}.{key}", value)
        elif isinstance(node, list):
            for number, value in enumerate(node):
                walk(f"{path}.{number}", value)
        elif isinstance(node, str):
            found.append((path, node))

    walk("", content)
    return found


@pytest.mark.parametrize(
    ("section", "key"),
    [
        (section, key)
        for section, node in (CONTENT | EVALUATION).items()
        if isinstance(node, dict) and section not in BY_KEY
        for key in node
    ],
)
def test_every_entry_is_used(section: str, key: str) -> None:
    composed = {f"{prefix}_{{" for prefix in PREFIXES if key.startswith(f"{prefix}_")}
    composed |= {"_{WITHOUT_PRIOR}"} if key.endswith("_without_prior") else set()
    forms = {f'"{key}"', f"'{key}'", f"labels.{key}", *composed}
    named = any(form in CODE for form in forms)
    assert named, f"{section}.{key} is not used by any page"


def test_braces_are_plain_names() -> None:
    for path, text in (*sentences(), *sentences(EVALUATION)):
        assert re.sub(r"\{[a-z]+\}", "", text).count("{") == 0, path


def test_texts_of_the_evaluation_have_no_code_names_and_percent_signs_are_close() -> None:
    for path, text in sentences(EVALUATION):
        assert not re.search(r"[a-z]_[a-z]", text.replace("tripod_ai.md", "")), (path, text)
        assert not re.search(r"[\d}] %", text), (path, text)
        assert len(text.split()) < 80, path


def test_no_sentence_says_what_to_do_or_claims_a_cause() -> None:
    words = r"\b(give|administer|start|stop|should|must|order|because of|causes|log-odds|safe)\b"
    for path, text in sentences():
        assert not re.search(words, text, re.IGNORECASE), (path, text)


def test_times_usual_cover_every_ratio_in_order() -> None:
    steps = [step["from"] for step in CONTENT["times_usual"]]
    assert steps[0] == 0
    assert steps == sorted(set(steps))


def test_statuses_are_those_of_the_predictions_table() -> None:
    field = next(f for f in schema_json("predictions.json")["fields"] if f["name"] == "status")
    own = {OK, EVENT_PRESENT, ABSTAINED, REJECTED}
    assert own == set(field["constraints"]["enum"])
