"""Timed tables other than labs: treatments, observations and assessments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.clock import read_clock
from pipeline.cohort.dose_plausibility import flag_doses
from pipeline.cohort.drug_names import drug_index, drug_named, is_class, unknown_drug_reason
from pipeline.cohort.ledger import Ledger, plain_number, quoted
from pipeline.cohort.result_versions import add_flag
from pipeline.cohort.schema import TableSchema, enforce, to_number
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.config_cohort import CohortConfig
from pipeline.errors import InputError
from pipeline.remedy import Remedy
from pipeline.resources import schema_yaml

CHECK_AS_OF = Remedy(
    "Correct the time or its offset at the source; no action is needed if --as-of is intentionally "
    "earlier.",
    option=("as-of",),
)
DATES_SHIFTED = Remedy(
    "If dates are shifted, give hours (cytocast pseudonymise --times hours); if all infusions lie "
    "in the future, predict --as-of also accepts an hour. Otherwise correct the times.",
    option=("times", "as-of"),
)
REGRADE = Remedy(
    train="Grading systems are never pooled; regrade, or set cohort.grading_system.",
    operator="Grading systems are never pooled; regrade.",
)


_TO_MG = {"g": 1000.0, "mg": 1.0, "ug": 0.001}
Reader = Callable[
    [pd.DataFrame, pd.DataFrame, str, CohortConfig, Ledger, np.ndarray, tuple[str, ...]],
    pd.DataFrame,
]


def time_zero_of(table: pd.DataFrame, patients: pd.DataFrame) -> pd.Series | None:
    """Time zero per row; None if no patient has one."""
    zero = patients["infusion_time"]
    if zero.isna().all():
        return None
    return pd.Series(zero.iloc[table["patient"].to_numpy()].array, index=table.index)


def reject_future(
    table: pd.DataFrame, hours: np.ndarray, limit: np.ndarray, file: str, clock: str, ledger: Ledger
) -> pd.DataFrame:
    """Reject rows at or after the as-of hour (or the present)."""
    column = f"{clock}_at" if f"{clock}_at" in table else f"{clock}_hours"
    future = hours >= limit
    shifted = table["patient_id"].isin(list(ledger.shifted_patients)).to_numpy()
    ahead = future & shifted
    table = ledger.reject(
        table,
        ahead,
        file=file,
        column=column,
        code="future",
        reason="The time lies in the future, as does the patient's infusion_time.",
        remedy=DATES_SHIFTED,
    )
    return ledger.reject(
        table,
        future[~ahead],
        file=file,
        column=column,
        code="future",
        reason="The time is at or after the time of prediction.",
        remedy=CHECK_AS_OF,
    )


def flag_after_end(
    labs: pd.DataFrame, patients: pd.DataFrame, file: str, ledger: Ledger
) -> pd.DataFrame:
    """Flag results after the death or the stated end of the record; they are kept.

    No landmark lies after either, so no estimate uses them, but a clock is probably wrong.
    """
    where = labs["patient"].to_numpy()
    column = "resulted_at" if "resulted_at" in labs else "resulted_hours"
    for name, code, end in (
        ("death_hours", "after_death", "the patient's death"),
        ("record_end_hours", "after_record_end", "the end of the record"),
    ):
        late = labs["resulted_hours"] > patients[name].to_numpy()[where]
        ledger.note(
            labs,
            late & ~labs["cancelled"],
            file=file,
            column=column,
            code=code,
            reason=f"The result time is after {end}; no prediction uses the result.",
            remedy="Check the times of the result and of the patient.",
        )
        labs = labs.assign(flag=add_flag(labs["flag"], late, code))
    return labs


def read_assessments(
    raw: pd.DataFrame,
    patients: pd.DataFrame,
    file: str,
    config: CohortConfig,
    ledger: Ledger,
    frontier: np.ndarray,
    extra_scales: tuple[str, ...],
) -> pd.DataFrame:
    """Read graded assessments; rejects grades outside their scale or of another grading system."""
    schema = TableSchema.load("assessments")
    table = enforce(raw, schema, file, ledger, decisive=("grading_system",))
    table = table.assign(scale=table["scale"].str.lower())
    known = {**{scale: list(range(11)) for scale in extra_scales}, **schema.scales}
    table = ledger.reject(
        table,
        ~table["scale"].isin(list(known)),
        file=file,
        column="scale",
        code="unknown_scale",
        reason=quoted(table["scale"]) + " is not a known scale.",
        remedy="Use one of " + ", ".join(known) + ", or configure an outcome on this scale.",
    )
    pair = pd.Series(list(zip(table["scale"], table["grade"], strict=True)), index=table.index)
    legal = {(scale, float(grade)) for scale, grades in known.items() for grade in grades}
    table = ledger.reject(
        table,
        ~pair.isin(legal),
        file=file,
        column="grade",
        code="grade_outside_scale",
        reason="'"
        + table["grade"].map(plain_number).astype("str")
        + "' is not a grade of the scale '"
        + table["scale"]
        + "'.",
        remedy="; ".join(
            f"{scale}: {grades[0]} to {grades[-1]}" for scale, grades in known.items()
        ),
    )
    if "grading_system" in table:
        system = table["grading_system"]
        _note_other_systems(table, config.grading_system, ledger)
        table = ledger.reject(
            table,
            (system != "") & (system != config.grading_system),
            file=file,
            column="grading_system",
            code="other_grading_system",
            reason="Graded by '" + system + f"'; this run uses '{config.grading_system}'.",
            remedy=REGRADE,
        )
    table = _timed(table, patients, "assessed", file, config, ledger, frontier)
    table = ledger.collapse(
        table, table.duplicated(["patient", "scale", "grade", "assessed_hours"]), file=file
    )
    table = table.assign(grade=table["grade"].astype(np.int64))
    ledger.note(
        table,
        table.duplicated(["patient", "scale", "assessed_hours"], keep=False),
        file=file,
        column="grade",
        code="conflicting",
        reason="Another row has another grade of '" + table["scale"] + "' at the same time.",
        remedy="Keep the correct one; until then the higher grade is used.",
    )
    return _ordered(table, ["patient", "scale", "assessed_hours", "grade"])


def _note_other_systems(table: pd.DataFrame, wanted: str, ledger: Ledger) -> None:
    """Record patients without a grade on a scale once other grading systems are rejected."""
    other = ~table["grading_system"].isin(["", wanted])
    kept = pd.MultiIndex.from_frame(table.loc[~other, ["patient_id", "scale"]])
    alone = table.loc[other]
    alone = alone.loc[~pd.MultiIndex.from_frame(alone[["patient_id", "scale"]]).isin(kept)]
    for system, patient in zip(alone["grading_system"], alone["patient_id"], strict=True):
        ledger.other_systems.setdefault(str(system), set()).add(str(patient))


def refuse_mixed_systems(ledger: Ledger, file: str, config: CohortConfig) -> None:
    """Check that no patient is graded by another system only.

    Without their grades these patients would be read as patients without the event.

    Raises
    ------
    InputError
        If there are any.
    """
    if not ledger.other_systems:
        return
    systems = "; ".join(
        f"{system}: {len(patients)} patients" for system, patients in ledger.other_systems.items()
    )
    raise InputError(
        f"{file} mixes grading systems: '{config.grading_system}' (this run) and, for some "
        f"patients alone, {systems}. Train these separately (cohort.grading_system), regrade them "
        "(cohort.grades: charted_else_derived) or omit them"
    )


def read_treatments(
    raw: pd.DataFrame,
    patients: pd.DataFrame,
    file: str,
    config: CohortConfig,
    ledger: Ledger,
    frontier: np.ndarray,
    extra_scales: tuple[str, ...],
) -> pd.DataFrame:
    """Read doses; known drug names become keys of ``drugs.yaml``, others stay as written."""
    table = enforce(raw, TableSchema.load("treatments"), file, ledger)
    keys = {text: drug_named(text) for text in table["drug"].unique()}
    names = {text: key or normalise_name(text) for text, key in keys.items()}
    table = table.assign(
        drug=table["drug"].map(names).astype("str"),
        _raw_drug=table["drug"],
        intent=table.get("intent", ""),
        dose_mg=_milligrams(table),
    )
    table = _timed(table, patients, "given", file, config, ledger, frontier)
    content = [name for name in table.columns if name not in ("_line", "_raw_drug")]
    table = ledger.collapse(table, table.duplicated(content), file=file)
    _note_drugs(table, keys, file, ledger)
    flag_doses(table, patients, file, ledger)
    return _ordered(table, ["patient", "given_hours", "drug", "intent", "dose_mg"])


def _note_drugs(table: pd.DataFrame, keys: Mapping[str, str], file: str, ledger: Ledger) -> None:
    """Flag drugs that are unknown, named within a text or by class, and doses without a mass."""
    reasons = {text: unknown_drug_reason(text) for text in table["_raw_drug"].unique()}
    ledger.note(
        table,
        ~table["drug"].isin(list(schema_yaml("drugs.yaml")["drugs"])),
        file=file,
        column="drug",
        code="unknown_drug",
        reason=table["_raw_drug"].map(reasons).astype("str"),
        remedy="If it is a drug of data_schema/drugs.yaml, write one of its names there.",
    )
    within = {
        text for text, key in keys.items() if key and normalise_name(text) not in drug_index()
    }
    ledger.note(
        table,
        table["_raw_drug"].isin(within),
        file=file,
        column="drug",
        code="drug_in_text",
        reason=quoted(table["_raw_drug"])
        + " is read as '"
        + table["drug"]
        + "', the only drug of data_schema/drugs.yaml named in it.",
        remedy="No action needed if it was given; otherwise correct the cell or omit the row.",
    )
    ledger.note(
        table,
        table["drug"].map(is_class).astype(bool),
        file=file,
        column="drug",
        code="drug_class_only",
        reason=quoted(table["_raw_drug"])
        + " is a class of drugs; the dose is used, but its strength is unknown.",
        remedy="Write the drug and its dose if they are known.",
    )
    steroids = [
        key for key, drug in schema_yaml("drugs.yaml")["drugs"].items() if "dex_equivalent" in drug
    ]
    stated = table["dose"].gt(0) if "dose" in table else pd.Series(False, index=table.index)
    unit = table["unit"].astype("str") if "unit" in table else pd.Series("", index=table.index)
    ledger.note(
        table,
        stated & table["dose_mg"].isna() & table["drug"].isin(steroids),
        file=file,
        column="unit",
        code="dose_unit_unknown",
        reason=quoted(unit) + " is not a unit of mass; the dose is used without its amount.",
        remedy="Write the dose in mg, g or ug.",
    )


def _milligrams(table: pd.DataFrame) -> pd.Series:
    """Dose in mg; NaN where none is stated or the unit is not a mass."""
    if "dose" not in table or "unit" not in table:
        return pd.Series(np.nan, index=table.index)
    factor = table["unit"].astype("str").map(normalise_unit).map(_TO_MG)
    return table["dose"].astype("float64") * factor.astype("float64")


def read_observations(
    raw: pd.DataFrame,
    patients: pd.DataFrame,
    file: str,
    config: CohortConfig,
    ledger: Ledger,
    frontier: np.ndarray,
    extra_scales: tuple[str, ...],
) -> pd.DataFrame:
    """Read raw vitals and ICE items; used for grading, never as features."""
    table = enforce(raw, TableSchema.load("observations"), file, ledger)
    table = table.assign(item=table["item"].str.lower())
    items = schema_yaml("observations.yaml")["items"]
    table = ledger.reject(
        table,
        ~table["item"].isin(list(items)),
        file=file,
        column="item",
        code="unknown_item",
        reason=quoted(table["item"]) + " is not a known observation.",
        remedy="Use an item of data_schema/observations.yaml, or omit the row.",
    )
    table = ledger.reject(
        table,
        ~_legal_observations(table, items),
        file=file,
        column="value",
        code="illegal_value",
        reason=quoted(table["value"]) + " is not a value of '" + table["item"] + "'.",
        remedy="data_schema/observations.yaml lists the range or the values of every item.",
    )
    table = _timed(table, patients, "observed", file, config, ledger, frontier)
    content = [name for name in table.columns if name != "_line"]
    table = ledger.collapse(table, table.duplicated(content), file=file)
    return _ordered(table, ["patient", "observed_hours", "item", "value"])


def _legal_observations(table: pd.DataFrame, items: Mapping[str, Mapping[str, Any]]) -> pd.Series:
    """Whether each value is in the range, or among the values, of its item."""
    legal = pd.Series(False, index=table.index)
    for key in table["item"].unique():
        item, rows = items[key], table["item"] == key
        cells = table.loc[rows, "value"]
        if item["kind"] == "number":
            number = to_number(cells)
            good = number.between(*item["range"])
            if item.get("integer"):
                good &= number == np.floor(number)
        else:
            good = cells.str.lower().isin(list(item["values"]))
        if item["kind"] == "drug":
            drugs = schema_yaml("drugs.yaml")["drugs"]
            known = (
                cells.map(normalise_name)
                .map(drug_index())
                .map({name: drug["class"] for name, drug in drugs.items()})
            )
            good |= known == item["drug_class"]
        legal[rows] = good
    return legal


READERS: dict[str, Reader] = {
    "treatments": read_treatments,
    "observations": read_observations,
    "assessments": read_assessments,
}


def _timed(
    table: pd.DataFrame,
    patients: pd.DataFrame,
    clock: str,
    file: str,
    config: CohortConfig,
    ledger: Ledger,
    frontier: np.ndarray,
) -> pd.DataFrame:
    table = read_clock(
        table,
        clock,
        time_zero_of(table, patients),
        file=file,
        time_zone=config.time_zone,
        required=True,
        ledger=ledger,
    )
    limit = frontier[table["patient"].to_numpy()]
    # rows of a day that is not over yet have already happened
    running = (table["_start"] < limit) & (table["_until"] > table["_start"])
    hours = table[f"{clock}_hours"].to_numpy()
    hours = np.where(running, np.minimum(hours, np.nextafter(limit, -np.inf)), hours)
    table = table.assign(**{f"{clock}_hours": hours})
    return reject_future(table, hours, limit, file, clock, ledger)


def _ordered(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return table.sort_values(columns, kind="stable", ignore_index=True)[columns]
