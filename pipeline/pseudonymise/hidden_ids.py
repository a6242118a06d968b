"""Original ids inside other cells and headers: found under any separator, case or leading zeros."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from pipeline.errors import InputError
from pipeline.pseudonymise.released_columns import Account

SHORT = 3  # signs; shorter ids count only as whole words that few patients share
_INSIDE = 6  # signs from which an id is also found within a longer word
_OWN, _ANY = 4, 6  # digits of a cell that is a number: of the row's patient, of any patient
_SHARED = 3  # patients who share a cell, so that it is a word and no id
_MOST_WORDS = 8
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_TOKENS = re.compile(r"\d+|[^\W\d_]+")
_WORDS = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[<>=≤≥~≈\s]*[+-]?[\d.,'\s]*\d[\d.,'\s]*(?:[eE][+-]?\d+)?\s*(?:\D.{0,15})?")
_ANNOUNCED = re.compile(
    r"\b(?:patient(?:en|in)?|pat|pt|subject|subj|case|mrn|pid|id|fall|nr)\b"
    r"(?:[\W_]*(?:id|nr|no|number|nummer)\b)*[\W_]*(\d+)"
)
# cells that are generated, or that hold the pseudonym
GENERATED = ("patient_id", "_line")


def plain(text: str) -> str:
    """Signs of an id that count: letters and digits, without case, accents and leading zeros.

    Examples
    --------
    >>> plain("MRN-0012 34"), plain("mrn1234"), plain("Ä 7")
    ('mrn1234', 'mrn1234', 'a7')
    """
    return "".join(_parts(text))


@dataclass
class IdSearch:
    """Finds the ids of a set of patients in text.

    Attributes
    ----------
    ids : frozenset of str
        Ids as written.
    """

    ids: frozenset[str]
    _plain: frozenset[str] = field(init=False)
    _lengths: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._plain = frozenset(plain(name) for name in self.ids) - {""}
        inside = {len(name) for name in self._plain if _is_inside(name)}
        self._lengths = tuple(sorted(inside))

    def holds(self, text: str, *, shared: bool = False) -> bool:
        """Whether a text holds an id.

        Parameters
        ----------
        shared : bool
            Whether several patients have the same text, so that a short id in it is a word.

        Examples
        --------
        >>> search = IdSearch(frozenset({"MRN-004711", "12", "T3"}))
        >>> [search.holds(text) for text in ("see mrn 4711", "xMRN4711y", "day 12", "pat. 12")]
        [True, True, False, True]
        >>> search.holds("T3"), search.holds("T3", shared=True), search.holds("CT30")
        (True, False, False)
        """
        parts = _parts(text)
        if not parts:
            return False
        joined = "".join(parts)
        for length in self._lengths:
            for start in range(len(joined) - length + 1):
                if joined[start : start + length] in self._plain:
                    return True
        words = [plain(word) for word in _WORDS.findall(_folded(text))]
        for start in range(len(words)):
            run = ""
            for word in words[start : start + _MOST_WORDS]:
                run += word
                if run in self._plain and self._counts(run, shared=shared):
                    return True
        announced = _ANNOUNCED.findall(_folded(text))
        return any(plain(number) in self._plain for number in announced)

    def holds_number(self, text: str, own: str) -> bool:
        """Whether a cell that is a number is an id: of its own patient, or long enough.

        Examples
        --------
        >>> search = IdSearch(frozenset({"4711", "20261234"}))
        >>> search.holds_number("4711", "4711"), search.holds_number("4711", "20261234")
        (True, False)
        >>> search.holds_number("20261234", "4711"), search.holds_number("12", "12")
        (True, False)
        """
        digits = re.sub(r"[.,]0+$", "", text.strip().lstrip("<>=≤≥~≈ "))
        number = plain(digits)
        if not number.isdigit() or number not in self._plain:
            return False
        return len(number) >= _ANY or (len(number) >= _OWN and number == plain(own))

    def _counts(self, run: str, *, shared: bool) -> bool:
        if len(run) <= SHORT:
            return not shared and not run.isdigit()
        return not (shared and run.isalpha())


def cells_with_ids(table: pd.DataFrame, column: str, search: IdSearch) -> pd.Series:
    """Rows of a column whose cell holds an id."""
    cells, own = table[column].astype("str"), table["patient_id"].astype("str")
    pairs = pd.DataFrame({"cell": cells, "own": own}).drop_duplicates()
    pairs = pairs[pairs["cell"] != ""]
    holders = pairs.groupby("cell")["own"].nunique()
    numbers = {cell for cell in holders.index if _NUMBER.fullmatch(cell)}
    texts = {
        cell
        for cell, patients in holders.items()
        if cell not in numbers and search.holds(str(cell), shared=patients >= _SHARED)
    }
    found = cells.isin(texts)
    doubtful = pairs[pairs["cell"].isin(numbers)]
    hits = [
        (cell, name)
        for cell, name in doubtful.itertuples(index=False)
        if search.holds_number(_leading_number(cell), name)
        or (not _is_number(cell) and search.holds(_after_number(cell)))
    ]
    if hits:
        keys = pd.MultiIndex.from_arrays([cells, own])
        found |= keys.isin(pd.MultiIndex.from_tuples(hits))
    return found


def without_ids(
    tables: Mapping[str, pd.DataFrame],
    files: Mapping[str, str],
    search: IdSearch,
    times: Mapping[str, Collection[str]],
    account: Account,
) -> dict[str, pd.DataFrame]:
    """Tables without columns whose header holds an id; cells that hold one are withheld.

    A category of patients is left blank instead, which stands for an unknown one.
    """
    made = {}
    for name, table in tables.items():
        file = files[name]
        for place, column in enumerate(list(table.columns), start=1):
            if column in GENERATED or column in times[name]:
                continue
            if search.holds(str(column)):
                account.say(f"dropped: {file}, column {place}: its name holds the id of a patient")
                table = table.drop(columns=column)
                continue
            chosen = cells_with_ids(table, column, search)
            why = "with the id of a patient inside"
            blank = name == "patients"
            table = account.withhold(table, column, chosen, file=file, why=why, blank=blank)
        made[name] = table
    return made


def refuse_remaining_ids(
    released: Mapping[str, pd.DataFrame],
    files: Mapping[str, str],
    search: IdSearch,
    own: Mapping[str, pd.Series],
    times: Iterable[str],
) -> None:
    """Stop a release that still holds an original id.

    Parameters
    ----------
    own : mapping of str to Series
        The original ids of the rows, by table.
    times : collection of str
        Columns of times, which are generated.

    Raises
    ------
    InputError
    """
    skipped = {*GENERATED, *times}
    for name, table in released.items():
        if table["patient_id"].isin(search.ids - {""}).any():
            column = "patient_id"
        else:
            tested = table.assign(patient_id=own[name].to_numpy())
            column = next(
                (
                    str(each)
                    for each in table.columns
                    if each not in skipped
                    and (search.holds(str(each)) or cells_with_ids(tested, each, search).any())
                ),
                "",
            )
        if column:
            place = list(table.columns).index(column) + 1
            raise InputError(
                f"{files[name]}, column {place}: an original id is left in the release; nothing "
                "is written. Leave the column out, or remove the id at the source"
            )


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def _parts(text: str) -> list[str]:
    return [_ZEROS.sub("", part) for part in _TOKENS.findall(_folded(text))]


def _is_inside(name: str) -> bool:
    return len(name) >= _INSIDE and any(sign.isdigit() for sign in name)


def _is_number(cell: str) -> bool:
    return not any(sign.isalpha() for sign in cell)


def _leading_number(cell: str) -> str:
    found = re.match(r"[<>=≤≥~≈\s]*[+-]?[\d.,'\s]*\d(?:[.,]\d+)?", cell)
    return found.group() if found else ""


def _after_number(cell: str) -> str:
    return cell[len(_leading_number(cell)) :]
