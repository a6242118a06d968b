"""Sizes of the letters that a PDF of Chromium prints, read from its drawing commands."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter

_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_COMMAND = re.compile(rb"((?:[-+.\d]+\s+|/\S+\s+)*)(cm|q|Q|Tf|Tm|Tj|TJ)\b")
_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")


def pages_of(pdf: bytes) -> int:
    """Number of pages."""
    return len(_PAGE.findall(pdf))


def letter_points(pdf: bytes) -> Counter[float]:
    """How often text is drawn, by its height in points."""
    sizes: Counter[float] = Counter()
    for packed in _STREAM.findall(pdf):
        try:
            content = zlib.decompress(packed)
        except zlib.error:
            continue
        if b" Tf" in content:
            sizes.update(_drawn(content))
    return sizes


def _drawn(content: bytes) -> list[float]:
    scale, kept, size, own, drawn = 1.0, [], 0.0, 1.0, []
    for match in _COMMAND.finditer(content):
        numbers = [float(each) for each in match[1].split() if not each.startswith(b"/")]
        if match[2] == b"q":
            kept.append(scale)
        elif match[2] == b"Q":
            scale = kept.pop()
        elif match[2] == b"cm":
            scale *= _height(numbers)
        elif match[2] == b"Tf":
            size = numbers[-1]
        elif match[2] == b"Tm":
            own = _height(numbers)
        else:
            drawn.append(round(scale * size * own, 2))
    return drawn


def _height(matrix: list[float]) -> float:
    """Scale of a transformation, whatever its rotation."""
    a, b, c, d = matrix[:4]
    return math.sqrt(abs(a * d - b * c))
