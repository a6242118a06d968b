"""Builds the tables of a cohort from records and a confirmed mapping; every row is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pandas as pd

from pipeline.cohort.analytes import find_key, normalise_name
from pipeline.cohort.drug_names import drug_index
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.errors import InputError
from pipeline.importers.code_names import note_names_for_codes, unrecognised_analytes
from pipeline.importers.exchange_mapping import ExchangeMapping, matching_rule
from pipeline.importers.infusions import find_infusions, one_row_each, patients_table
from pipeline.importers.other_findings import left_out_remark
from pipeline.importers.records import (
    STATE_OFFSET,
    Records,
    agreed_units,
    clock_changes,
    contradicting,
    filled_columns,
    first_filled,
    named_codes,
    offset_hint,
    refuse,
    utc_times,
    with_offsets,
)
from pipeline.resources import schema_yaml

_LABS = ("loinc", "specimen", "status", "ref_low", "ref_high")


@dataclass
class AssembledTables:
    """Tables of a cohort, and counts of the rows of each file.

    Attributes
    ----------
    tables : dict of DataFrame
    fates : dict of Counter
        Rows per file and fate: ``carried``, ``other patients`` (without an infusion), ``not
        named`` (by the mapping), ``not laboratory results``. Rejected rows are in the ledger.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    fates: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, rows: pd.DataFrame, fate: str) -> None:
        """Count rows by file under a fate."""
        for file, number in rows["file"].value_counts().items():
            self.fates.setdefault(str(file), Counter())[fate] += int(number)


def assemble(
    records: Records, mapping: ExchangeMapping, ledger: Ledger, time_zone: str | None
) -> AssembledTables:
    """Build the tables patients, labs, treatments and assessments.

    Parameters
    ----------
    records : Records
    mapping : ExchangeMapping
        Confirmed, with at least one rule for infusions.
    ledger : Ledger
        Receives every rejected record with its reason.
    time_zone : str or None
        Zone of times without offset; None leaves them unchanged.

    Returns
    -------
    AssembledTables

    Raises
    ------
    InputError
        If no patient has an infusion by the mapping.

    Examples
    --------
    >>> from pipeline.importers.records import EVENT_COLUMNS, RESULT_COLUMNS, text_frame
    >>> people = {"patient_id": "7", "birth": "1960", "sex": "male", "site": "", "death": ""}
    >>> infusion = {"table": "Procedure", "patient_id": "7", "codes": ("CAR-T",), "_line": 1}
    >>> infusion = dict.fromkeys(EVENT_COLUMNS, "") | infusion | {"at": "2026-03-01T10:00:00Z"}
    >>> records = Records(
    ...     people=text_frame([{**people, "file": "", "_line": 1}], [*people, "file"]),
    ...     results=text_frame([], RESULT_COLUMNS),
    ...     events=text_frame([infusion], EVENT_COLUMNS),
    ...     periods=text_frame([], ("patient_id", "start", "end")),
    ...     shape="fhir",
    ... )
    >>> rule = {"table": "Procedure", "codes": ["CAR-T"]}
    >>> made = assemble(records, ExchangeMapping(infusion=[rule]), Ledger(), None)
    >>> made.tables["patients"][["patient_id", "infusion_time", "age_years"]].values.tolist()
    [['7', '2026-03-01T10:00:00Z', '66']]
    """
    made = AssembledTables()
    remark = left_out_remark(kind for _, kind in records.left_out)
    ledger.remarks += [remark] if remark else []
    made.count(pd.DataFrame(records.left_out, columns=["file", "kind"]), "not laboratory results")
    infusions, infused = find_infusions(records, mapping, ledger, time_zone)
    made.count(infused, "carried")
    people = one_row_each(records.people, ledger)
    unusable = _unusable_infusion(ledger)
    people = refuse(
        people,
        ~people["patient_id"].isin(infusions["patient_id"]),
        ledger,
        column="patient_id",
        code="no_infusion",
        reason="No record of this patient matches an 'infusion' rule of the mapping.",
        remedy="No action needed if there was no infusion; else add its code to the mapping.",
    )
    if people.empty:
        raise InputError(
            "no record of a known patient matches the rules under 'infusion' in the mapping: "
            + "; ".join(f"{rule.table}: {', '.join(rule.codes)}" for rule in mapping.infusion)
            + f". Correct their codes{unusable}"
        )
    made.count(people, "carried")
    made.tables["patients"] = patients_table(people, infusions, records.periods, time_zone, ledger)
    others = (
        part.loc[matching_rule(part, mapping.infusion) < 0]
        for part in (records.results, records.events)
    )
    rows = pd.concat(
        [_within(part, infusions, ledger, time_zone, made) for part in others], ignore_index=True
    )
    graded = matching_rule(rows, mapping.grades)
    assessments = _assessments(rows.loc[graded >= 0], mapping, ledger, made)
    rows = rows.loc[graded < 0]
    lab = rows["table"].isin(records.results["table"].unique())
    made.tables["labs"] = _labs(rows.loc[lab], records, mapping, ledger, made)
    dose = rows["table"].isin(schema_yaml("exchange.yaml")[records.shape]["doses"]) & ~lab
    treatments = _treatments(rows.loc[dose], mapping, ledger, made)
    made.count(rows.loc[~lab & ~dose], "not named")
    for name, table in (("treatments", treatments), ("assessments", assessments)):
        if len(table):
            made.tables[name] = table
    _add_offsets(made, time_zone, ledger)
    return made


def _unusable_infusion(ledger: Ledger) -> str:
    """Place and reason of the first rejected infusion record, "" if there is none."""
    refused = ledger.frame()
    refused = refused.loc[refused["code"] == "time_unusable"]
    if refused.empty:
        return ""
    first = refused.iloc[0]
    place = f"{first['file']}, row {first['row']}"
    return f". First rejected: {place}: {first['reason']} {first['remedy']}"


def _within(
    rows: pd.DataFrame,
    infusions: pd.DataFrame,
    ledger: Ledger,
    time_zone: str | None,
    made: AssembledTables,
) -> pd.DataFrame:
    """Rows of patients with an infusion, within the time window around it."""
    known = rows["patient_id"].isin(infusions["patient_id"])
    made.count(rows.loc[~known], "other patients")
    rows = _without_clock_changes(rows.loc[known], ledger, time_zone)
    window = schema_yaml("exchange.yaml")["window_days"]
    moment = utc_times(rows["at"], time_zone)
    starts = infusions.groupby("patient_id")["moment"].agg(["min", "max"])
    early = moment < rows["patient_id"].map(starts["min"]) - pd.Timedelta(days=window["before"] + 1)
    late = moment > rows["patient_id"].map(starts["max"]) + pd.Timedelta(days=window["after"])
    for column in rows["at_column"].unique():
        rows = refuse(
            rows.assign(**{f"_raw_{column}": rows["at"]}),
            ((early | late) & (rows["at_column"] == column)).loc[rows.index],
            ledger,
            column=str(column),
            code="outside_window",
            reason=f"The record lies more than {window['before']} days before or {window['after']} "
            "days after the infusion.",
            remedy="No action needed if the time is right: no prediction would use the record.",
        )
    return rows


def _without_clock_changes(
    rows: pd.DataFrame, ledger: Ledger, time_zone: str | None
) -> pd.DataFrame:
    """Rows whose local times exist exactly once in the zone."""
    for clock in ("at", "resulted"):
        if clock not in rows or time_zone is None:
            continue
        problem = clock_changes(rows[clock], time_zone)
        place = rows["at_column"] if clock == "at" else pd.Series("issued", index=rows.index)
        for column in place[problem != ""].unique():
            rows = refuse(
                rows.assign(**{f"_raw_{column}": rows[clock]}),
                (problem != "").loc[rows.index] & (place.loc[rows.index] == column),
                ledger,
                column=str(column),
                code="time_unusable",
                reason=quoted(rows[clock]) + " " + problem.loc[rows.index] + ".",
                remedy=STATE_OFFSET,
            )
    return rows


def _labs(
    rows: pd.DataFrame,
    records: Records,
    mapping: ExchangeMapping,
    ledger: Ledger,
    made: AssembledTables,
) -> pd.DataFrame:
    column = schema_yaml("exchange.yaml")[records.shape]["unit_column"]
    exported = rows["name"]
    rows = rows.assign(name=_stated(rows, mapping.analytes, exported))
    coded = (rows["loinc"] != "") & (rows["name"] == exported)
    note_names_for_codes(rows.loc[coded & (exported != rows["loinc"])], ledger)
    rows = refuse(
        rows.assign(_raw_code=rows["called"]),
        contradicting(rows["called"], rows["name"]) & coded,
        ledger,
        column="code",
        code="loinc_conflict",
        reason="The name "
        + quoted(rows["called"])
        + " and LOINC "
        + named_codes(rows["loinc"])
        + " are different analytes.",
        remedy="Correct the code at the source, or name the analyte in the mapping.",
    )
    unit, clash = agreed_units(rows["name"], rows["unit"], rows["coded_unit"])
    rows = refuse(
        rows.assign(**{f"_raw_{column}": rows["unit"]}),
        clash,
        ledger,
        column=column,
        code="unit_conflict",
        reason=named_codes(rows["name"])
        + ": the printed unit "
        + quoted(rows["unit"])
        + " and the coded unit "
        + quoted(rows["coded_unit"])
        + " differ by a factor.",
        remedy="Ask the laboratory for the unit of the number, and correct the other unit.",
    )
    made.count(rows, "carried")
    collected = {"collected_at": rows["at"]}
    resulted = {"resulted_at": rows["resulted"]}
    if mapping.measurement_time == "resulted":
        resulted = {"resulted_at": first_filled(rows["resulted"], rows["at"])}
    table = pd.DataFrame(
        {"patient_id": rows["patient_id"], "analyte": _analyte_names(rows), "value": rows["value"],
         "unit": unit.loc[rows.index], **collected, **resulted,
         **{name: rows[name] for name in _LABS}, "source_row": _source(rows)}
    )  # fmt: skip
    ledger.remarks += unrecognised_analytes(table["analyte"], rows["label"])
    return filled_columns(table, ("patient_id", "analyte", "value", "unit", "collected_at"))


def _analyte_names(rows: pd.DataFrame) -> pd.Series:
    """Names of analytes; a known LOINC code becomes the key of the dictionary."""
    coded = (rows["name"] == rows["loinc"]) & (rows["loinc"] != "")
    keys = {code: find_key(code) or code for code in rows.loc[coded, "loinc"].unique()}
    return rows["name"].mask(coded, rows["loinc"].map(keys)).astype("str")


def _treatments(
    rows: pd.DataFrame, mapping: ExchangeMapping, ledger: Ledger, made: AssembledTables
) -> pd.DataFrame:
    index = drug_index()
    keys = [
        next((index[name] for name in map(normalise_name, (text, *codes)) if name in index), "")
        for text, codes in zip(rows["name"], rows["codes"], strict=True)
    ]
    named = pd.Series(keys, index=rows.index, dtype="str")
    rows = rows.assign(drug=_stated(rows, mapping.drugs, named))
    rows = refuse(
        rows.assign(_raw_drug=rows["name"]),
        rows["drug"] == "",
        ledger,
        column="drug",
        code="unknown_drug",
        reason=quoted(rows["name"]) + " is not in data_schema/drugs.yaml and would have no effect.",
        remedy="If it is a drug of that file, add its code under 'drugs' in the mapping.",
    )
    made.count(rows, "carried")
    columns = {"patient_id": rows["patient_id"], "drug": rows["drug"], "given_at": rows["at"]}
    columns |= {"dose": rows["dose"], "unit": rows["unit"], "route": rows["route"]}
    # no source_row: with it, repeated doses would all differ
    return filled_columns(pd.DataFrame(columns), ("patient_id", "drug", "given_at"))


def _assessments(
    rows: pd.DataFrame, mapping: ExchangeMapping, ledger: Ledger, made: AssembledTables
) -> pd.DataFrame:
    rules = [mapping.grades[number] for number in matching_rule(rows, mapping.grades)]
    grades = [
        str(rule.grade) if rule.grade is not None else text
        for rule, text in zip(rules, rows["grade"], strict=True)
    ]
    rows = rows.assign(
        scale=pd.Series([rule.scale for rule in rules], index=rows.index, dtype="str"),
        grade=pd.Series(grades, index=rows.index, dtype="str"),
        system=pd.Series([rule.grading_system for rule in rules], index=rows.index, dtype="str"),
    )
    rows = refuse(
        rows,
        rows["grade"] == "",
        ledger,
        column="grade",
        code="required_blank",
        reason="By the mapping this record is a grade of '" + rows["scale"] + "', but it has no "
        "value.",
        remedy="If the code itself means one grade, add `grade` to the rule.",
    )
    made.count(rows, "carried")
    columns = {"patient_id": rows["patient_id"], "scale": rows["scale"], "grade": rows["grade"]}
    columns |= {"assessed_at": rows["at"], "grading_system": rows["system"]}
    table = pd.DataFrame({**columns, "source_row": _source(rows)})
    return filled_columns(table, ("patient_id", "scale", "grade", "assessed_at"))


def _stated(rows: pd.DataFrame, names: dict[str, str], otherwise: pd.Series) -> pd.Series:
    """Name of each row by its codes in the mapping, else the given name."""
    if not names:
        return otherwise
    stated_names = [
        next((names[code] for code in codes if code in names), "") for codes in rows["codes"]
    ]
    stated = pd.Series(stated_names, index=rows.index, dtype="str")
    return stated.where(stated != "", otherwise).astype("str")


def _add_offsets(made: AssembledTables, time_zone: str | None, ledger: Ledger) -> None:
    """Append the offset of the zone to times without one; count those that stay without."""
    missing = 0
    for name, table in made.tables.items():
        placed = table.copy()
        for clock in map(str, table.columns):
            if clock.endswith("_at") or clock == "infusion_time":
                placed[clock], naive = with_offsets(table[clock], time_zone)
                missing += naive
        made.tables[name] = placed
    offset_hint(missing, ledger)


def _source(rows: pd.DataFrame) -> pd.Series:
    return rows["file"] + ":" + rows["_line"].astype("str")
