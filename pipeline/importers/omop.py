"""Reads an OMOP CDM 5.4 export, one CSV or Parquet file per table, as records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.files import find_table, read_raw
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.schema import to_number
from pipeline.cohort.specimens import specimen_names, stated_in_name
from pipeline.cohort.values import ABOVE, BELOW, parse_values
from pipeline.cohort.written_times import iso_times, on_days
from pipeline.errors import InputError
from pipeline.importers.code_names import name_for_code, system_of
from pipeline.importers.exchange_mapping import ExchangeMapping
from pipeline.importers.omop_specimens import specimens_of
from pipeline.importers.other_findings import kinds_of, named_by
from pipeline.importers.records import (
    EVENT_COLUMNS,
    Records,
    days_for_midnights,
    first_filled,
    look_up,
    text_frame,
)
from pipeline.input_files import listing, refuse_irregular
from pipeline.resources import schema_yaml

_SIDES = {"<": -1, "<=": -1, "=": 0, ">": 1, ">=": 1}
_LOINC = r"(?:.*[|:/ ])?(\d{1,5}-\d)"


def read_omop(folder: Path, mapping: ExchangeMapping, ledger: Ledger) -> Records:
    r"""Read the tables of an export; only ``person`` and ``measurement`` are required.

    Parameters
    ----------
    folder : Path
    mapping : ExchangeMapping
        ``midnight`` and ``date_order`` are used; the codes of a confirmed mapping are kept
        whatever their kind.
    ledger : Ledger
        Receives measurements with an unclear number.

    Returns
    -------
    Records

    Raises
    ------
    InputError
        If ``folder`` is not a folder, or a table or column is missing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> columns = "person_id,measurement_concept_id,measurement_datetime,measurement_source_value"
    >>> with TemporaryDirectory() as folder:
    ...     export = Path(folder)
    ...     _ = (export / "person.csv").write_text("person_id,year_of_birth\n7,1960\n")
    ...     text = f"{columns},value_source_value\n7,0,2026-03-02T06:00:00Z,CRP,<5\n"
    ...     _ = (export / "measurement.csv").write_text(text)
    ...     records = read_omop(export, ExchangeMapping(), Ledger())
    >>> records.results[["patient_id", "name", "value"]].values.tolist()
    [['7', 'CRP', '<5']]
    """
    if not folder.is_dir():
        refuse_irregular(folder)
        raise InputError(f"{folder} is not a folder; give the folder with the OMOP tables")
    paths = {name: find_table(folder, name) for name in _rules()["tables"]}
    tables = {
        name: _with_iso_times(_read(path, name, ledger), mapping.date_order)
        for name, path in paths.items()
        if path is not None
    }
    missing = [name for name in ("person", "measurement") if name not in tables]
    if missing:
        files = ", ".join([path.name for path in listing(folder)][:12])
        raise InputError(
            f"{folder} lacks {', '.join(f'{name}.csv' for name in missing)} (or .parquet) of an "
            f"OMOP export; add it. Files: {files or 'nothing'}"
        )
    concepts = _concepts(tables.get("concept"))
    timed = {
        name: _timed(table, name, mapping, ledger)
        for name, table in tables.items()
        if "clock" in _rules()["tables"][name]
    }
    kinds = [name for name in timed if name not in ("measurement", "death")]
    events = [_events(timed[name], name, concepts) for name in kinds]
    specimens = specimens_of(timed["measurement"], tables, concepts)
    results = _results(timed["measurement"].assign(specimen=specimens), concepts, ledger)
    classes = _classes(tables.get("concept"))
    kinds_left_out = _kinds(results, classes, mapping)
    kept = kinds_left_out == ""
    left_out = list(zip(results.loc[~kept, "file"], kinds_left_out[~kept], strict=True))
    results = results.loc[kept].reset_index(drop=True)
    return Records(
        people=_people(tables["person"], timed.get("death"), ledger),
        results=results,
        events=pd.concat(events, ignore_index=True) if events else text_frame([], EVENT_COLUMNS),
        periods=_periods(tables.get("observation_period")),
        shape="omop",
        left_out=left_out,
    )


def _rules() -> Mapping[str, Any]:
    rules: Mapping[str, Any] = schema_yaml("exchange.yaml")["omop"]
    return rules


def _read(path: Path, name: str, ledger: Ledger) -> pd.DataFrame:
    """Read a table; optional columns that the file lacks are blank."""
    rule = _rules()["tables"][name]
    parts = ("needs", "codes", "clock", "grade", "columns")
    wanted = list(dict.fromkeys(column for part in parts for column in rule.get(part, ())))
    wanted += [rule["time_of_day"]] if "time_of_day" in rule else []
    table = read_raw(path, wanted).record_in(ledger)
    missing = [column for column in rule["needs"] if column not in table]
    if "clock" in rule and not any(column in table for column in rule["clock"]):
        missing.append(" or ".join(rule["clock"]))
    if missing:
        present = ", ".join(map(str, table.columns.drop("_line")))
        raise InputError(
            f"{path} lacks the column {'; '.join(missing)}; export it. Columns: {present}"
        )
    for column in wanted:
        cells = table[column] if column in table else pd.Series("", index=table.index, dtype="str")
        if re.search(r"_id(_\d)?$", column):  # a float if the column had blanks
            cells = cells.str.replace(r"^(\d+)\.0+$", r"\1", regex=True)
        table[column] = cells.astype("str").replace({"NULL": "", "\\N": "", "null": ""})
    return table.assign(file=path.name, patient_id=table.get("person_id", ""))


def _concepts(table: pd.DataFrame | None) -> dict[str, tuple[str, str, str]]:
    """Concept id to vocabulary, code and name."""
    if table is None:
        return {}
    names = ("concept_id", "vocabulary_id", "concept_code", "concept_name")
    rows = zip(*(table[name].tolist() for name in names), strict=True)
    return {key: (a, b, c) for key, a, b, c in rows if key not in _rules()["no_concept"]}


def _classes(table: pd.DataFrame | None) -> dict[str, str]:
    """Concept id to the class of the concept."""
    if table is None:
        return {}
    return dict(zip(table["concept_id"], table["concept_class_id"], strict=True))


def _kinds(
    results: pd.DataFrame, classes: Mapping[str, str], mapping: ExchangeMapping
) -> pd.Series:
    """Kind of each result that is not an analyte, "" for results that are kept."""
    parts = ["codes", "name", "called", "label", "loinc", "unit"]
    number = results.groupby(parts, sort=False).ngroup().to_numpy()
    records = [
        {**dict(zip(parts, row, strict=True)),
         "categories": tuple(classes[code] for code in row[0] if classes.get(code))}
        for row in results[parts].drop_duplicates().itertuples(index=False)
    ]  # fmt: skip
    distinct = kinds_of(records, named_by(mapping, "measurement"), applied=mapping.confirmed)
    kinds = np.array(distinct, dtype=object)[number] if distinct else np.array([], dtype=object)
    return pd.Series(kinds, index=results.index, dtype="str")


def _timed(
    table: pd.DataFrame, name: str, mapping: ExchangeMapping, ledger: Ledger
) -> pd.DataFrame:
    """Add ``at``: the date and time, or only the date.

    A time of day is combined with the date of its row. If the time cannot be read, only the date
    is used.
    """
    rules = _rules()["tables"][name]
    moment, day = (table[column] for column in rules["clock"])
    if "time_of_day" in rules:
        moment = first_filled(moment, table[rules["time_of_day"]])
    at, lost = on_days(moment, day)
    ledger.note(
        table.assign(**{f"_raw_{rules['clock'][0]}": moment}),
        lost,
        file=str(table["file"].iloc[0]) if len(table) else name,
        column=rules["clock"][0],
        code="date_only",
        reason=quoted(moment) + " is not a time of " + day + "; only the day is used.",
        remedy="Export one date and time per record, in ISO 8601.",
    )
    table = table.assign(table=name, at=at, at_column=rules["clock"][0])
    return days_for_midnights(table, mapping.midnight, ledger)


def _with_iso_times(table: pd.DataFrame, order: str | None) -> pd.DataFrame:
    """Rewrite unambiguous dates and times in ISO 8601."""
    names = [name for name in table if str(name).endswith(("_date", "_datetime"))]
    return table.assign(**{str(name): iso_times(table[name], order) for name in names})


def _codes(table: pd.DataFrame, name: str) -> list[tuple[str, ...]]:
    blank = set(_rules()["no_concept"])
    columns = [table[column] for column in _rules()["tables"][name]["codes"]]
    return [
        tuple(dict.fromkeys(code for code in codes if code not in blank))
        for codes in zip(*columns, strict=True)
    ]


def _events(
    table: pd.DataFrame, name: str, concepts: Mapping[str, tuple[str, str, str]]
) -> pd.DataFrame:
    rule = _rules()["tables"][name]
    code, _, source = (table[column] for column in rule["codes"])
    blank = pd.Series("", index=table.index, dtype="str")
    called = look_up(code, {key: text for key, (_, _, text) in concepts.items()})
    unit = table.get("dose_unit_source_value", blank)
    return pd.DataFrame(
        {"table": name, "file": table["file"], "_line": table["_line"],
         "patient_id": table["patient_id"], "codes": _codes(table, name),
         "name": first_filled(called, source),
         "at": table["at"], "at_column": table["at_column"],
         "grade": first_filled(blank, *(table[name] for name in rule.get("grade", []))),
         # a quantity without a unit counts vials or tablets
         "dose": table.get("quantity", blank).where(unit != "", ""), "unit": unit,
         "route": table.get("route_source_value", blank)}
    )  # fmt: skip


def _people(table: pd.DataFrame, death: pd.DataFrame | None, ledger: Ledger) -> pd.DataFrame:
    born = table["birth_datetime"].str.slice(0, 10)
    month, day = (table[f"{part}_of_birth"].str.zfill(2) for part in ("month", "day"))
    parts = table["year_of_birth"] + "-" + month + "-" + day
    parts = parts.str.replace(r"(-00)+$", "", regex=True)
    sex = look_up(table["gender_concept_id"], _rules()["sex"])
    return pd.DataFrame(
        {"patient_id": table["patient_id"], "birth": first_filled(born, parts),
         "sex": first_filled(sex, table["gender_source_value"]),
         "site": table["care_site_id"].where(table["care_site_id"] != "0", "").astype("str"),
         "death": _deaths(table, death), "file": table["file"], "_line": table["_line"]}
    )  # fmt: skip


def _deaths(table: pd.DataFrame, death: pd.DataFrame | None) -> pd.Series:
    """Earliest death per person."""
    if death is None:
        return pd.Series("", index=table.index, dtype="str")
    earliest = death.loc[death["at"] != ""].groupby("patient_id")["at"].min()
    return look_up(table["patient_id"], earliest.to_dict())


def _periods(table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None:
        return text_frame([], ("patient_id", "start", "end"))
    dates = {
        end: table[f"observation_period_{end}_date"].str.slice(0, 10) for end in ("start", "end")
    }
    return pd.DataFrame({"patient_id": table["patient_id"], **dates})


def _results(
    table: pd.DataFrame, concepts: Mapping[str, tuple[str, str, str]], ledger: Ledger
) -> pd.DataFrame:
    table = table.assign(codes=pd.Series(_codes(table, "measurement"), index=table.index))
    table = table.assign(value=_values(table, concepts, ledger)).dropna(subset="value")
    standard, original, source = (
        table[name] for name in _rules()["tables"]["measurement"]["codes"]
    )
    vocabulary = _rules()["loinc_vocabulary"]
    loincs = {key: code for key, (kind, code, _) in concepts.items() if kind == vocabulary}
    names = {key: name for key, (_, _, name) in concepts.items()}
    units = {key: code for key, (_, code, _) in concepts.items()}
    spelled = source.str.extract(f"^{_LOINC}$", expand=False).fillna("")
    loinc = first_filled(look_up(standard, loincs), look_up(original, loincs), spelled)
    numbered = ("concept " + standard).mask(standard.isin(_rules()["no_concept"]), "")
    concept = look_up(standard, names)
    rescued = _names_for_codes(loinc, concept, source)
    called = first_filled(rescued, loinc, concept, source, numbered)
    blank = pd.Series("", index=table.index, dtype="str")
    return pd.DataFrame(
        {"table": "measurement", "file": table["file"], "_line": table["_line"],
         "patient_id": table["patient_id"], "codes": table["codes"], "name": called,
         "called": source, "label": first_filled(concept, source), "loinc": loinc,
         "value": table["value"].astype("str"), "unit": table["unit_source_value"],
         "coded_unit": look_up(table["unit_concept_id"], units),
         "at": table["at"], "at_column": table["at_column"], "resulted": blank, "status": blank,
         "specimen": first_filled(table["specimen"], _specimens_in(concept, source)),
         "ref_low": table["range_low"], "ref_high": table["range_high"],
         "grade": first_filled(table["value_as_number"], table["value_source_value"])}
    )  # fmt: skip


def _names_for_codes(loinc: pd.Series, concept: pd.Series, source: pd.Series) -> pd.Series:
    triples = list(zip(loinc, concept, source, strict=True))
    names = {triple: name_for_code(*triple) for triple in set(triples)}
    return pd.Series([names[triple] for triple in triples], index=loinc.index, dtype="str")


def _specimens_in(concept: pd.Series, source: pd.Series) -> pd.Series:
    """Specimen at the end of the concept name, else the one in the source value."""
    systems = {name: system_of(name) for name in concept.unique()}
    specimens = {name: specimen_names(stated_in_name(name)) for name in source.unique()}
    return first_filled(concept.map(systems).astype("str"), source.map(specimens).astype("str"))


def _values(
    table: pd.DataFrame, concepts: Mapping[str, tuple[str, str, str]], ledger: Ledger
) -> pd.Series:
    """Result as printed, from operator, number and source text; missing if they contradict.

    If the operator is blank or 0, the comparator of the source text is used, and the row is
    flagged.
    """
    operator = table["operator_concept_id"]
    sign = look_up(operator, _rules()["operators"])
    absent = operator.isin(_rules()["no_concept"])
    number, printed = table["value_as_number"], table["value_source_value"]
    concept_names = {key: name for key, (_, _, name) in concepts.items()}
    text = first_filled(printed, look_up(table["value_as_concept_id"], concept_names))
    parsed = parse_values(text)
    word = parsed["word"].map({BELOW: -1, ABOVE: 1}).fillna(0).astype("int8")
    side = parsed["side"].where(parsed["side"] != 0, word)
    file = str(table["file"].iloc[0]) if len(table) else "measurement"
    kept = ledger.reject(
        table,
        (sign == "") & ~absent,
        file=file,
        column="operator_concept_id",
        code="operator_unknown",
        reason=quoted(operator) + " is not an operator of data_schema/exchange.yaml.",
        remedy="Correct it. Accepted: "
        + ", ".join(f"{key} is {text}" for key, text in _rules()["operators"].items())
        + ".",
    )
    clash = ~absent & (side != 0) & (sign.map(_SIDES.get) != side)
    kept = ledger.reject(
        kept,
        clash.loc[kept.index],
        file=file,
        column="operator_concept_id",
        code="operator_conflict",
        reason="The operator is '" + sign + "', but the source value is " + quoted(text) + ".",
        remedy="Correct the operator or the source value.",
    )
    lost = absent & (side != 0) & (to_number(number) > 0)
    ledger.note(
        kept,
        lost.loc[kept.index],
        file=file,
        column="value_source_value",
        code="operator_lost",
        reason="The operator is blank; the comparator of the source value is used.",
        remedy="Fill operator_concept_id in the conversion to OMOP.",
    )
    known = sign.where(sign != "=", "").where(~lost, side.map({-1: "<", 0: "", 1: ">"}))
    # "not detected" stored as zero: the text is used, not the number
    text_only = (number == "") | (absent & (side != 0) & (to_number(number) == 0))
    bare = (parsed["side"] == 0) & parsed["value"].notna()
    whole = (known.where(bare, "") + text).where(text_only, known + number)
    return whole.loc[kept.index].astype("str").reindex(table.index)
