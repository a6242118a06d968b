"""The mapping of an OMOP or FHIR export: which records are infusions, grades, drugs, analytes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field, model_validator

from pipeline.cohort.analytes import find_key, normalise_name
from pipeline.cohort.drug_names import drug_index, drug_named
from pipeline.cohort.product_names import product_codes, product_named
from pipeline.errors import UsageError
from pipeline.importers.records import Records, first_filled
from pipeline.importers.wide_columns import StrictModel
from pipeline.importers.wide_mapping import load_mapping

HEADER = """\
# Meaning of the records of {name} ({shape}), proposed by cytocast import. Infusions are proposed
# only by names and codes of data_schema/products.yaml. Codes: concept ids, codes or source values.
#   infusion  the records that are the CAR-T infusion: table, codes, product if known.
#             Check that each was given: an order or a history is not an infusion
#   grades    records with a charted grade: table, codes, scale; grade if the code itself means
#             one grade; grading_system if it is not astct
#   drugs     code to a drug of data_schema/drugs.yaml. Proposals are matched by name: check them
#   analytes  code to a name of data_schema/analytes.yaml, for results without a LOINC code
# Then set confirmed: true and run the same command again.
"""
FOUND_LINES = 30
_INFUSION_TABLES = (
    "drug_exposure",
    "procedure_occurrence",
    "MedicationAdministration",
    "Procedure",
)
Code = Annotated[str, BeforeValidator(lambda value: str(value).strip())]
Codes = Annotated[tuple[Code, ...], Field(min_length=1)]


class InfusionRule(StrictModel):
    """Records of one table (OMOP) or resource type (FHIR) that are the infusion."""

    table: str
    codes: Codes
    product: str = ""


class GradeRule(StrictModel):
    """Records with a grade of one scale, in their value or by their code."""

    table: str
    codes: Codes
    scale: str = Field(min_length=1)
    grade: int | None = Field(default=None, ge=0)
    grading_system: Literal["", "astct", "lee2014", "penn", "ctcae"] = ""


class ExchangeMapping(StrictModel):
    """Meaning of the records of an OMOP or FHIR export, confirmed by a person.

    Attributes
    ----------
    same_infusion_days : float
        Infusion records within this many days of the first are the same infusion.
    midnight : {"day", "time"} or None
        Whether 00:00 means a day without a time. None: a day if every time of the table is 00:00,
        else a time.
    measurement_time : {"collected", "resulted"}
        Clock of a result's only time.
    date_order : {"day_first", "month_first"} or None
        Order of numeric dates with the year last; None rejects these dates.
    """

    confirmed: bool = False
    infusion: tuple[InfusionRule, ...] = ()
    same_infusion_days: float = Field(default=1.0, ge=0, le=30)
    midnight: Literal["day", "time"] | None = None
    measurement_time: Literal["collected", "resulted"] = "collected"
    date_order: Literal["day_first", "month_first"] | None = None
    grades: tuple[GradeRule, ...] = ()
    drugs: dict[Code, str] = Field(default_factory=dict)
    analytes: dict[Code, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_names(self) -> ExchangeMapping:
        problems = [
            f"drugs.{code}: '{name}' is not in data_schema/drugs.yaml"
            for code, name in self.drugs.items()
            if normalise_name(name) not in drug_index()
        ]
        problems += [
            f"analytes.{code} is blank" for code, name in self.analytes.items() if not name
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def read_exchange_mapping(path: Path, tables: Collection[str]) -> ExchangeMapping:
    """Read a mapping; refuse it unless it is confirmed and names the infusion.

    Parameters
    ----------
    path : Path
        YAML file.
    tables : collection of str
        Tables or resource types that rules may name.

    Returns
    -------
    ExchangeMapping

    Raises
    ------
    UsageError
        If the file cannot be read, has unknown keys or tables, no infusion, or is not confirmed.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> text = "{confirmed: true, infusion: [{table: Procedure, codes: [7]}]}"
    >>> with NamedTemporaryFile(suffix=".yaml") as file:
    ...     written = Path(file.name).write_text(text)
    ...     read_exchange_mapping(Path(file.name), ["Procedure"]).infusion[0].codes
    ('7',)
    """
    mapping = load_mapping(path, ExchangeMapping)
    rules: Iterable[InfusionRule | GradeRule] = (*mapping.infusion, *mapping.grades)
    wrong = sorted({rule.table for rule in rules} - set(tables))
    if wrong:
        raise UsageError(
            f"mapping {path} names the table {', '.join(wrong)}; use one of {', '.join(tables)}"
        )
    if not mapping.infusion:
        raise UsageError(
            f"mapping {path} names no infusion; add the table and codes of the CAR-T infusion, for "
            "example: infusion: [{table: procedure_occurrence, codes: ['123']}]"
        )
    if not mapping.confirmed:
        raise UsageError(f"mapping {path} is not confirmed; check it and set confirmed: true in it")
    return mapping


def propose_exchange(records: Records) -> tuple[ExchangeMapping, list[str]]:
    """Propose a mapping with the drugs and infusions that are recognised by name or code.

    Parameters
    ----------
    records : Records

    Returns
    -------
    mapping : ExchangeMapping
        Not confirmed; infusions by :func:`propose_infusions`.
    lines : list of str
        Per table, the commonest codes with their name and numbers of patients and rows. Results of
        the dictionary are not listed.

    Examples
    --------
    >>> from pipeline.importers.records import EVENT_COLUMNS, RESULT_COLUMNS, text_frame
    >>> dose = {"table": "drug_exposure", "patient_id": "7", "codes": ("9",), "_line": 2}
    >>> dose = dict.fromkeys(EVENT_COLUMNS, "") | dose | {"name": "Tocilizumab 400 mg"}
    >>> nothing, events = text_frame([], RESULT_COLUMNS), text_frame([dose], EVENT_COLUMNS)
    >>> mapping, lines = propose_exchange(Records(nothing, nothing, events, nothing, "omop"))
    >>> mapping.drugs, lines
    ({'9': 'tocilizumab'}, ['drug_exposure:', '  9 Tocilizumab 400 mg  (1 patients, 1 rows)'])
    """
    drugs: dict[str, str] = {}
    drug_of = {name: drug_named(name) for name in records.events["name"].unique()}
    for name, codes in zip(records.events["name"], records.events["codes"], strict=True):
        if drug_of[name] and codes:
            drugs[codes[0]] = drug_of[name]
    unknown = records.results.loc[[find_key(name) is None for name in records.results["name"]]]
    labelled = unknown.assign(name=first_filled(unknown["label"], unknown["name"]))
    lines = []
    for part in (records.events, labelled):
        for table, rows in part.groupby("table", sort=True):
            lines += [f"{table}:", *_commonest(rows)]
    return ExchangeMapping(infusion=propose_infusions(records.events), drugs=drugs), lines


def propose_infusions(events: pd.DataFrame) -> tuple[InfusionRule, ...]:
    """Rules for doses and procedures with a name or code of ``data_schema/products.yaml``.

    Other tables, for example conditions, may refer to an earlier infusion and are not used.

    Parameters
    ----------
    events : DataFrame
        ``Records.events``.

    Returns
    -------
    tuple of InfusionRule
    """
    given = events.loc[events["table"].isin(_INFUSION_TABLES) & (events["codes"].map(len) > 0)]
    codes: dict[tuple[str, str], dict[str, None]] = {}
    for table, own, name in dict.fromkeys(
        zip(given["table"], given["codes"], given["name"], strict=True)
    ):
        product = _product_of(own, name)
        if product is not None:
            codes.setdefault((table, product), {})[own[0]] = None
    return tuple(
        InfusionRule(table=table, codes=tuple(own), product=product)
        for (table, product), own in codes.items()
    )


def _product_of(codes: Sequence[str], name: str) -> str | None:
    """Product of a record, "" for an infusion of unknown product, None if not an infusion."""
    # digits alone may be a concept id, so a numeric code needs the prefix of its system
    systems = [code for code in codes if not code.isdigit()]
    bare = [re.split(r"[|:]", code)[-1].strip().upper() for code in systems]
    coded = [product_codes()[code] for code in bare if code in product_codes()]
    named = [product for product in map(product_named, (name, *codes)) if product]
    products = dict.fromkeys([*filter(None, coded), *named])
    if len(products) == 1:
        return next(iter(products))
    return "" if coded and not products else None


def matching_rule(rows: pd.DataFrame, rules: Sequence[InfusionRule | GradeRule]) -> pd.Series:
    """Number of the first rule that matches each row, -1 if none does."""
    numbers = pd.Series(-1, index=rows.index)
    for number in reversed(range(len(rules))):
        wanted = set(rules[number].codes)
        codes = rows.loc[rows["table"] == rules[number].table, "codes"]
        named = np.array([not wanted.isdisjoint(own) for own in codes], dtype=bool)
        numbers[codes.index[named]] = number
    return numbers


def _commonest(rows: pd.DataFrame) -> list[str]:
    """Lines on the codes of most patients; ties in order of fewest rows."""
    spelled = rows["codes"].map(lambda codes: " | ".join(codes) or "(no code)")
    keys = [spelled.rename("code"), rows["name"]]
    table = rows.groupby(keys, sort=True)["patient_id"].agg(["nunique", "size"]).reset_index()
    table = table.sort_values(["nunique", "size"], ascending=[False, True], kind="stable")
    lines = [
        f"  {' '.join((code + ' ' + name).split())[:100]}  ({people} patients, {size} rows)"
        for code, name, people, size in table.head(FOUND_LINES).itertuples(index=False)
    ]
    rest = len(table) - FOUND_LINES
    return [*lines, f"  and {rest} more"] if rest > 0 else lines
