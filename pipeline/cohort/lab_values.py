"""Result text of lab rows to numbers in canonical units; rejects what is ambiguous."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.cohort.analyte_resolver import AnalyteResolver
from pipeline.cohort.decimal_marks import DecimalMarks
from pipeline.cohort.detection_limits import usual_limits
from pipeline.cohort.lab_units import (
    CORRECT_UNIT,
    agree_local_units,
    factors,
    meant_units,
    refuse_loinc_units,
    with_bases,
)
from pipeline.cohort.ledger import Ledger, plain_number, quoted, range_text
from pipeline.cohort.relative_units import relative_unit
from pipeline.cohort.result_versions import REFERENCE_COLUMNS, add_flag
from pipeline.cohort.stated_limits import (
    LARGEST,
    apply_limits_of_rows,
    gated_limits,
    refuse_empty_limits,
)
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.cohort.units import plausible_units
from pipeline.cohort.values import ABOVE, BELOW, parse_values
from pipeline.config_cohort import CohortConfig
from pipeline.remedy import Audience, Remedy

REMEDIES: dict[str, str | Remedy] = {
    "value_unusable": "Give a number, optionally with < or > before it.",
    "no_result": "No action needed; the row has no number. Preferably omit it.",
    "sentinel": Remedy(
        train="Omit these rows, or change cohort.sentinels if it is a real result.",
        operator="Omit these rows, or set cohort.sentinels with --config if it is a real result.",
        option=("config",),
    ),
}
GIVE_LIMIT = Remedy(
    train="Give the limit: '<0.5', a column lloq or uloq, or cohort.limits with --config.",
    option=("config",),
)
OWN_NAME = Remedy(
    train="Give results in a relative unit their own analyte name.",
    operator="Omit these rows, or use the unit of the training cohort.",
)
COMMA = "comma"
_QUALITY = {
    "extrapolated": "The number lies beyond the standards of its plate; it is used as printed."
}


def comma_remedy(config: CohortConfig) -> str | Remedy:
    """Remedy for a comma that may or may not be a decimal mark.

    Parameters
    ----------
    config : CohortConfig
        ``decimal_comma`` is used.

    Returns
    -------
    str or Remedy

    Examples
    --------
    >>> comma_remedy(CohortConfig(decimal_comma=False)).operator
    'Write a point before decimals (12.5); this batch is read with a comma as thousands (1,234 is \
1234). cohort.decimal_comma: true with --config reads it as a decimal comma.'
    """
    point = "Write a point before decimals (12.5)"
    if config.decimal_comma:
        return "Write the number with one decimal mark and nothing between thousands."
    if config.decimal_comma is False:
        thousands = "a comma as thousands (1,234 is 1234)."
        return Remedy(
            train=f"{point}; cohort.decimal_comma: false reads {thousands}",
            operator=f"{point}; this batch is read with {thousands} cohort.decimal_comma: true "
            "with --config reads it as a decimal comma.",
            option=("config",),
        )
    return Remedy(
        train=f"{point}, or state cohort.decimal_comma: true where 12,5 is 12.5 throughout.",
        operator=f"{point} and nothing between thousands, or state cohort.decimal_comma: true "
        "with --config where 12,5 is 12.5 throughout.",
        option=("config",),
    )


def read_values(
    labs: pd.DataFrame, file: str, config: CohortConfig, book: AnalyteResolver, ledger: Ledger
) -> tuple[pd.DataFrame, AnalyteResolver]:
    """Numbers in canonical units with their limits; rejects unknown units and impossible values.

    Returns
    -------
    labs : DataFrame
        With ``value``, ``side``, ``limit_source`` (``none``, ``stated``, ``inferred``) and ``flag``
        (quality).
    book : AnalyteResolver
        With the units of cohort-local analytes and, in training, the usual limits.
    """
    labs = with_bases(labs.assign(meant=meant_units(labs, config)), file, book, ledger)
    labs, book = agree_local_units(labs, file, config, book, ledger)
    marks = ledger.decimal_marks.get(file, DecimalMarks(config.decimal_comma))
    parsed = _parse(labs, config, book, ledger.audience, marks)
    parsed = parsed.assign(kind=parsed["code"].mask(parsed["problem"].str.contains("comma"), COMMA))
    for kind, remedy in {**REMEDIES, COMMA: comma_remedy(config)}.items():
        if not (parsed["kind"] == kind).any():
            continue
        labs = ledger.reject(
            labs,
            (parsed.loc[labs.index, "kind"] == kind) & ~labs["cancelled"],
            file=file,
            column="value",
            code="value_unusable" if kind == COMMA else kind,
            reason=quoted(labs["value"]) + " " + parsed["problem"].loc[labs.index] + ".",
            remedy=remedy,
        )
    factor, why = factors(labs, book, ledger.audience)
    named = [unit for unit in labs["meant"].unique() if relative_unit(unit) is not None]
    relative = labs["meant"].isin(named)
    for chosen, remedy in ((relative, OWN_NAME), (~relative, CORRECT_UNIT)):
        labs = ledger.reject(
            labs,
            (factor.isna() & chosen).loc[labs.index] & ~labs["cancelled"],
            file=file,
            column="unit",
            code="unit_refused",
            reason=why.loc[labs.index],
            remedy=remedy,
        )
    labs = refuse_loinc_units(labs, file, book, ledger)
    factor, parsed = factor.loc[labs.index], parsed.loc[labs.index]
    labs = labs.assign(
        _raw_value=labs["value"],
        printed=parsed["value"],
        value=parsed["value"] * factor,
        side=parsed["side"],
        word=parsed["word"],
        flag=add_flag(parsed["quality"], labs["dated"], "date_only"),
        quality=parsed["quality"],
    )
    labs = refuse_empty_limits(labs, file, book, ledger)
    # before limits are applied, because an upper limit would replace an impossible number
    labs = _refuse_implausible(labs, file, book, ledger)
    gated = gated_limits(labs, factor.loc[labs.index], file, book, ledger)
    labs = labs.assign(**{name: gated[name] for name in REFERENCE_COLUMNS})
    labs = apply_limits_of_rows(labs, gated, file, config, ledger)
    if book.learning:
        book = replace(book, limits=usual_limits(labs))
    labs = _with_usual_limits(labs, file, book, ledger)
    labs = ledger.reject(
        labs,
        labs["value"].isna() & ~labs["cancelled"],
        file=file,
        column="value",
        code="limit_unknown",
        reason=quoted(labs["_raw_value"])
        + " lies "
        + labs["word"]
        + " a limit that is not stated.",
        remedy=GIVE_LIMIT,
    )
    for quality in sorted(set(labs["quality"]) - {""}):
        ledger.note(
            labs,
            (labs["quality"] == quality) & ~labs["cancelled"],
            file=file,
            column="value",
            code=quality,
            reason=_QUALITY.get(quality, f"The sample was {quality}; the number is used."),
            remedy="Omit the row if the laboratory considers it unreliable.",
        )
    return labs.drop(columns=["printed", "word", "quality"]), book


def _parse(
    labs: pd.DataFrame,
    config: CohortConfig,
    book: AnalyteResolver,
    audience: Audience,
    marks: DecimalMarks,
) -> pd.DataFrame:
    """Numbers from result text; only signed analytes and signed units may be negative."""
    cells = _without_unit(labs)
    keys = [key for key in labs["key"].unique() if book.get(key).signed]
    relative = {unit: relative_unit(unit) for unit in labs["meant"].unique()}
    units = [unit for unit, meant in relative.items() if meant is not None and meant.signed]
    signed = labs["key"].isin(keys) | labs["meant"].isin(units)
    parts = [
        parse_values(
            part,
            marks=marks,
            sentinels=config.sentinels_of(signed=bool(legal)),
            signed=bool(legal),
            audience=audience,
        )
        for legal, part in cells.groupby(signed, sort=True)
    ]
    if len(parts) < 2:
        return parts[0] if parts else parse_values(cells, audience=audience)
    return pd.concat(parts).loc[labs.index]


def _with_usual_limits(
    labs: pd.DataFrame, file: str, book: AnalyteResolver, ledger: Ledger
) -> pd.DataFrame:
    """Use the usual limit of the training cohort for results that state a side but no limit."""
    open_ended = labs["value"].isna() & (labs["word"] != "")
    value, source = labs["value"].copy(), labs["limit_source"].copy()
    for end in (BELOW, ABOVE):
        usual = labs["key"].map({k: v[end] for k, v in book.limits.items() if end in v})
        rows = open_ended & (labs["word"] == end) & usual.notna()
        value, source = value.mask(rows, usual.astype("float64")), source.mask(rows, "inferred")
    labs = labs.assign(value=value, limit_source=source)
    ledger.note(
        labs,
        (labs["limit_source"] == "inferred") & ~labs["cancelled"],
        file=file,
        column="value",
        code="limit_inferred",
        reason="The result states no limit; the usual one of the training cohort is used.",
        remedy=GIVE_LIMIT,
    )
    return labs


def _without_unit(labs: pd.DataFrame) -> pd.Series:
    """Value cells without the unit of their row, if it is printed after the number."""
    pairs = labs[["value", "unit"]].drop_duplicates()
    cut = {}
    for value, unit in pairs.itertuples(index=False):
        match = re.fullmatch(r"([^A-Za-zµμ%]*\d(?:[eE][+-]?\d+)?)\s*([A-Za-zµμ%].*)", value)
        if match and unit and normalise_unit(match[2]) == normalise_unit(unit):
            cut[value, unit] = match[1]
    if not cut:
        return labs["value"]
    cells = [
        cut.get(pair, pair[0])
        for pair in labs[["value", "unit"]].itertuples(index=False, name=None)
    ]
    return pd.Series(cells, index=labs.index, dtype="str")


def _refuse_implausible(
    labs: pd.DataFrame, file: str, book: AnalyteResolver, ledger: Ledger
) -> pd.DataFrame:
    ranges = {key: book.get(key).plausible for key in labs["key"].unique()}
    low = labs["key"].map({key: -LARGEST if r[0] is None else r[0] for key, r in ranges.items()})
    high = labs["key"].map({key: LARGEST if r[1] is None else r[1] for key, r in ranges.items()})
    # a value below a limit may lie below the plausible range; one above must not exceed it
    outside = (labs["value"] < low.astype(float)) & (labs["side"] >= 0)
    outside |= labs["value"] > high.astype(float)
    plausible = labs["key"].map(
        {
            key: range_text(-LARGEST if r[0] is None else r[0], LARGEST if r[1] is None else r[1])
            for key, r in ranges.items()
        }
    )
    return ledger.reject(
        labs,
        outside & ~labs["cancelled"],
        file=file,
        column="value",
        code="implausible",
        reason=labs["value"].map(lambda number: plain_number(round(number, 6))).astype("str")
        + " "
        + labs["key"].map({key: book.get(key).unit for key in ranges})
        + " is outside the plausible range "
        + plausible.astype("str")
        + "."
        + _likely_units(labs, outside, book),
        remedy="Check the unit and the decimal point.",
    )


def _likely_units(labs: pd.DataFrame, outside: pd.Series, book: AnalyteResolver) -> pd.Series:
    """Sentence with the units in which an impossible number would be usual."""
    hints = pd.Series("", index=labs.index, dtype="str")
    chosen = labs.loc[np.asarray(outside, dtype=bool), ["key", "printed"]]
    for row, key, number in chosen.itertuples(name=None):
        units = plausible_units(book.get(key), number)
        if units:
            hints[row] = f" The number would be usual in {' or '.join(units)}."
    return hints
