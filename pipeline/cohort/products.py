"""Products of a batch under the names that the training cohort has for them."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.drugs import names_within
from pipeline.cohort.rejects import Ledger, quoted


def read_products(
    raw: pd.DataFrame, file: str, known: Collection[str], ledger: Ledger
) -> pd.DataFrame:
    """Replace a product that holds the name of exactly one known product by that name, flagged.

    Parameters
    ----------
    raw : DataFrame
        The patients table as text.
    known : collection of str
        Products of the training cohort, as its reference names them.
    """
    if "product" not in raw or not known:
        return raw
    read = {}
    for text in raw["product"].unique():
        name = normalise_name(text)
        found = [] if name in known else names_within(name, known)
        if len(found) == 1:
            read[text] = found[0].replace("_", "-")
    meant = raw["product"].map(lambda text: read.get(text, text)).astype("str")
    ledger.note(
        raw,
        raw["product"].isin(list(read)),
        file=file,
        column="product",
        code="product_in_text",
        reason=quoted(raw["product"])
        + " is read as '"
        + meant
        + "', the one product of the training cohort whose name stands in it.",
        remedy="Nothing, if that product was given; else correct the cell.",
    )
    return ledger.remember(file, raw, raw.assign(product=meant))
