"""Reads lab rows and parameters from the JSON body of a request."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.cohort.schema import canonical_header
from pipeline.errors import InputError
from pipeline.model.lab_row_columns import NOT_TAKEN, REQUIRED
from pipeline.predict.lab_rows import COMMA
from pipeline.serve.refusal import Refusal, bad_request
from pipeline.serve.service_limits import ServiceLimits

TABLES = ("dataframe_split", "dataframe_records", "inputs", "instances")
PARAMETERS = ("as_of", "decimal_comma")
_NUMBER = re.compile(
    r"[+-]?([0-9]{1,15}\.?[0-9]{0,15}|\.[0-9]{1,15})(e[+-]?[0-9]{1,3})?", re.IGNORECASE
)
_SPLIT = {"columns", "data", "index"}
_LARGEST = 2**53  # JSON libraries read larger whole numbers differently
_LONGEST = 1000
_CELLS: frozenset[type] = frozenset({str, int, float, type(None)})
_KINDS = {bool: "true or false", list: "a list", dict: "an object"}


@dataclass(frozen=True)
class LabRequest:
    """A valid request.

    Attributes
    ----------
    rows : DataFrame
        Rows as sent, with ``patient_id`` as text.
    as_of : str or None
        Hour since the infusion; rows from this hour on are dropped.
    decimal_comma : str
        ``true``, ``false`` or blank.
    """

    rows: pd.DataFrame
    as_of: str | None = None
    decimal_comma: str = ""

    @property
    def patient_ids(self) -> set[str]:
        """Every patient of the request."""
        return set(self.rows["patient_id"])


def parse_request(
    body: bytes, optional: Collection[str] = (), limits: ServiceLimits | None = None
) -> LabRequest:
    """Read the body of a request.

    Parameters
    ----------
    body : bytes
        JSON with one of ``dataframe_split``, ``dataframe_records``, ``inputs`` and ``instances``,
        and optionally ``params``.
    optional : collection of str
        Columns that are accepted in addition to the required ones.
    limits : ServiceLimits, optional
        Limits of rows and patients; the defaults if omitted.

    Returns
    -------
    LabRequest

    Raises
    ------
    Refusal
        400, or 413 for too many rows or patients. The message has the field, the number of the row
        and the kind of value, never the value.

    Examples
    --------
    >>> body = (
    ...     b'{"dataframe_records": [{"patient_id": 7, "analyte": "CRP", "value": "12", '
    ...     b'"unit": "mg/L", "collected_hours": 50}], "params": {"as_of": 60}}'
    ... )
    >>> request = parse_request(body)
    >>> request.patient_ids, request.as_of
    ({'7'}, '60')
    """
    limits = limits or ServiceLimits()
    content = _json(body)
    if not isinstance(content, dict):
        raise bad_request(
            "shape", f"the body is not a JSON object; send one of {', '.join(TABLES)}"
        )
    names = [name for name in TABLES if name in content]
    if len(names) != 1 or set(content) - {names[0], "params"}:
        raise bad_request(
            "shape",
            f"the body has no table, several tables, or an unknown field; send one of "
            f"{', '.join(TABLES)}, and optionally params",
        )
    name = names[0]
    rows = _table(name, content[name], [*REQUIRED, *optional, *NOT_TAKEN], limits.rows)
    rows["patient_id"] = _ids(name, rows["patient_id"])
    if rows["patient_id"].nunique() > limits.patients:
        raise _too_many(name, "patients", limits.patients)
    as_of, decimal_comma = _parameters(content.get("params"))
    return LabRequest(rows, as_of, decimal_comma)


def _json(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant
        )
    except RecursionError as error:
        raise bad_request("json", "the body is nested too deeply; send a flat table") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, character {error.colno}"
        raise bad_request("json", f"the body is not JSON ({place}); correct it") from error
    except UnicodeDecodeError as error:
        message = f"the body is not UTF-8 (byte {error.start + 1}); encode it as UTF-8"
        raise bad_request("json", message) from error
    except ValueError as error:  # Python refuses whole numbers of thousands of digits
        raise bad_request("json", "the body has a number that is too long; give text") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise bad_request("json", "an object of the body has a field twice; give each field once")
    return content


def _no_constant(name: str) -> None:
    raise bad_request("json", "NaN and Infinity are not JSON; give null or text")


def _table(name: str, content: Any, known: list[str], most: int) -> pd.DataFrame:
    """Table of the request, with canonical column names and cells of text, numbers and null."""
    header, columns = _columns(name, content, most)
    if any(not isinstance(column, str) for column in header):
        raise bad_request("columns", f"a column name of {name} is not text; give text")
    try:
        header, _ = canonical_header([column.strip() for column in header], known, name)
    except InputError as error:
        message = f"{name} repeats a column or has none; give each column once"
        raise bad_request("columns", message) from error
    _refuse_columns(name, header)
    taken = [(key, column) for key, column in zip(header, columns, strict=True) if key in known]
    for key, column in taken:
        _refuse_cells(name, key, column)
    return pd.DataFrame({key: pd.Series(column, dtype=object) for key, column in taken})


def _columns(name: str, content: Any, most: int) -> tuple[list[Any], list[list[Any]]]:
    """Column names and the cells of each column."""
    if name == "dataframe_split":
        header, cells = _split(name, content)
        _refuse_count(name, len(cells), most)
        return header, [list(column) for column in zip(*cells, strict=True)]
    if name == "inputs" and isinstance(content, dict):
        if any(not isinstance(column, list) for column in content.values()):
            raise bad_request("shape", f"a column of {name} is not a list; give a list of cells")
        if len({len(column) for column in content.values()}) > 1:
            raise bad_request(
                "shape", f"the columns of {name} differ in length; give one cell per row"
            )
        _refuse_count(name, len(next(iter(content.values()), [])), most)
        return list(content), list(content.values())
    if not isinstance(content, list) or any(not isinstance(row, dict) for row in content):
        raise bad_request("shape", f"{name} is not a list of objects; give one object per row")
    _refuse_count(name, len(content), most)
    header = list(dict.fromkeys(key for row in content for key in row))
    return header, [[row.get(key) for row in content] for key in header]


def _split(name: str, content: Any) -> tuple[list[Any], list[list[Any]]]:
    expected = isinstance(content, dict) and {"columns", "data"} <= set(content) <= _SPLIT
    if not expected or not all(isinstance(content[key], list) for key in ("columns", "data")):
        raise bad_request(
            "shape", f"{name} is not an object; give one with the lists columns and data"
        )
    header, cells = content["columns"], content["data"]
    for number, row in enumerate(cells, start=1):
        if not isinstance(row, list) or len(row) != len(header):
            raise bad_request(
                "shape",
                f"row {number} of {name} does not have {len(header)} cells; give one per column",
            )
    return header, cells


def _refuse_count(name: str, count: int, most: int) -> None:
    if count == 0:
        raise bad_request("rows", f"{name} has no usable row; send at least one row")
    if count > most:
        raise _too_many(name, "rows", most)


def _too_many(name: str, what: str, most: int) -> Refusal:
    message = f"{name} has more than {most} {what}; send fewer, or use cytocast predict"
    return Refusal(413, what, message)


def _refuse_columns(name: str, header: Collection[str]) -> None:
    missing = [key for key in REQUIRED if key not in header]
    clocks = [key for key in NOT_TAKEN if key in header]
    if clocks:
        raise bad_request(
            "columns",
            f"{name} has the column {', '.join(clocks)}; give times as hours since the infusion in "
            "collected_hours and resulted_hours",
        )
    if missing:
        raise bad_request("columns", f"{name} lacks the column {', '.join(missing)}; add it")


def _refuse_cells(name: str, key: str, column: list[Any]) -> None:
    """Refuse cells other than text, numbers and null, and text that is not Unicode."""
    for kind in set(map(type, column)) - _CELLS:
        row = next(number for number, cell in enumerate(column, 1) if type(cell) is kind)
        raise bad_request(
            "cells",
            f"{_place(name, row, key)} has {_KINDS.get(kind, 'another type')}; give text, a "
            "number or null",
        )
    for row, cell in enumerate(column, start=1):
        if isinstance(cell, int) and abs(cell) > _LARGEST:
            raise bad_request(
                "cells", f"{_place(name, row, key)} has a number of more than 15 digits; give text"
            )
        if isinstance(cell, float) and not math.isfinite(cell):
            raise bad_request(
                "cells", f"{_place(name, row, key)} has a number that is too large; give text"
            )
        if isinstance(cell, str) and len(cell) > _LONGEST:
            raise bad_request(
                "cells", f"{_place(name, row, key)} has more than {_LONGEST} characters; shorten it"
            )
        if isinstance(cell, str) and not cell.isascii() and _has_surrogate(cell):
            raise bad_request(
                "cells", f"{_place(name, row, key)} has a lone surrogate; give Unicode"
            )


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in text)


def _ids(name: str, column: Iterable[Any]) -> list[str]:
    """Ids as text that reading does not change."""
    ids = []
    for row, cell in enumerate(column, start=1):
        place = _place(name, row, "patient_id")
        if isinstance(cell, float) and not (cell.is_integer() and abs(cell) <= _LARGEST):
            raise bad_request("patient_id", f"{place} has a decimal number; give text")
        text = "" if cell is None else cell if isinstance(cell, str) else str(int(cell))
        if not text.strip():
            raise bad_request("patient_id", f"{place} is blank; give an id")
        if text != text.strip() or not text.isprintable():
            raise bad_request(
                "patient_id",
                f"{place} has a control character, or a blank at its start or end; give printable "
                "ids",
            )
        ids.append(text)
    return ids


def _place(name: str, row: int, key: str) -> str:
    return f"row {row} of {name}, column {key},"


def _parameters(params: Any) -> tuple[str | None, str]:
    if params is None:
        return None, ""
    if not isinstance(params, dict) or set(params) - set(PARAMETERS):
        raise bad_request(
            "params", f"params accepts only {' and '.join(PARAMETERS)}; remove the rest"
        )
    return _as_of(params.get("as_of")), _decimal_comma(params.get("decimal_comma"))


def _as_of(sent: Any) -> str | None:
    if sent is None or sent == "":
        return None
    number = isinstance(sent, str | int | float) and not isinstance(sent, bool)
    text = str(sent).strip() if number else ""
    # the pattern is narrower than float(), which also reads inf, nan and 1_0
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise bad_request("as_of", "params.as_of is not a number; give hours since the infusion")
    return text


def _decimal_comma(sent: Any) -> str:
    if isinstance(sent, bool):
        return str(sent).lower()
    if sent is None or sent == "":
        return ""
    if isinstance(sent, str) and sent in COMMA:
        return sent
    raise bad_request(
        "decimal_comma", "params.decimal_comma is not accepted; give true, false or blank"
    )
