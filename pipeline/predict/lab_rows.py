"""Scores lab rows in memory, for callers without files."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from pipeline.cohort.files import RawTable, raw_from_frame
from pipeline.errors import InputError
from pipeline.model.bundle import Bundle
from pipeline.predict.predictions_table import ModelName
from pipeline.predict.prepare import prepare_batch, read_for
from pipeline.predict.score import score_batch

COMMA = {"true": True, "false": False}


def score_lab_rows(
    rows: pd.DataFrame,
    bundle: Bundle,
    name: ModelName,
    *,
    as_of: str | None = None,
    decimal_comma: str = "",
) -> pd.DataFrame:
    """Predictions for every patient of the given lab rows.

    Parameters
    ----------
    rows : DataFrame
        The columns of :mod:`pipeline.model.lab_row_columns`.
    bundle : Bundle
    name : ModelName
        Name and version of the model on every row.
    as_of : str, optional
        Cut-off in hours since time zero; rows from then on are rejected.
    decimal_comma : str
        ``true`` if 12,5 is 12.5, ``false`` if 1,234 is 1234; blank as in training.

    Returns
    -------
    DataFrame
        The columns of ``predictions.csv``; None where a cell is empty.

    Raises
    ------
    InputError
        If the table or ``decimal_comma`` cannot be read.
    UsageError
        If ``as_of`` is not a moment.
    """
    bundle = reading_commas(bundle, decimal_comma)
    read = read_for(bundle, lab_tables(rows, bundle), as_of=as_of)
    prepared = prepare_batch(read, bundle, as_of=as_of is not None)
    scored = score_batch(prepared, name).predictions
    # None instead of NaN, because JSON has no NaN
    return scored.astype({key: object for key in scored if scored[key].isna().any()}).where(
        scored.notna(), None
    )


def reading_commas(bundle: Bundle, stated: str) -> Bundle:
    """The bundle with the ``cohort.decimal_comma`` of a request; unchanged where blank.

    Raises
    ------
    InputError
        If it is neither ``true`` nor ``false`` nor blank.
    """
    if not stated:
        return bundle
    if stated not in COMMA:
        raise InputError(f"decimal_comma is {stated!r}; give true or false, or leave it out")
    cohort = bundle.config.cohort.model_copy(update={"decimal_comma": COMMA[stated]})
    return replace(bundle, config=bundle.config.model_copy(update={"cohort": cohort}))


def lab_tables(rows: pd.DataFrame, bundle: Bundle) -> dict[str, RawTable]:
    """Split lab rows into the tables ``labs`` and ``patients``."""
    host = [column.name for column in bundle.reference.spec.host if column.name in rows]
    patients = rows[["patient_id", *host]].copy()
    # a host value on one row applies to all rows of the patient; reading rejects contradictions
    for name in host:
        filled = patients.groupby("patient_id", sort=False)[name].ffill()
        patients[name] = filled.groupby(patients["patient_id"], sort=False).bfill()
    tables = {"patients": patients.drop_duplicates(), "labs": rows.drop(columns=host)}
    return {name: raw_from_frame(table, name) for name, table in tables.items()}
