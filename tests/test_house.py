"""The size of modules, and a name for each."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from statistics import median

import pytest

PIPELINE = Path(__file__).parent.parent / "pipeline"
MODULES = sorted(path for path in PIPELINE.rglob("*.py") if path.name != "__init__.py")


def code_lines(source: str) -> int:
    """Lines that hold code: no blank line, comment or docstring."""
    lines = source.splitlines()
    kept = {
        number
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    }
    for node in ast.walk(ast.parse(source)):
        alone = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if alone and isinstance(node.value.value, str):
            kept -= set(range(node.lineno, node.end_lineno + 1))
    return len(kept)


SOURCE = '''"""Module.

More.
"""

# why
X = 1  # how


def f():
    """Function."""
    return (
        X
    )
'''


def test_lines_of_code_are_counted_without_blank_lines_comments_and_docstrings():
    assert code_lines(SOURCE) == 5


def test_a_module_name_occurs_once():
    names = Counter(path.stem for path in MODULES if path.parent.name != "commands")
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PIPELINE).as_posix())
def test_no_module_is_longer_than_a_reader_can_hold(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_the_median_module_is_short():
    assert median(code_lines(path.read_text(encoding="utf-8")) for path in MODULES) < 200
