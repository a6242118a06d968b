"""Reads the JSON values of a file: one, several in sequence, or one per line; also gzip."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import shown
from pipeline.input_files import decompressed, read_file
from pipeline.input_limits import JSON_BYTES

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_GAP = re.compile(r"[\s\x1e]*")  # JSON text sequences begin each value with a record separator
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # half of a pair of UTF-16, as an escape


class _RepeatedKeyError(ValueError):
    """An object has the same key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise _RepeatedKeyError(f"the key '{shown(repeated)}' is repeated in an object")
    return content


_DECODER = json.JSONDecoder(
    parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object
)
_DAMAGED = re.compile("[\udc80-\udcff]")
TOO_DEEP = "objects are nested too deeply"


class JsonValue(NamedTuple):
    """A value and its first line, or the problem of that line."""

    line: int
    value: Any
    problem: str = ""


def read_text(path: Path) -> str:
    """Read the text of a file, plain or gzip; damaged bytes become lone surrogates.

    Raises
    ------
    InputError
        If the file cannot be read or is too large, or its compressed content is damaged.
    """
    content = read_file(path, most=JSON_BYTES)
    if content.startswith(_GZIP):
        content = decompressed(content, path)
    if content.startswith(_UTF16):
        return content.decode("utf-16", errors="replace")
    return content.decode("utf-8-sig", errors="surrogateescape")


def json_values(text: str, *, by_line: bool) -> list[JsonValue]:
    r"""Parse the JSON values of a text in order; numbers stay text and keep their digits.

    Parameters
    ----------
    text : str
    by_line : bool
        Whether each line is parsed alone, so that a broken line does not end the list.

    Returns
    -------
    list of JsonValue

    Examples
    --------
    >>> [item.value for item in json_values('{"a": 1.50}{"b": 2}', by_line=False)]
    [{'a': '1.50'}, {'b': '2'}]
    >>> [(item.line, bool(item.problem)) for item in json_values('[1]\n{\n[2]', by_line=True)]
    [(1, False), (2, True), (3, False)]
    """
    whole = list(_stream(text, 1))
    if not by_line or not any(item.problem for item in whole):
        return whole
    line_values: list[JsonValue] = []
    for number, line in enumerate(text.split("\n"), start=1):
        values = list(_stream(line, number))
        broken = [item for item in values if item.problem]
        line_values += broken or values
    return line_values if any(not item.problem for item in line_values) else whole


def is_by_line(text: str) -> bool:
    r"""Whether the first non-blank line is a complete object, and other lines follow.

    Examples
    --------
    >>> is_by_line('{"a": 1}\n{"b"'), is_by_line('{"a": 1}'), is_by_line('{\n"a": 1}')
    (True, False, False)
    """
    first, _, rest = text.lstrip().partition("\n")
    return bool(rest.strip()) and not any(item.problem for item in _stream(first, 1))


def _stream(text: str, line: int) -> Iterator[JsonValue]:
    """Yield consecutive values, up to the first problem."""
    place = _end_of_gap(text, 0)
    counted = 0
    while place < len(text):
        line += text.count("\n", counted, place)
        counted = place
        try:
            value, end = _DECODER.raw_decode(text, place)
        except json.JSONDecodeError as error:
            at = line + text.count("\n", place, error.pos)
            yield JsonValue(at, None, f"{error.msg}, column {error.colno}")
            return
        except _RepeatedKeyError as error:
            yield JsonValue(line, None, str(error))
            return
        except RecursionError:
            yield JsonValue(line, None, TOO_DEEP)
            return
        if not isinstance(value, (dict, list)) and _end_of_gap(text, end) < len(text):
            yield JsonValue(line, None, "text follows a value that is not an object")
            return
        damaged = _DAMAGED.search(text, place, end) or (
            _HALF.search(text, place, end) and _has_halves(value)
        )
        yield JsonValue(line, value, "the text has bytes that are not UTF-8" if damaged else "")
        place = _end_of_gap(text, end)


def _has_halves(value: Any) -> bool:
    """Whether a text of a value has a lone surrogate."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _end_of_gap(text: str, place: int) -> int:
    match = _GAP.match(text, place)
    return match.end() if match else place
