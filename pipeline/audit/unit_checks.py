"""CHK301 to CHK305: missing or wrong units, missing or mixed bases, shifted names."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext
from pipeline.audit.finding import Finding, NotApplicable
from pipeline.audit.lenient_tables import accepted_unit
from pipeline.cohort.analytes import Analyte, dictionary
from pipeline.cohort.column_words import listed
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.cohort.units import unit_slips

MIN_RESULTS = 20
MISFIT = 0.15  # decades outside the usual medians
MIN_SHIFTED = 3


class MissingUnit(Check):
    """Lab rows without a unit."""

    code = "CHK301"
    title = "Results without a unit"
    effect = (
        "Without a unit, numbers of two hospitals cannot be compared. Analytes of the dictionary "
        "are rejected without a unit; others are accepted only as local to this cohort."
    )
    remedy = (
        "Export the unit. If it is known, state it under cohort.assume_units (a blank unit is "
        'written ""), or list the analyte under cohort.local_analytes.'
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Count rows without a unit by analyte."""
        labs = context.need_labs()
        blank = labs[labs["unit"] == ""]
        if blank.empty:
            return []
        counts = blank["key"].value_counts()
        names = [f"{key} ({count})" for key, count in counts.items()]
        return [
            self.finding(
                f"{len(blank)} of {len(labs)} lab rows have no unit: {listed(names, most=40)}.",
                table="labs",
                columns=("unit",),
                counts={"rows": len(blank), "analytes": len(counts)},
                examples=context.examples("labs", blank.drop_duplicates("key"), "unit", limit=5),
            )
        ]


class MissingBasis(Check):
    """D-dimer results whose unit does not state FEU or DDU."""

    code = "CHK302"
    title = "D-dimer without its basis"
    effect = (
        "One DDU is about two FEU, so the same number can mean twice as much. Rows without a basis "
        "are rejected; under a wrong assumption every D-dimer is off by a factor of two."
    )
    remedy = (
        "Ask the laboratory whether it reports FEU or DDU and state it, for example "
        'cohort.assume_units: {d_dimer: {mg/L: "mg/L{FEU}"}}.'
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Inspect the exported units of D-dimer; a LOINC code may state the basis instead."""
        rows = context.need_labs()
        rows = rows[(rows["key"] == "d_dimer") & (rows["unit"] != "")]
        codes = {code for code, unit in dictionary()["d_dimer"].loinc_units.items() if unit}
        raw = context.raw["labs"].reindex(rows.index)
        for column in raw.columns.intersection(["loinc", "analyte"]):
            rows = rows[~raw.loc[rows.index, column].isin(codes)]
        spelled = rows["unit"].map(normalise_unit)
        bare = rows[spelled.str.contains("g/") & ~spelled.str.contains(r"\{(?:feu|ddu)\}")]
        if bare.empty:
            return []
        units = listed(sorted(bare["unit"].unique()))
        known = accepted_unit("d_dimer", bare["unit"].iloc[0], context.config.cohort)
        assumption = (
            "The configuration assumes a basis; confirm it."
            if np.isfinite(known)
            else "The configuration assumes none."
        )
        return [
            self.finding(
                f"{len(bare)} D-dimer results are in {units} without FEU or DDU. {assumption}",
                table="labs",
                columns=("unit",),
                counts={"rows": len(bare)},
                examples=context.examples("labs", bare, "unit"),
            )
        ]


class UnitSlips(Check):
    """A site or unit whose median lies decades from the others or from the usual range."""

    code = "CHK303"
    title = "A unit that does not fit the numbers"
    effect = (
        "Numbers labelled with the wrong unit are wrong by a factor of ten or more after "
        "conversion. The model then learns the site or the unit instead of the patient."
    )
    remedy = (
        "Ask the laboratory of that site for the unit of these rows. If it holds throughout, state "
        "it under cohort.assume_units; units are never converted on suspicion."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare medians between sites, between units, and with the dictionary."""
        labs = context.need_labs()
        rows = labs[(labs["value"] > 0) & (labs["patient"] >= 0) & ~labs["by_difference"]]
        rows = rows.assign(analyte=rows["key"], cancelled=False)
        if rows.empty:
            raise NotApplicable("no result could be converted to a canonical unit")
        site = context.people["site"]
        by_unit = rows["unit"].to_numpy(dtype=object)
        by_site = site.to_numpy(dtype=object)[rows["patient"].to_numpy()]
        groups = {"site": by_site, "unit": by_unit}
        findings, seen = [], set()
        for name, group in groups.items():
            codes, labels = pd.factorize(pd.Series(group, dtype="str"))
            # a patient in two groups counts once in each, so each group has its own numbers
            number, _ = pd.factorize(rows["patient"].to_numpy() * len(labels) + codes)
            sites = pd.Series(group, dtype="str").groupby(number).first()
            slips = unit_slips(rows.assign(patient=number), sites, dictionary())
            fields = slips[["analyte", "site", "factor", "words", "results"]]
            for key, place, factor, comparison, results in fields.to_numpy().tolist():
                if (key, factor) in seen:
                    continue
                seen.add((key, factor))
                chosen = rows[(rows["key"] == key) & (group == place)]
                where = f"{name} {place}" if place else "the export"
                findings.append(
                    self.finding(
                        f"{key}, {where}: {comparison} {results} results.",
                        table="labs",
                        columns=("unit", "value"),
                        counts={"analyte": key, "rows": results},
                        examples=context.examples("labs", chosen, "value"),
                    )
                )
        return findings


class ShiftedNames(Check):
    """Analytes whose numbers fit the next analyte of the file better than their own name."""

    code = "CHK304"
    title = "Names shifted by one analyte"
    effect = "Every affected analyte has the numbers of another one; no result is valid."
    remedy = (
        "Compare the header with the data of the source table: a column was inserted or lost, and "
        "all names after it moved by one."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare each analyte with its neighbours in the order of the file and alphabet."""
        labs = context.need_labs()
        rows = labs[(labs["number"] > 0) & (labs["factor"].notna())]
        sizes = rows["key"].value_counts()
        usual = {
            key: analyte
            for key, analyte in dictionary().items()
            if sizes.get(key, 0) >= MIN_RESULTS and analyte.usual[0] is not None
        }
        if len(usual) < MIN_SHIFTED + 1:
            raise NotApplicable("too few analytes with usual values in the dictionary")
        rows = rows[rows["key"].isin(list(usual))]
        medians = rows.groupby("key")["number"].median()
        units = rows.groupby("key")["unit"].agg(lambda cells: cells.mode().iloc[0])
        fits = {key: _interval(usual[key], units[key], context) for key in usual}
        seen = list(dict.fromkeys(rows["key"]))
        for source, order in (("file", seen), ("alphabet", sorted(usual))):
            for step in (1, -1):
                moved = _moved(order, step, medians, fits)
                if len(moved) >= MIN_SHIFTED:
                    first = rows[rows["key"] == moved[0]]
                    return [
                        self.finding(
                            f"The medians of {listed(moved)} do not fit their names, but fit the "
                            f"{'next' if step == 1 else 'previous'} analyte in the order of the "
                            f"{source}.",
                            table="labs",
                            columns=("analyte", "value"),
                            counts={"analytes": len(moved), "compared": len(order)},
                            examples=context.examples("labs", first, "analyte"),
                        )
                    ]
        return []


class BasisChanges(Check):
    """A site that reports one analyte on two bases, for example D-dimer in FEU and DDU."""

    code = "CHK305"
    title = "A site reports two bases of one analyte"
    effect = (
        "One DDU is about two FEU, and the factor differs between assays. Where codes or units "
        "change with time or patient, a change of assay looks like a change of the patient."
    )
    remedy = (
        "Ask the laboratory of that site when it changed its assay, and whether codes and units "
        "changed with it. Correct the code if it is wrong."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare the bases stated by unit or LOINC code within each site."""
        labs = context.need_labs()
        findings = []
        for key, bases in _bases().items():
            rows = labs[labs["key"] == key]
            rows = rows.assign(basis=_stated_basis(rows, key, bases, context))
            rows = rows[rows["basis"] != ""]
            for site, part in rows.groupby(rows["site"].fillna(""), sort=True):
                counts = part["basis"].value_counts()
                if len(counts) < 2:
                    continue
                basis_counts = ", ".join(f"{count} in {basis}" for basis, count in counts.items())
                both = int((part.groupby("patient")["basis"].nunique() > 1).sum())
                place = f"Site '{site}'" if site else "The export"
                findings.append(
                    self.finding(
                        f"{place} reports {dictionary()[key].short} on two bases: {basis_counts}; "
                        f"{both} of {part['patient'].nunique()} patients have both.",
                        table="labs",
                        columns=("unit", "loinc"),
                        counts={"rows": len(part), "patients_with_both": both},
                        examples=context.examples("labs", part.drop_duplicates("basis"), "unit"),
                    )
                )
        return findings


def _bases() -> dict[str, list[str]]:
    """Bases of each analyte whose codes state one; longer names come first."""
    bases = {}
    for key, analyte in dictionary().items():
        named = {
            re.sub(r".*\{(.+)\}.*", r"\1", unit)
            for unit in analyte.loinc_units.values()
            if "{" in unit
        }
        if named:
            units = (analyte.unit, *analyte.conversions)
            named |= {basis for unit in units for basis in re.findall(r"\{(.+?)\}", unit)}
            bases[key] = sorted(named, key=lambda basis: (-len(basis), basis))
    return bases


def _stated_basis(
    rows: pd.DataFrame, key: str, bases: list[str], context: AuditContext
) -> pd.Series:
    """Basis of each row by its unit, else by its code; "" if neither states one."""
    assumed = context.config.cohort.assume_units.get(key, {})
    coded = {code: _basis_in(unit, bases) for code, unit in dictionary()[key].loinc_units.items()}
    by_unit = {
        unit: _basis_in(normalise_unit(assumed.get(unit, unit)), bases)
        for unit in rows["unit"].unique()
    }
    basis = rows["unit"].map(by_unit).astype("str")
    raw = context.raw["labs"].reindex(rows.index)
    for column in raw.columns.intersection(["loinc", "analyte"]):
        basis = basis.where(basis != "", raw[column].map(coded).fillna("")).astype("str")
    return basis


def _basis_in(unit: str, bases: list[str]) -> str:
    """First basis that a unit names."""
    spelled = unit.lower().replace("_", "")
    return next((basis for basis in bases if basis.lower().replace("_", "") in spelled), "")


def _interval(analyte: Analyte, unit: str, context: AuditContext) -> tuple[float, float]:
    """Usual range of the median as log10 of the exported number."""
    low, high = analyte.usual
    factor = accepted_unit(analyte.key, unit, context.config.cohort)
    return float(np.log10((low or 1e-9) / factor)), float(np.log10((high or 1e9) / factor))


def _moved(
    order: list[str], step: int, medians: pd.Series, fits: dict[str, tuple[float, float]]
) -> list[str]:
    """Analytes whose median is unusual for their own name and usual for their neighbour."""
    moved = []
    for position, key in enumerate(order):
        neighbour = order[(position + step) % len(order)]
        median = float(np.log10(medians[key]))
        if _distance(median, fits[key]) > MISFIT and _distance(median, fits[neighbour]) == 0:
            moved.append(key)
    return moved


def _distance(median: float, interval: tuple[float, float]) -> float:
    """Decades by which a median lies outside an interval."""
    return max(interval[0] - median, median - interval[1], 0.0)
