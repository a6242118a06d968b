"""Categorical fields of the patients table: one spelling per meaning; others are reported."""

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
    """Normalised sex: male, female, "" for a stated unknown, None for any other text.

    All words of a label must agree; a code followed by its meaning is accepted.

    Parameters
    ----------
    text : str
        Cell as exported.

    Returns
    -------
    str or None

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
    parts = [part for part in name.split("_") if part not in _rules()["unstated"]]
    meanings = {_sexes().get(part) for part in parts}
    return meanings.pop() if len(meanings) == 1 else None


def read_sex(raw: pd.DataFrame, file: str, ledger: Ledger) -> pd.DataFrame:
    """Normalise ``sex`` to ``male``, ``female`` or ""; other text is ignored as ``illegal_value``.

    Parameters
    ----------
    raw : DataFrame
        The patients table as text.
    file : str
        Name of the table in rejects.
    ledger : Ledger
        Receives the ignored cells.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> ledger, raw = Ledger(), pd.DataFrame({"sex": ["F", "2"], "_line": [2, 3]}, dtype="str")
    >>> read_sex(raw, "patients.csv", ledger)["sex"].tolist(), ledger.frame()["code"].tolist()
    (['female', ''], ['illegal_value'])
    """
    if "sex" not in raw:
        return raw
    texts = [text for text in raw["sex"].unique() if text]
    present = set(map(_spelled, texts))
    clashing = {
        name for name, others in _rules()["clashes"].items() if not present.isdisjoint(others)
    }
    readings = {text: None if _spelled(text) in clashing else sex_of(text) for text in texts}
    illegal = raw["sex"].isin([text for text, sex in readings.items() if sex is None])
    ledger.ignore_cells(
        raw,
        illegal,
        file=file,
        column="sex",
        code="illegal_value",
        reason=quoted(raw["sex"]) + " is not a sex. Accepted: male, female, unknown, M, F, "
        "and the spellings in data_schema/categories.yaml.",
        remedy=_STATE_WORDS,
    )
    meant = raw["sex"].map(lambda text: readings.get(text) or "").astype("str")
    return ledger.remember(file, raw, raw.assign(sex=meant))


def check_host_columns(
    raw: pd.DataFrame, file: str, levels: Mapping[str, Collection[str]], ledger: Ledger
) -> pd.DataFrame:
    """Report cells of ``patients`` that a model uses but cannot read.

    A category that training did not keep is flagged ``unseen_category``. Text in a numeric column
    is ignored as ``illegal_value``.

    Parameters
    ----------
    raw : DataFrame
        The patients table as text.
    file : str
        Name of the table in rejects.
    levels : mapping
        Column to its normalised training categories; an empty collection for a numeric column.
    ledger : Ledger
        Receives flags and ignored cells.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> ledger, raw = Ledger(), pd.DataFrame({"disease": ["CLL"], "_line": [2]})
    >>> checked = check_host_columns(raw, "patients.csv", {"disease": {"dlbcl"}}, ledger)
    >>> ledger.notes()["code"].tolist()
    ['unseen_category']
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
                reason=quoted(raw[name]) + f" in '{name}' occurs in fewer than 5 training "
                f"patients. Categories in the model: {listed(sorted(known))}.",
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
    """Normalised spelling to male or female; "" for a stated unknown."""
    rules = _rules()
    sexes = {_spelled(name): "" for name in rules["unknown"]}
    for level, names in rules["levels"].items():
        sexes |= {_spelled(name): level for name in names}
    return sexes


def _spelled(text: str) -> str:
    """Normalised text; text without a letter or digit stays unchanged."""
    return normalise_name(text) or text.strip()
