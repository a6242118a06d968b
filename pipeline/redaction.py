"""Hides cells of the input in printed messages, unless ``--show-values`` is given.

A message keeps its own text, names of files and columns, and words of the dictionary. A cell of
an input is replaced by its kind, for example ``[text]``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

TEXT, ID = "text", "patient id"
_LONGEST = 200  # characters of a cell that are searched for
_MOST_WORDS = 24
_GAP = 4  # characters between two words of one cell
_TOKEN = re.compile(r"[^\W_]+")
_QUOTED = re.compile(r"(?<![^\W_])'([^'\n]{1,200})'(?![^\W_])")
_OPENING, _CLOSING = re.compile(r"(?<![^\W_])'"), re.compile(r"'(?![^\W_])")
_NUMBER = re.compile(r"[<>=≤≥~\s]*[-+]?\d[\d.,'\s]*(?:[eE][-+]?\d+)?\s*%?")
_TIME = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[T\s].*)?|\d{1,2}:\d{2}.*")
_LONG_NUMBER = 6  # a number outside quotes with fewer digits is taken for a count
_SHORT_WORD = 3  # a shorter cell outside quotes is not searched for


@dataclass
class _State:
    on: bool = False
    cells: dict[str, str] = field(default_factory=dict)
    raw: set[str] = field(default_factory=set)
    free: set[str] = field(default_factory=set)
    hidden: int = 0


_STATE = _State()


def start(arguments: Iterable[str], *, show: bool) -> None:
    """Start hiding cells for one command; text that the user typed is never hidden.

    Parameters
    ----------
    arguments : iterable of str
        Command line.
    show : bool
        Whether nothing is hidden (``--show-values``).

    Examples
    --------
    >>> start(["predict"], show=False)
    >>> hide(["Zyx 9"], TEXT)
    >>> redacted("'zyx-9' is not a unit"), redacted("12 of 40 rows")
    ("'[text]' is not a unit", '12 of 40 rows')
    >>> stop()
    """
    global _STATE
    typed = {token for each in arguments for token in _tokens(each)}
    _STATE = _State(on=not show, free=typed)


def stop() -> None:
    """Stop hiding and drop all recorded cells."""
    global _STATE
    _STATE = _State()


def active() -> bool:
    """Whether cells are being hidden."""
    return _STATE.on


def hid_any() -> bool:
    """Whether a cell was hidden since :func:`start`.

    Returns
    -------
    bool

    Examples
    --------
    >>> start([], show=True)
    >>> hid_any()
    False
    >>> stop()
    """
    return _STATE.hidden > 0


def hide(cells: Iterable[str], kind: str) -> None:
    """Hide the given cells in every later message.

    Parameters
    ----------
    cells : iterable of str
    kind : {"text", "patient id"}
        Shown in place of the cell.

    Examples
    --------
    >>> start([], show=False)
    >>> hide(["Zyx 9"], ID)
    >>> redacted("'Zyx 9' has no infusion time")
    "'[patient id]' has no infusion time"
    >>> stop()
    """
    if not _STATE.on:
        return
    for cell in cells:
        text = cell[:_LONGEST]
        tokens = _tokens(text)
        if kind == TEXT and _is_known("".join(tokens)):
            continue
        if tokens:
            _STATE.cells["".join(tokens)] = kind
            shortened = "".join(_tokens(text[:59]))
            if len(text) > 60 and shortened:
                _STATE.cells[shortened] = kind
        elif text:
            _STATE.raw.add(text)


def allow(names: Iterable[str]) -> None:
    """Never hide the given names of columns and files, even where a cell is equal."""
    if _STATE.on:
        _STATE.free.update("".join(_tokens(name)) for name in names)


def redacted(message: str) -> str:
    """Replace every hidden cell of a message by its kind.

    Parameters
    ----------
    message : str

    Returns
    -------
    str

    Examples
    --------
    >>> start([], show=False)
    >>> hide(["Zyx 9"], TEXT)
    >>> redacted("'Zyx 9' is not a unit")
    "'[text]' is not a unit"
    >>> stop()
    """
    if not _STATE.on:
        return message
    return _without_runs(_without_quoted(message, strict=False))


def without_cells(reason: str, value: str, *, always: bool = False) -> str:
    """Reason of a rejected row without its value and without unknown quoted text.

    Parameters
    ----------
    reason : str
    value : str
        Cell of the row.
    always : bool
        Hide cells even with ``--show-values``, for files that are shared.

    Returns
    -------
    str

    Examples
    --------
    >>> start([], show=False)
    >>> without_cells("'zyx' is not a unit; 731.5 is too high", "731.5")
    "'[text]' is not a unit; [number] is too high"
    >>> stop()
    """
    if not (_STATE.on or always):
        return reason
    if value and value in reason and not _is_known(plain_cell(value)):
        edge = r"(?<![^\W_])", r"(?![^\W_])"
        known = re.compile(edge[0] + re.escape(value) + edge[1])
        reason, count = known.subn(f"[{kind_of(value)}]", reason)
        _STATE.hidden += count
    return _without_runs(_without_quoted(reason, strict=True))


def kind_of(cell: str) -> str:
    """Kind of a cell.

    Parameters
    ----------
    cell : str

    Returns
    -------
    {"number", "time", "text"}

    Examples
    --------
    >>> kind_of("12.5"), kind_of("2026-03-01T08:00"), kind_of("mg/L")
    ('number', 'time', 'text')
    """
    if _NUMBER.fullmatch(cell):
        return "number"
    return "time" if _TIME.fullmatch(cell) else TEXT


def set_vocabulary(vocabulary: Callable[[], frozenset[str]]) -> None:
    """Set the source of dictionary words, each in the form of :func:`plain_cell`."""
    _VOCABULARY[:] = [vocabulary]


def plain_cell(text: str) -> str:
    """Letters and digits of a text, without case and accents.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> plain_cell("IL-6 (Serum)")
    'il6serum'
    """
    return "".join(_tokens(text))


_VOCABULARY: list[Callable[[], frozenset[str]]] = []


def _without_quoted(message: str, *, strict: bool) -> str:
    def replaced(match: re.Match[str]) -> str:
        text = match[1]
        if text.startswith("[") and text.endswith("]"):
            return match[0]
        plain = plain_cell(text)
        kind = _STATE.cells.get(plain) or (kind_of(text) if text in _STATE.raw else "")
        if not kind and kind_of(text) != TEXT and not plain.isalpha():
            kind = kind_of(text)
        if not kind and strict and not _is_known(plain):
            kind = kind_of(text)
        if not kind or (kind != ID and plain in _STATE.free):
            return match[0]
        _STATE.hidden += 1
        return f"'[{kind}]'"

    return _QUOTED.sub(replaced, _without_apostrophes(message))


def _without_apostrophes(message: str) -> str:
    """Hide quoted cells that contain apostrophes."""
    starts = [match.start() for match in _OPENING.finditer(message)]
    ends = [match.start() for match in _CLOSING.finditer(message)]
    if len(starts) < 2 and len(ends) < 2:
        return message
    for start in reversed(starts):
        for end in reversed([each for each in ends if start < each <= start + _LONGEST]):
            cell = message[start + 1 : end]
            kind = _STATE.cells.get(plain_cell(cell))
            if kind and "'" in cell:
                _STATE.hidden += 1
                return _without_apostrophes(f"{message[: start + 1]}[{kind}]{message[end:]}")
    return message


def _without_runs(message: str) -> str:
    """Hide cells outside quotes: the longest run of words that equals a cell."""
    tokens = list(_TOKEN.finditer(message))
    plain = ["".join(_tokens(match[0])) for match in tokens]
    parts, end, place = [], 0, 0
    while place < len(tokens):
        last, run, shown = -1, "", TEXT
        for step in range(place, min(place + _MOST_WORDS, len(tokens))):
            if step > place and tokens[step].start() - tokens[step - 1].end() > _GAP:
                break
            run += plain[step]
            kind = _STATE.cells.get(run)
            if kind and _is_distinctive(run, plain[place : step + 1], kind):
                last, shown = step, kind
        if last < 0:
            place += 1
            continue
        parts += [message[end : tokens[place].start()], f"[{shown}]"]
        end, place = tokens[last].end(), last + 1
        _STATE.hidden += 1
    return "".join([*parts, message[end:]])


def _is_distinctive(run: str, tokens: list[str], kind: str) -> bool:
    """Whether text outside quotes that equals a cell is unlikely to be the message's own text."""
    if all(token in _STATE.free for token in tokens) or (kind != ID and run in _STATE.free):
        return False
    if run.isdigit():
        return len(run) >= _LONG_NUMBER
    wordy = len(tokens) > 1 or not any(sign.isdigit() for sign in run)
    if wordy and all(len(each) < 2 or each.isdigit() or each in own_words() for each in tokens):
        return False
    return len(run) >= (2 if kind == ID else _SHORT_WORD)


@cache
def own_words() -> frozenset[str]:
    """Words of this package's source, and so of its messages."""
    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.py")
    )
    return frozenset(re.findall(r"[a-z]{2,}", source))


def _is_known(plain: str) -> bool:
    return plain in _STATE.free or any(plain in vocabulary() for vocabulary in _VOCABULARY)


def _tokens(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(sign for sign in folded if not unicodedata.combining(sign))
    return _TOKEN.findall(bare)
