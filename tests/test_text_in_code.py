"""What a reader of a page sees is in YAML files and templates, not in code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PIPELINE = Path(__file__).parent.parent / "pipeline"
MODULES = sorted(
    path for part in ("pages", "evaluate", "explain") for path in (PIPELINE / part).glob("*.py")
)
ALLOWED = {
    "cytocast evaluate --model BUNDLE --cohort COHORT --out OUT": "a command",
    "before or without": "a level of a subgroup, as named in evaluation.json",
}
LEAST_WORDS = 3
WORD = re.compile(r'["(]*[A-Za-z]{2,}["),.;:?!]*')
MARKUP = re.compile(r"<[^<>]*>")


def sentences(source: str) -> Iterator[str]:
    """Strings with several words, outside docstrings, raised errors and markup."""
    tree = ast.parse(source)
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        elif isinstance(node, ast.Raise):
            skipped.update(ast.walk(node))
        elif isinstance(node, ast.JoinedStr):
            skipped.update(node.values)
    for node in ast.walk(tree):
        if node in skipped:
            continue
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        text = "".join(
            str(part.value) if isinstance(part, ast.Constant) else " {} "
            for part in parts
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
        words = [part for part in MARKUP.sub(" ", text).split() if WORD.fullmatch(part)]
        if len(words) >= LEAST_WORDS:
            yield text


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('x = "No curve could be drawn."', ["No curve could be drawn."]),
        ('x = f"{a} of {b} were given."', [" {}  of  {}  were given."]),
        ('x = ("Half a sentence " "and the rest")', ["Half a sentence and the rest"]),
        ('"""What this module does."""', []),
        ('raise InputError("What is wrong and what to do.")', []),
        ("x = '<text class=\"a b c\" role=\"img\">' 'Day</text>'", []),
        ('x = "two words"', []),
        ("x = 'http://www.w3.org/2000/svg' 'data:text/csv;charset=utf-8'", []),
    ],
)
def test_a_sentence_is_told_from_markup_docstrings_and_errors(code, found):
    assert list(sentences(code)) == found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_sentence_for_readers_is_in_code(path):
    found = sentences(path.read_text(encoding="utf-8"))
    assert [text for text in found if text not in ALLOWED] == []


def test_no_exception_is_left_over():
    found = {text for path in MODULES for text in sentences(path.read_text(encoding="utf-8"))}
    assert found == set(ALLOWED)
