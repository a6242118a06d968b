"""Names in words for the evaluation page, read from its templates folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.report.format import words

TEMPLATES = Path(__file__).parent / "templates"
WORDS: Mapping[str, Any] = json.loads((TEMPLATES / "words.json").read_text(encoding="utf-8"))
NAMES: Mapping[str, str] = WORDS["predictors"]


def named(predictor: str) -> str:
    """A predictor, event or part in words.

    Examples
    --------
    >>> named("last_crp"), named("some_score")
    ('Last CRP', 'Some score')
    """
    return str(NAMES.get(predictor, words(predictor)))
