"""Maps exported names and codes to the CAR-T products of ``products.yaml``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

import pandas as pd

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.drug_names import names_within
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.resources import schema_yaml

_NAMES = ("brands", "codes", "hcpcs", "icd10pcs", "atc")
_CODE_LISTS = ("hcpcs", "icd10pcs", "atc")


@cache
def product_index() -> dict[str, str]:
    """Normalised name or code, with and without separators, to the short name of the product."""
    index = {}
    for key, entry in schema_yaml("products.yaml")["products"].items():
        for name in (key, entry["generic"], *(name for part in _NAMES for name in entry[part])):
            spelled = normalise_name(name)
            index[spelled] = index[spelled.replace("_", "")] = key
    return index


@cache
def product_codes() -> dict[str, str]:
    """Billing or classification code in capitals to product.

    Returns
    -------
    dict of str to str
        Short name of the product; "" for a code of any CAR-T administration.

    Examples
    --------
    >>> product_codes()["Q2041"], product_codes()["0540T"]
    ('axi-cel', '')
    """
    content = schema_yaml("products.yaml")
    general = content["administration"]
    codes = {code.upper(): "" for part in general.values() for code in part}
    for key, entry in content["products"].items():
        codes |= {code.upper(): key for part in _CODE_LISTS for code in entry[part]}
    return codes


def product_named(text: str) -> str:
    """Product that a text names, alone or as whole words within it; "" for none or several.

    Within a longer text, names of fewer than five letters are ignored.

    Parameters
    ----------
    text : str
        Product as exported.

    Returns
    -------
    str
        Short name.

    Examples
    --------
    >>> product_named("Yescarta"), product_named("KTE-C19"), product_named("AxiCel")
    ('axi-cel', 'axi-cel', 'axi-cel')
    >>> product_named("Kymriah (tisagenlecleucel), lot 7"), product_named("CD19 CAR-T, in house")
    ('tisa-cel', '')
    """
    products = _products_in(text)
    return products.pop() if len(products) == 1 else ""


def read_products(
    raw: pd.DataFrame, file: str, known: Collection[str], ledger: Ledger
) -> pd.DataFrame:
    """Normalise ``product`` to its spelling in the training cohort, else to the short name.

    A brand, generic name or code of ``products.yaml`` is flagged ``product_synonym``; the name of
    one product within a longer text is flagged ``product_in_text``. Other text stays as written.

    Parameters
    ----------
    raw : DataFrame
        The patients table as text.
    file : str
        Name of the table in flags.
    known : collection of str
        Products of the training cohort; empty in training.
    ledger : Ledger
        Receives the flags.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> ledger, raw = Ledger(), pd.DataFrame({"product": ["Yescarta"], "_line": [2]}, dtype="str")
    >>> read_products(raw, "patients.csv", [], ledger)["product"].tolist()
    ['axi-cel']
    >>> ledger.notes()["code"].tolist()
    ['product_synonym']
    """
    if "product" not in raw:
        return raw
    spellings = _spellings(known)
    readings = {text: _reading(text, known, spellings) for text in raw["product"].unique()}
    meant = raw["product"].map(lambda text: readings[text][0] or text).astype("str")
    for code, why in (
        ("product_synonym", "', the same product in data_schema/products.yaml."),
        ("product_in_text", "', the only product named in it."),
    ):
        ledger.note(
            raw,
            raw["product"].map(lambda text, code=code: readings[text][1] == code).astype(bool),
            file=file,
            column="product",
            code=code,
            reason=quoted(raw["product"]) + " is read as '" + meant + why,
            remedy="No action needed if that product was given; otherwise correct the cell.",
        )
    return ledger.remember(file, raw, raw.assign(product=meant))


def respelled(cells: pd.Series, known: Collection[str]) -> pd.Series:
    """Products in the spelling of another cohort; unknown ones stay unchanged.

    Parameters
    ----------
    cells : Series
        Products as exported.
    known : collection of str
        Products of the other cohort.

    Returns
    -------
    Series

    Examples
    --------
    >>> respelled(pd.Series(["axi-cel", "mine", ""]), ["yescarta"]).tolist()
    ['yescarta', 'mine', '']
    """
    spellings = _spellings(known)
    texts = [text for text in cells.dropna().unique() if text]
    readings = {text: _reading(str(text), known, spellings)[0] or text for text in texts}
    return cells.map(lambda text: readings.get(text, text))


def _products_in(text: str) -> set[str]:
    """Products that a text names, alone or within it."""
    name = normalise_name(text)
    exact = product_index().get(name.replace("_", ""))
    if exact:
        return {exact}
    return {product_index()[item] for item in names_within(name, product_index())}


def _reading(text: str, known: Collection[str], spellings: Mapping[str, str]) -> tuple[str, str]:
    """Product of a cell and the code of its flag; both "" if the cell stays unchanged."""
    name, products = normalise_name(text), _products_in(text)
    within = [] if products else names_within(name, known)
    if not name or name in known or len(products) > 1:
        return "", ""
    if products:
        (product,) = products
        meant = spellings.get(product, product)
        exact = name.replace("_", "") in product_index()
        if name == normalise_name(meant):
            return "", ""
        return meant, "product_synonym" if exact else "product_in_text"
    return (within[0].replace("_", "-"), "product_in_text") if len(within) == 1 else ("", "")


def _spellings(known: Collection[str]) -> dict[str, str]:
    """Product of ``products.yaml`` to its spelling in the training cohort, the short name first."""
    named = sorted(known, key=lambda name: (name != normalise_name(product_named(name)), name))
    spellings: dict[str, str] = {}
    for name in named:
        if product := product_named(name):
            spellings.setdefault(product, name.replace("_", "-"))
    return spellings
