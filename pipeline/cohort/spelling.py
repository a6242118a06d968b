"""Spelling of names: one form in which variants meet."""

from __future__ import annotations

import re
import unicodedata


def normalise_name(text: str) -> str:
    """Lower case with single underscores, so that spelling variants meet.

    Examples
    --------
    >>> normalise_name("IL-6 "), normalise_name("Interleukin 6")
    ('il_6', 'interleukin_6')
    """
    spelled = (
        text.replace("™", " ").replace("γ", "gamma").replace("α", "alpha").replace("β", "beta")
    )
    plain = unicodedata.normalize("NFKD", spelled)
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
