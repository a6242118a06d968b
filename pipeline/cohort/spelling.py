"""Normalises the spelling of names."""

from __future__ import annotations

import re
import unicodedata


def normalise_name(text: str) -> str:
    """Normalise to lower case without accents, with single underscores.

    Parameters
    ----------
    text : str
        Any spelling.

    Returns
    -------
    str

    Examples
    --------
    >>> normalise_name("IL-6 "), normalise_name("Interleukin 6"), normalise_name("Fibrinogène")
    ('il_6', 'interleukin_6', 'fibrinogene')
    """
    plain = text.replace("™", " ").replace("ß", "ss")
    spelled = plain.replace("γ", "gamma").replace("α", "alpha").replace("β", "beta")
    parts = unicodedata.normalize("NFKD", spelled)
    plain = "".join(mark for mark in parts if not unicodedata.combining(mark))
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
