"""docs/audit.md repeats title, severity, effect and remedy of every check under its code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.audit.runner import CHECKS, by_code

PAGE = Path(__file__).parent.parent.parent / "docs" / "audit.md"


def section(code: str) -> str:
    """Text between the heading of a code and the next heading, on one line."""
    text = PAGE.read_text(encoding="utf-8")
    match = re.search(rf"^### {code}\n(.*?)(?=^##|\Z)", text, flags=re.S | re.M)
    assert match, f"docs/audit.md has no section ### {code}"
    return " ".join(match[1].split())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_every_check_is_documented_in_its_own_words(check) -> None:
    text = section(check.code)
    assert f"**{check.title}** ({check.severity})." in text
    assert " ".join(check.effect.split()) in text
    assert " ".join(check.remedy.split()) in text
    assert check.anchor() == f"docs/audit.md#{check.code.lower()}"


def test_codes_are_unique_sorted_and_all_documented() -> None:
    codes = [check.code for check in CHECKS]
    assert codes == sorted(set(codes))
    assert sorted(by_code()) == codes
    assert re.findall(r"^### (CHK\d{3})$", PAGE.read_text(encoding="utf-8"), flags=re.M) == codes
