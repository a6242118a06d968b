"""Rows that cannot be an analyte are separated from rows that could be one."""

from __future__ import annotations

import pytest

from pipeline.importers.exchange_mapping import ExchangeMapping
from pipeline.importers.other_findings import finding_kind, kinds_of, left_out_remark, named_by


@pytest.mark.parametrize(
    ("name", "loinc", "unit", "category", "kind"),
    [
        ("Body height", "8302-2", "cm", "", "body measures"),
        ("", "8480-6", "mm[Hg]", "", "vital signs"),
        ("Unnamed", "", "", "vital-signs", "vital signs"),
        ("Unnamed", "", "", "Vital Signs", "vital signs"),
        ("Unnamed", "", "", "Survey", "questionnaires"),
        ("Unnamed", "", "{score}", "Clinical Observation", "clinical observations"),
        ("Unnamed", "", "", "social-history", "social history"),
        ("Unnamed", "", "", "imaging", "imaging"),
        ("Heart rate --resting", "", "/min", "", "vital signs"),
        ("Screening for drug abuse", "", "", "", "questionnaires"),
        ("Total score [AUDIT-C]", "", "{score}", "", "questionnaires"),
        ("Tobacco smoking status", "", "", "", "social history"),
    ],
)
def test_what_no_analyte_can_be_has_a_kind(name, loinc, unit, category, kind):
    assert finding_kind((name,), loinc, unit, (category,)) == kind


@pytest.mark.parametrize(
    ("name", "loinc", "unit", "category"),
    [
        ("CRP", "", "mg/L", "vital-signs"),
        ("", "1988-5", "", "vital-signs"),
        ("Effector score", "", "", ""),
        ("Effector score", "", "", "laboratory"),
        ("Phenotype X", "", "pg/mL", "vital-signs"),
        ("Phenotype X", "", "10*9/L", "Clinical Observation"),
        ("Phenotype X", "", "", "exam"),
        ("Phenotype X", "", "", "Lab Test"),
        ("ASTCT CRS grade", "", "", "survey"),
        ("ICE score", "", "{score}", "survey"),
        ("Low molecular weight heparin", "", "U/mL", ""),
        ("Body fluid protein", "", "g/dL", ""),
    ],
)
def test_what_could_be_an_analyte_or_a_grade_stays(name, loinc, unit, category):
    assert finding_kind((name,), loinc, unit, (category,)) == ""


def record(**changes):
    content = {"codes": ("T",), "name": "Body weight", "called": "", "label": "", "loinc": "",
               "unit": "kg", "categories": ()}  # fmt: skip
    return {**content, **changes}


def test_what_the_mapping_names_stays_and_a_proposal_lists_everything():
    mapping = ExchangeMapping.model_validate(
        {
            "grades": [{"table": "Observation", "codes": ["G"], "scale": "crs"}],
            "analytes": {"A": "crp"},
        }
    )
    named = named_by(mapping, "Observation")
    assert named == {"G", "A"}
    records = [record(), record(codes=("G",)), record(codes=("x", "A"))]
    assert kinds_of(records, named, applied=True) == ["body measures", "", ""]
    assert kinds_of(records, named, applied=False) == ["", "", ""]
    assert named_by(mapping, "measurement") == {"A"}


def test_the_remark_counts_rows_and_kinds():
    kinds = ["vital signs"] * 120 + ["questionnaires"] * 33
    assert left_out_remark(kinds).startswith("153 rows of 2 kinds ")
    assert left_out_remark(kinds).endswith("(vital signs 120, questionnaires 33)")
    assert left_out_remark([]) == ""
