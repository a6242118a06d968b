"""Categorical fields of the patients table: one word per meaning; other words are reported."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import pandas as pd

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.schema import TableSchema, to_number
from pipeline.errors import listed
from pipeline.remedy import Remedy
from pipeline.resources import schema_yaml

_STATE_WORDS = "State male, female or unknown. Export the label of a code, not the code."
_CORRECT_LEVEL = Remedy(
    train="Correct the cell, or train with patients of this category.",
    operator="Correct the cell if another spelling is meant.",
)


def sex_of(text: str) -> str | None:
    """Normalised sex: male, female, "" for a stated unknown, None where not legal.

    All words of a label must agree; a code followed by its meaning is accepted.

    Examples
    --------
    >>> [sex_of(text) for text in ("F", "weiblich", "8507", "2 = Female", "U")]
    ['female', 'female', 'male', 'female', '']
    >>> sex_of("2") is None, sex_of("not male") is None
    (True, True)
    """
    name = _spelled(text)
    if name in _sexes():
        return _sexes()[name]
    words = [word for word in name.split("_") if word not in _rules()["unstated"]]
    meanings = {_sexes().get(word) for word in words}
    return meanings.pop() if len(meanings) == 1 else None


def read_sex(raw: pd.DataFrame, file: str, ledger: Ledger) -> pd.DataFrame:
    """Give each sex one word; a cell that is not legal is listed and ignored.

    Parameters
    ----------
    raw : DataFrame
        The patients table as text.
    """
    if "sex" not in raw:
        return raw
    texts = [text for text in raw["sex"].unique() if text]
    present = set(map(_spelled, texts))
    clashing = {
        name for name, others in _rules()["clashes"].items() if not present.isdisjoint(others)
    }
    readings = {text: None if _spelled(text) in clashing else sex_of(text) for text in texts}
    illegal = raw["sex"].isin([text for text, word in readings.items() if word is None])
    ledger.ignore_cells(
        raw,
        illegal,
        file=file,
        column="sex",
        code="illegal_value",
        reason=quoted(raw["sex"]) + " is not a legal sex; legal: male, female, unknown, M, F, "
        "and the words of data_schema/categories.yaml.",
        remedy=_STATE_WORDS,
    )
    meant = raw["sex"].map(lambda text: readings.get(text) or "").astype("str")
    return ledger.remember(file, raw, raw.assign(sex=meant))


def check_host_columns(
    raw: pd.DataFrame, file: str, levels: Mapping[str, Collection[str]], ledger: Ledger
) -> pd.DataFrame:
    """List cells of ``patients`` that a model uses but cannot read.

    A category that training did not keep is flagged ``unseen_category``: it counts as none of the
    known ones. A cell without a number, in a column of numbers, is ignored as ``illegal_value``.

    Parameters
    ----------
    raw : DataFrame
        The patients table as text.
    levels : mapping
        Column to the categories of training, normalised; to nothing where it holds numbers.
    """
    fields = TableSchema.load("patients").fields
    for name, known in levels.items():
        typed = fields.get(name, {}).get("type") in ("number", "integer")  # checked by its schema
        if name not in raw or typed or name in ("sex", "product"):
            continue
        filled = raw[name] != ""
        if known:
            spelled = raw[name].map(normalise_name)
            ledger.note(
                raw,
                filled & ~spelled.isin(list(known)),
                file=file,
                column=name,
                code="unseen_category",
                reason=quoted(raw[name]) + f" occurs in '{name}' of fewer than 5 training "
                f"patients, so it counts as none of {listed(sorted(known))}.",
                remedy=_CORRECT_LEVEL,
            )
            continue
        illegal = filled & to_number(raw[name]).isna()
        ledger.ignore_cells(
            raw,
            illegal,
            file=file,
            column=name,
            code="illegal_value",
            reason=quoted(raw[name]) + " is not a number; this column was numeric in training.",
            remedy=f"Correct '{name}' or leave it blank.",
        )
        raw = ledger.remember(file, raw, raw.assign(**{name: raw[name].mask(illegal, "")}))
    return raw


def _rules() -> Mapping[str, Any]:
    rules: Mapping[str, Any] = schema_yaml("categories.yaml")["sex"]
    return rules


@cache
def _sexes() -> dict[str, str]:
    """Normalised spelling to the word it is read as; "" for a stated unknown."""
    rules = _rules()
    words = {_spelled(name): "" for name in rules["unknown"]}
    for level, names in rules["levels"].items():
        words |= {_spelled(name): level for name in names}
    return words


def _spelled(text: str) -> str:
    """Normalised text; text without a letter or digit stays unchanged."""
    return normalise_name(text) or text.strip()
