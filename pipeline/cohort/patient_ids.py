"""Patient ids that every output can show: only printable characters and plain spaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pipeline.errors import IGNORABLE

if TYPE_CHECKING:
    from pipeline.cohort.ledger import Ledger

UNUSABLE = "id_unusable"
ID_COLUMNS = ("patient_id", "person_id")
_MARK = r"\u{"
_REMEDY = (
    "Use letters, digits, signs and plain spaces in ids. rejects.csv and predictions.csv show "
    r"every other character as \u{hexadecimal}."
)


def shown_id(text: str) -> str:
    r"""Id as outputs show it; different ids always look different.

    Invisible characters are written as code points, as is a backslash that begins this notation.
    Every id that changes here is rejected.

    Examples
    --------
    >>> shown_id("P-1 a"), shown_id("a\rb"), shown_id("a\u200bb"), shown_id(r"a\u{d}b")
    ('P-1 a', 'a\\u{d}b', 'a\\u{200b}b', 'a\\u{5c}u{d}b')
    """
    if text.isascii() and text.isprintable() and _MARK not in text:
        return text
    plain = text.replace(_MARK, r"\u{5c}u{")
    return "".join(
        sign if sign.isprintable() and not IGNORABLE.match(sign) else f"\\u{{{ord(sign):x}}}"
        for sign in plain
    )


def bare_ids(cells: pd.Series) -> pd.Series:
    r"""Ids without plain spaces around them; any other space belongs to the id.

    Examples
    --------
    >>> bare_ids(pd.Series([" A ", "A\u2028"], dtype="str")).tolist()
    ['A', 'A\u2028']
    """
    return cells.str.strip(" ")


def bare_cells(name: str, cells: pd.Series) -> pd.Series:
    r"""Cells of a column without space around them; of ids, only plain spaces are removed.

    Examples
    --------
    >>> bare_cells("unit", pd.Series(["mg/L\u2028"], dtype="str")).tolist()
    ['mg/L']
    """
    return bare_ids(cells) if name in ID_COLUMNS else cells.str.strip()


def refuse_unusable_ids(table: pd.DataFrame, file: str, ledger: Ledger) -> pd.DataFrame:
    """Reject rows whose id has an invisible character; outputs show these ids escaped.

    Parameters
    ----------
    table : DataFrame
        ``patient_id`` as text.
    file : str
        Name of the table in rejects.
    ledger : Ledger
        Receives the rejected rows.
    """
    if "patient_id" not in table:
        return table
    ids = table["patient_id"]
    changed = {name: shown_id(name) for name in ids.unique() if shown_id(name) != name}
    if not changed:
        return table
    bad = ids.isin(list(changed))
    ledger.refused_ids.update(changed.values())
    named = table.assign(patient_id=ids.mask(bad, ids.map(changed)).astype("str"))
    return ledger.reject(
        named,
        bad,
        file=file,
        column="patient_id",
        code=UNUSABLE,
        reason="'patient_id' has an invisible character.",
        remedy=_REMEDY,
    )
