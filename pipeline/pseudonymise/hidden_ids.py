"""Finds original ids in cells and headers, whatever their separators, case and leading zeros."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from pipeline.errors import InputError
from pipeline.pseudonymise.released_columns import Account

SHORT = 3  # characters; ids up to here match only whole words that few patients share
_INSIDE = 6  # characters; ids from here on also match inside longer words
_OWN, _ANY = 4, 6  # fewest digits of a numeric cell: id of the row's patient, id of any patient
_SHARED = 3  # patients with the same cell; it is then a word, not an id
_MOST_WORDS = 8
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_TOKENS = re.compile(r"\d+|[^\W\d_]+")
_WORDS = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[<>=≤≥~≈\s]*[+-]?[\d.,'\s]*\d[\d.,'\s]*(?:[eE][+-]?\d+)?\s*(?:\D.{0,15})?")
_LABELLED = re.compile(
    r"\b(?:patient(?:en|in)?|pat|pt|subject|subj|case|mrn|pid|id|fall|nr)\b"
    r"(?:[\W_]*(?:id|nr|no|number|nummer)\b)*[\W_]*(\d+)"
)
# generated columns, and the column of the pseudonym
GENERATED = ("patient_id", "_line")


def plain(text: str) -> str:
    """Letters and digits of an id, without case, accents and leading zeros.

    Examples
    --------
    >>> plain("MRN-0012 34"), plain("mrn1234"), plain("Ä 7")
    ('mrn1234', 'mrn1234', 'a7')
    """
    return "".join(_parts(text))


@dataclass
class IdSearch:
    """Search for the ids of a set of patients in text.

    Attributes
    ----------
    ids : frozenset of str
        Ids as exported.
    """

    ids: frozenset[str]
    _plain: frozenset[str] = field(init=False)
    _lengths: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._plain = frozenset(plain(name) for name in self.ids) - {""}
        inside = {len(name) for name in self._plain if _is_inside(name)}
        self._lengths = tuple(sorted(inside))

    def contains(self, text: str, *, shared: bool = False) -> bool:
        """Whether a text contains an id.

        Parameters
        ----------
        text : str
        shared : bool
            Whether several patients have the same text; a short id in it is then a word.

        Returns
        -------
        bool

        Examples
        --------
        >>> search = IdSearch(frozenset({"MRN-004711", "12", "T3"}))
        >>> [search.contains(text) for text in ("see mrn 4711", "xMRN4711y", "day 12", "pat. 12")]
        [True, True, False, True]
        >>> search.contains("T3"), search.contains("T3", shared=True), search.contains("CT30")
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
        labelled = _LABELLED.findall(_folded(text))
        return any(plain(number) in self._plain for number in labelled)

    def matches_number(self, text: str, own: str) -> bool:
        """Whether a numeric cell is an id: that of its own patient, or a long one.

        Examples
        --------
        >>> search = IdSearch(frozenset({"4711", "20261234"}))
        >>> search.matches_number("4711", "4711"), search.matches_number("4711", "20261234")
        (True, False)
        >>> search.matches_number("20261234", "4711"), search.matches_number("12", "12")
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
    """Rows of a column with an id in the cell."""
    cells, own = table[column].astype("str"), table["patient_id"].astype("str")
    pairs = pd.DataFrame({"cell": cells, "own": own}).drop_duplicates()
    pairs = pairs[pairs["cell"] != ""]
    holders = pairs.groupby("cell")["own"].nunique()
    numbers = {cell for cell in holders.index if _NUMBER.fullmatch(cell)}
    texts = {
        cell
        for cell, patients in holders.items()
        if cell not in numbers and search.contains(str(cell), shared=patients >= _SHARED)
    }
    with_id = cells.isin(texts)
    numeric = pairs[pairs["cell"].isin(numbers)]
    hits = [
        (cell, name)
        for cell, name in numeric.itertuples(index=False)
        if search.matches_number(_leading_number(cell), name)
        or (not _is_number(cell) and search.contains(_after_number(cell)))
    ]
    if hits:
        keys = pd.MultiIndex.from_arrays([cells, own])
        with_id |= keys.isin(pd.MultiIndex.from_tuples(hits))
    return with_id


def without_ids(
    tables: Mapping[str, pd.DataFrame],
    files: Mapping[str, str],
    search: IdSearch,
    times: Mapping[str, Collection[str]],
    account: Account,
) -> dict[str, pd.DataFrame]:
    """Drop columns with an id in the header, and withhold cells with an id.

    In ``patients`` these cells become blank, which means unknown.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Text cells with ``patient_id`` and ``_line``.
    files : mapping of str to str
        File name by table, for the account.
    search : IdSearch
    times : mapping of str to collection of str
        Columns of times by table; they are not searched.
    account : Account
        Receives a line per dropped column and withheld cells.

    Returns
    -------
    dict of str to DataFrame

    Examples
    --------
    >>> labs = pd.DataFrame({"patient_id": ["A7"], "value": ["see A7"], "_line": [2]})
    >>> search, account = IdSearch(frozenset({"A7"})), Account()
    >>> clean = without_ids({"labs": labs}, {"labs": "labs.csv"}, search, {"labs": ()}, account)
    >>> clean["labs"]["value"].tolist(), account.lines
    (['unreadable'], ["withheld ('unreadable'): labs.csv, column value, row 2: 1 cell with an id"])
    """
    made = {}
    for name, table in tables.items():
        file = files[name]
        for place, column in enumerate(list(table.columns), start=1):
            if column in GENERATED or column in times[name]:
                continue
            if search.contains(str(column)):
                account.add(f"dropped: {file}, column {place}: its name contains an id")
                table = table.drop(columns=column)
                continue
            chosen = cells_with_ids(table, column, search)
            why = "with an id"
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
    """Stop a release that still contains an original id.

    Parameters
    ----------
    released : mapping of str to DataFrame
        Tables under pseudonyms.
    files : mapping of str to str
        File name by table, for the message.
    search : IdSearch
    own : mapping of str to Series
        Original id of each row, by table.
    times : iterable of str
        Columns of times; they are generated and not searched.

    Raises
    ------
    InputError
        If a header or cell contains an original id.

    Examples
    --------
    >>> labs, search = pd.DataFrame({"patient_id": ["Px"], "A7": [""]}), IdSearch(frozenset({"A7"}))
    >>> refuse_remaining_ids(
    ...     {"labs": labs}, {"labs": "labs.csv"}, search, {"labs": pd.Series(["A7"])}, []
    ... )  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pipeline.errors.InputError: labs.csv, column 2: an original id remains...
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
                    and (search.contains(str(each)) or cells_with_ids(tested, each, search).any())
                ),
                "",
            )
        if column:
            place = list(table.columns).index(column) + 1
            raise InputError(
                f"{files[name]}, column {place}: an original id remains in the release; nothing "
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
    match = re.match(r"[<>=≤≥~≈\s]*[+-]?[\d.,'\s]*\d(?:[.,]\d+)?", cell)
    return match.group() if match else ""


def _after_number(cell: str) -> str:
    return cell[len(_leading_number(cell)) :]
