"""Raw lab rows to clean results: clocks, units and values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import Analyte, dictionary
from pipeline.cohort.book import AnalyteBook
from pipeline.cohort.clock import clock_hours, read_clock
from pipeline.cohort.rejects import Ledger, quoted
from pipeline.cohort.units import conversion, normalise_unit, suits_loinc
from pipeline.cohort.values import apply_stated_limits, parse_values
from pipeline.config import CohortConfig


def read_times(
    raw: pd.DataFrame,
    infusion_time: pd.Series | None,
    file: str,
    config: CohortConfig,
    book: AnalyteBook,
    ledger: Ledger,
) -> tuple[pd.DataFrame, pd.Series]:
    """Read both clocks; a missing result time is imputed as the config says.

    Returns
    -------
    labs : DataFrame
        With ``collected_hours`` and ``resulted_hours``, both finite.
    imputed : Series of bool
        Where ``resulted_hours`` was imputed.
    """
    labs = read_clock(
        raw,
        "collected",
        infusion_time,
        file=file,
        time_zone=config.time_zone,
        required=True,
        ledger=ledger,
    )
    zero = None if infusion_time is None else infusion_time.loc[labs.index]
    resulted, reason, column = clock_hours(
        labs, "resulted", zero, file=file, time_zone=config.time_zone
    )
    labs = ledger.reject(
        labs,
        reason != "",
        file=file,
        column=column,
        code="time_unusable",
        reason=f"'{column}' " + reason + ".",
        remedy="Give ISO 8601 with offset, hours as a number, or leave it blank.",
    )
    resulted = resulted.loc[labs.index]
    imputed = resulted.isna()
    delay = labs["key"].map({key: _turnaround(key, config, book) for key in labs["key"].unique()})
    resulted = resulted.where(~imputed, labs["collected_hours"] + delay.astype("float64"))
    labs = labs.assign(resulted_hours=resulted)
    labs = ledger.reject(
        labs,
        labs["resulted_hours"] < labs["collected_hours"],
        file=file,
        column=column,
        code="resulted_before_collected",
        reason="The result time lies before the collection time.",
        remedy="Check which of the two clocks is wrong.",
    )
    return labs, imputed.loc[labs.index]


def cap_imputed(
    labs: pd.DataFrame, imputed: pd.Series, limit: np.ndarray, *, live: bool
) -> pd.DataFrame:
    """Bring imputed result times to a moment at which the row is known to exist.

    A row that stands in an export has its result by then. In a live batch the export is as old as
    the patient's newest stated time, so an imputed result time never lies after that; a slow
    assay then cannot move the landmark into the future.

    Parameters
    ----------
    labs : DataFrame
        With ``patient``, ``collected_hours`` and ``resulted_hours``.
    imputed : Series of bool
        Where ``resulted_hours`` was imputed.
    limit : ndarray of float
        Per row, the hour before which its result must lie (inf where unknown).
    live : bool
        Whether this is a batch to be scored rather than a finished record.
    """
    resulted = np.minimum(labs["resulted_hours"], np.nextafter(limit, -np.inf))
    if live:
        stated = labs["resulted_hours"].mask(imputed, labs["collected_hours"])
        newest = stated.groupby(labs["patient"]).transform("max")
        resulted = resulted.where(~imputed, np.minimum(resulted, newest))
    return labs.assign(resulted_hours=resulted)


def _turnaround(key: str, config: CohortConfig, book: AnalyteBook) -> float:
    setting = config.turnaround
    if setting == "none":
        return 0.0
    default = book.get(key).turnaround_hours
    if isinstance(setting, dict):
        return float(setting.get(key, setting.get("hours", default)))
    return default


def read_values(
    labs: pd.DataFrame, file: str, config: CohortConfig, book: AnalyteBook, ledger: Ledger
) -> tuple[pd.DataFrame, AnalyteBook]:
    """Numbers in canonical units; refuses unknown units and impossible values."""
    labs = labs.assign(meant=_meant_units(labs, config))
    labs, book = _agree_local_units(labs, file, book, ledger)
    cancelled = labs["cancelled"]
    parsed = parse_values(labs["value"])
    labs = ledger.reject(
        labs,
        (parsed["problem"] != "") & ~cancelled,
        file=file,
        column="value",
        code="value_unusable",
        reason=quoted(labs["value"]) + " " + parsed["problem"] + ".",
        remedy="Give a number, optionally with < or > before it.",
    )
    parsed = parsed.loc[labs.index]
    factor, why = _factors(labs, book)
    labs = ledger.reject(
        labs,
        factor.isna() & ~labs["cancelled"],
        file=file,
        column="unit",
        code="unit_refused",
        reason=why,
        remedy="Correct the unit. In training, cohort.assume_units can state what it means.",
    )
    labs = _refuse_loinc_units(labs, file, book, ledger)
    factor = factor.loc[labs.index]
    labs = labs.assign(
        value=parsed.loc[labs.index, "value"] * factor, side=parsed.loc[labs.index, "side"]
    )
    # before limits are applied: an impossible number must not hide behind its own upper limit
    labs = _refuse_implausible(labs, file, book, ledger)
    factor = factor.loc[labs.index]
    limits = [
        labs[name].astype("float64") * factor if name in labs else factor * np.nan
        for name in ("lloq", "uloq")
    ]
    value, side = apply_stated_limits(labs["value"], labs["side"], *limits)
    return labs.assign(value=value.astype("float64"), side=side.astype("int8")), book


def _meant_units(labs: pd.DataFrame, config: CohortConfig) -> pd.Series:
    """Units as exported, replaced where ``assume_units`` states what one means."""
    meant = labs["unit"].copy()
    for key, assumed in config.assume_units.items():
        rows = labs["key"] == key
        spelled = labs.loc[rows, "unit"].map(normalise_unit)
        stated = spelled.map({normalise_unit(unit): text for unit, text in assumed.items()})
        meant[rows] = stated.where(stated.notna(), meant[rows]).astype("str")
    return meant


def _factors(labs: pd.DataFrame, book: AnalyteBook) -> tuple[pd.Series, pd.Series]:
    """Factor to the canonical unit per row, and why there is none."""
    pairs = labs[["key", "meant"]]
    outcome = [
        _factor(book.get(key), unit)
        for key, unit in pairs.drop_duplicates().itertuples(index=False)
    ]
    number = pairs.groupby(["key", "meant"], sort=False).ngroup().to_numpy()
    factors = np.array([factor for factor, _ in outcome], dtype=float)
    reasons = np.array([why for _, why in outcome], dtype=object)
    return (
        pd.Series(factors[number], index=labs.index),
        pd.Series(reasons[number], index=labs.index, dtype="str"),
    )


def _factor(analyte: Analyte, unit: str) -> tuple[float, str]:
    if not analyte.local:
        return conversion(analyte, unit)
    if normalise_unit(unit) == normalise_unit(analyte.unit):
        return 1.0, ""
    return float("nan"), (
        f"{analyte.name} is a cohort-local analyte with unit '{analyte.unit}', got '{unit}'."
    )


def _refuse_loinc_units(
    labs: pd.DataFrame, file: str, book: AnalyteBook, ledger: Ledger
) -> pd.DataFrame:
    """Refuse a unit that the row's LOINC code, in either column, cannot carry."""
    bound = {code for analyte in dictionary().values() for code in analyte.loinc_units}
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
            + " cannot carry the unit "
            + quoted(labs["meant"])
            + ".",
            remedy="Correct the code or the unit; analytes.yaml lists what each code may carry.",
        )
    return labs


def _agree_local_units(
    labs: pd.DataFrame, file: str, book: AnalyteBook, ledger: Ledger
) -> tuple[pd.DataFrame, AnalyteBook]:
    """In training, a cohort-local analyte must carry one unit; it becomes its canonical unit."""
    if not book.learning or not book.local:
        return labs, book
    stated = labs.loc[labs["key"].isin(list(book.local)) & ~labs["cancelled"], ["key", "meant"]]
    units = {str(key): sorted(found.unique()) for key, found in stated.groupby("key")["meant"]}
    mixed = [key for key, found in units.items() if len({normalise_unit(u) for u in found}) > 1]
    labs = ledger.reject(
        labs,
        labs["key"].isin(mixed),
        file=file,
        column="unit",
        code="unit_inconsistent",
        reason=quoted(labs["analyte"]) + " carries several units and is not in the dictionary.",
        remedy="Give one unit throughout, or add the analyte and its conversions to analytes.yaml.",
    )
    local = {
        key: Analyte(
            key=key,
            name=analyte.name,
            short=analyte.short,
            unit=units[key][0] if key in units else "",
            pathway=analyte.pathway,
            local=True,
        )
        for key, analyte in book.local.items()
        if key not in mixed
    }
    return labs, AnalyteBook(local, book.learning)


def _refuse_implausible(
    labs: pd.DataFrame, file: str, book: AnalyteBook, ledger: Ledger
) -> pd.DataFrame:
    ranges = {key: book.get(key).plausible for key in labs["key"].unique()}
    low = labs["key"].map({key: -np.inf if r[0] is None else r[0] for key, r in ranges.items()})
    high = labs["key"].map({key: np.inf if r[1] is None else r[1] for key, r in ranges.items()})
    # a value below a limit may lie under the plausible range; one above must not exceed it
    outside = (labs["value"] < low.astype(float)) & (labs["side"] >= 0)
    outside |= labs["value"] > high.astype(float)
    words = low.astype("str") + " to " + high.astype("str")
    return ledger.reject(
        labs,
        outside & ~labs["cancelled"],
        file=file,
        column="value",
        code="implausible",
        reason=labs["value"].round(6).astype("str")
        + " lies outside the plausible range "
        + words
        + " (canonical unit).",
        remedy="Check the unit and the decimal point.",
    )
