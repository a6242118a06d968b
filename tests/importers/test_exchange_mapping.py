"""The mapping of an OMOP or FHIR export: refusals, rules and the proposal."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.importers.exchange_mapping import (
    ExchangeMapping,
    GradeRule,
    InfusionRule,
    matching_rule,
    propose_exchange,
    propose_infusions,
    read_exchange_mapping,
)
from pipeline.importers.records import EVENT_COLUMNS, RESULT_COLUMNS, Records, text_frame
from pipeline.importers.wide_mapping import write_mapping
from tests.importers.test_omop import MAPPING, bring


@pytest.mark.parametrize(
    ("changes", "fragment"),
    [
        ({"infusion": []}, "names no infusion"),
        ({"confirmed": False}, "not confirmed"),
        ({"infusion": [{"table": "visit", "codes": ["1"]}]}, "names the table visit"),
        ({"infusion": [{"table": "measurement", "codes": []}]}, "infusion.0.codes"),
        ({"drugs": {"1": "water"}}, "'water'"),
        ({"analytes": {"1": ""}}, "analytes.1 is blank"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(tmp_path, changes, fragment):
    with pytest.raises(UsageError, match=fragment):
        bring(tmp_path, [{}], {**MAPPING, **changes})


def events(*rows):
    """Events from (table, codes, name, patient)."""
    blank = dict.fromkeys(EVENT_COLUMNS, "")
    content = [
        {**blank, "table": table, "codes": codes, "name": name, "patient_id": who, "_line": line}
        for line, (table, codes, name, who) in enumerate(rows, start=2)
    ]
    return text_frame(content, EVENT_COLUMNS)


codes = st.lists(st.sampled_from("abc"), max_size=3).map(tuple)


@given(
    rows=st.lists(st.tuples(st.sampled_from("XY"), codes), max_size=8),
    rules=st.lists(
        st.tuples(st.sampled_from("XY"), st.lists(st.sampled_from("abc"), min_size=1, max_size=2)),
        max_size=4,
    ),
)
@settings(deadline=None)
def test_the_first_rule_that_names_a_row_counts(rows, rules):
    table = events(*[(name, own, "", "1") for name, own in rows])
    stated = [InfusionRule(table=name, codes=tuple(wanted)) for name, wanted in rules]
    expected = [
        next(
            (
                number
                for number, (wanted_table, wanted) in enumerate(rules)
                if wanted_table == name and set(wanted) & set(own)
            ),
            -1,
        )
        for name, own in rows
    ]
    assert matching_rule(table, stated).tolist() == expected


def test_the_proposal_names_drugs_and_no_infusion_and_lists_the_commonest_codes():
    rows = [("drug", ("9",), "Tocilizumab 400 mg", str(who)) for who in range(3)]
    rows += [("drug", ("8",), "water", "1"), ("procedure", (), "infusion", "1")]
    nothing = text_frame([], RESULT_COLUMNS)
    people = pd.DataFrame(columns=["patient_id"])
    mapping, lines = propose_exchange(Records(people, nothing, events(*rows), people, "omop"))
    assert mapping.drugs == {"9": "tocilizumab"}
    assert mapping.infusion == ()
    assert not mapping.confirmed
    assert [line.split()[0] for line in lines] == ["drug:", "9", "8", "procedure:", "(no"]
    assert "(3 patients, 3 rows)" in lines[1]


@pytest.mark.parametrize(
    ("table", "codes", "name", "rule"),
    [
        ("drug_exposure", ("37", "q2041"), "CAR-T", ("37", "axi-cel")),
        ("procedure_occurrence", ("9", "ICD10PCS:XW033J7"), "infusion", ("9", "tisa-cel")),
        ("Procedure", ("urn:cpt|0540T",), "CAR-T administration", ("urn:cpt|0540T", "")),
        ("MedicationAdministration", ("x",), "Breyanzi suspension", ("x", "liso-cel")),
        ("MedicationAdministration", ("L01XL05",), "", ("L01XL05", "cilta-cel")),
        ("drug_exposure", ("8",), "Abecma or Carvykti", None),
        ("drug_exposure", ("8",), "tocilizumab", None),
        ("drug_exposure", (), "Yescarta", None),
        ("condition_occurrence", ("8",), "After Yescarta", None),
        ("Observation", ("Q2041",), "", None),
    ],
)
def test_the_name_or_a_code_of_a_product_proposes_the_infusion(table, codes, name, rule):
    rules = propose_infusions(events((table, codes, name, "1")))
    assert [(*item.codes, item.product) for item in rules] == ([] if rule is None else [rule])


def test_a_mapping_survives_its_file(tmp_path):
    mapping = ExchangeMapping(
        confirmed=True,
        infusion=(InfusionRule(table="procedure_occurrence", codes=("1", "2"), product="x"),),
        grades=(GradeRule(table="observation", codes=("3",), scale="crs", grade=2),),
        drugs={"4": "tocilizumab"},
    )
    path = tmp_path / "m.yaml"
    write_mapping(mapping, path, "# head\n", ["one", "two"])
    tables = ("procedure_occurrence", "observation")
    assert read_exchange_mapping(path, tables) == mapping
    with pytest.raises(UsageError, match="procedure_occurrence"):
        read_exchange_mapping(path, ("observation",))
