"""Units of lab rows: assumed units, conversion factors, and conflicts with a LOINC code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.cohort.analyte_resolver import AnalyteResolver, local_analyte
from pipeline.cohort.analytes import Analyte, dictionary, local_key
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.cohort.units import conversion, suits_loinc, with_basis
from pipeline.config_cohort import CohortConfig
from pipeline.remedy import Audience, Remedy

CORRECT_UNIT = Remedy(
    train="Correct the unit, or state its meaning in cohort.assume_units.",
    operator="Correct the unit, or state its meaning in cohort.assume_units with --config.",
    option=("config",),
)


_UNITY = ("", "1", "{1}")


def meant_units(labs: pd.DataFrame, config: CohortConfig) -> pd.Series:
    """Units as exported, with those that the configuration replaces.

    ``assume_units`` maps single units. A cohort-local analyte with a unit in braces also accepts a
    blank unit or 1.
    """
    meant = labs["unit"].copy()
    for key, assumed in config.assume_units.items():
        rows = labs["key"] == key
        spelled = labs.loc[rows, "unit"].map(normalise_unit)
        stated = spelled.map({normalise_unit(unit): text for unit, text in assumed.items()})
        meant[rows] = stated.where(stated.notna(), meant[rows]).astype("str")
    for name, analyte in config.local_analytes.items():
        if analyte.unit is not None and analyte.unit.startswith("{"):
            # UCUM: a unit in braces is the unit 1 with an annotation
            rows = (labs["key"] == local_key(name)) & meant.isin(_UNITY)
            meant[rows] = analyte.unit
    return meant


def with_bases(
    labs: pd.DataFrame, file: str, book: AnalyteResolver, ledger: Ledger
) -> pd.DataFrame:
    """Add the basis (FEU, DDU) of a LOINC code, in either column, to a unit without a basis."""
    meant = labs["meant"].copy()
    for column in ("loinc", "analyte"):
        if column not in labs:
            continue
        coded = labs[column].isin(_bound_codes())
        triples = labs.loc[coded, [column, "key", "meant"]].drop_duplicates()
        for code, key, unit in triples.itertuples(index=False):
            rows = coded & (labs[column] == code) & (labs["key"] == key) & (labs["meant"] == unit)
            meant[rows] = with_basis(book.get(key), code, unit)
    given = meant != labs["meant"]
    ledger.note(
        labs,
        given & ~labs["cancelled"],
        file=file,
        column="unit",
        code="basis_from_loinc",
        reason="The unit has no basis (FEU or DDU); that of the row's LOINC code is used.",
        remedy="No action needed if the code is correct; preferably state the basis in the unit.",
    )
    return labs.assign(meant=meant)


def _bound_codes() -> set[str]:
    """LOINC codes that prescribe a unit or a basis."""
    return {code for analyte in dictionary().values() for code in analyte.loinc_units}


def factors(
    labs: pd.DataFrame, book: AnalyteResolver, audience: Audience
) -> tuple[pd.Series, pd.Series]:
    """Factor to the canonical unit per row (NaN if unknown), and the reason why it is unknown."""
    pairs = labs[["key", "meant"]]
    outcome = [
        _factor(book.get(key), unit, audience)
        for key, unit in pairs.drop_duplicates().itertuples(index=False)
    ]
    number = pairs.groupby(["key", "meant"], sort=False).ngroup().to_numpy()
    numbers = np.array([factor for factor, _ in outcome], dtype=float)
    reasons = np.array([why for _, why in outcome], dtype=object)
    return (
        pd.Series(numbers[number], index=labs.index),
        pd.Series(reasons[number], index=labs.index, dtype="str"),
    )


def _factor(analyte: Analyte, unit: str, audience: Audience) -> tuple[float, str]:
    if not analyte.local:
        return conversion(analyte, unit, audience)
    if normalise_unit(unit) == normalise_unit(analyte.unit):
        return 1.0, ""
    return float("nan"), (
        f"{analyte.name} is a cohort-local analyte in '{analyte.unit}', not in '{unit}'."
    )


def refuse_loinc_units(
    labs: pd.DataFrame, file: str, book: AnalyteResolver, ledger: Ledger
) -> pd.DataFrame:
    """Reject a unit that the row's LOINC code, in either column, cannot have."""
    bound = _bound_codes()
    for column in ("loinc", "analyte"):
        if column not in labs:
            continue
        coded = labs.loc[labs[column].isin(bound) & ~labs["cancelled"], ["key", column, "meant"]]
        conflict = [
            not suits_loinc(book.get(key), code, unit)
            for key, code, unit in coded.itertuples(index=False)
        ]
        labs = ledger.reject(
            labs,
            labs.index.isin(coded.index[conflict]),
            file=file,
            column="unit",
            code="loinc_unit_conflict",
            reason="LOINC "
            + quoted(labs[column])
            + " cannot have the unit "
            + quoted(labs["meant"])
            + ".",
            remedy="Correct the code or the unit; analytes.yaml lists the units of each code.",
        )
    return labs


def agree_local_units(
    labs: pd.DataFrame,
    file: str,
    config: CohortConfig,
    book: AnalyteResolver,
    ledger: Ledger,
) -> tuple[pd.DataFrame, AnalyteResolver]:
    """In training, require one unit per cohort-local analyte, which becomes its canonical unit.

    If the configuration states the unit, rows in another unit are rejected later.
    """
    if not book.learning or not book.local:
        return labs, book
    open_keys = [key for key, analyte in book.local.items() if not analyte.unit]
    stated = labs.loc[labs["key"].isin(open_keys) & ~labs["cancelled"], ["key", "meant"]]
    units = {str(key): sorted(spelled.unique()) for key, spelled in stated.groupby("key")["meant"]}
    mixed = [key for key, spelled in units.items() if len({normalise_unit(u) for u in spelled}) > 1]
    labs = ledger.reject(
        labs,
        labs["key"].isin(mixed),
        file=file,
        column="unit",
        code="unit_inconsistent",
        reason=quoted(labs["analyte"]) + " is not in the dictionary and has several units.",
        remedy="Use one unit, or add the analyte and its conversions to analytes.yaml.",
    )
    local = {
        key: replace(
            local_analyte(key, analyte.name, config, units[key][0]), specimen=analyte.specimen
        )
        if key in units
        else analyte
        for key, analyte in book.local.items()
        if key not in mixed
    }
    return labs, replace(book, local=local)
