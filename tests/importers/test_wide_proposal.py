"""The proposal of a sheet: clear clocks, and blanks where several columns match."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from pipeline.cohort.files import raw_from_csv
from pipeline.importers.wide_clocks import clock_columns
from pipeline.importers.wide_mapping import propose_mapping
from pipeline.importers.wide_proposal import (
    clock_notes,
    codes_in,
    column_of_specimens,
    dose_column,
    observation_item,
    with_values,
)

LAB, TOX = "2026-03-02 06:00", "2026-03-02 18:00"


def proposed(text):
    table = pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False)
    return propose_mapping(list(table.columns), table.assign(_line=2)), table


@pytest.mark.parametrize(
    ("text", "collected", "assessed"),
    [
        (f"id,lab_date,crp,seen,crs\n1,{LAB},3,{TOX},1", "lab_date", ""),
        (f"id,lab_date,crp,tox_date,tox_crs\n1,{LAB},3,{TOX},1", "lab_date", "tox_date"),
        (f"id,lab_date,crp,l_complete,on,crs,t_complete\n1,{LAB},3,2,{TOX},1,2", "lab_date", "on"),
        (f"id,date,crp,assessment_date,crs\n1,{LAB},3,{TOX},1", "", ""),
        (f"id,Labordatum,CRP,Beurteilung,CRS\n1,{LAB},3,{TOX},1", "Labordatum", ""),
        (f"id,collected_at,resulted_at,crp,crs\n1,{LAB},{TOX},3,1", "collected_at", ""),
        ("id,lab_day,crp,tox_day,crs\n1,2,3,2.5,1", "lab_day", ""),
        (f"id,date,crp,crs\n1,{LAB},3,1", "date", None),
        (f"id,birth_date,lab_date,crp,crs\n1,1960-01-01,{LAB},3,1", "lab_date", None),
    ],
)
def test_a_clock_is_proposed_only_where_it_obviously_belongs(text, collected, assessed):
    proposal, table = proposed(text)
    assert proposal.collected.column == collected
    stated = proposal.assessed
    assert (stated and stated.column) == assessed
    assert sorted(name for name in proposal.columns() if name) == sorted(table.columns)
    assert not proposal.confirmed
    notes = clock_notes(proposal, clock_columns(proposal.times_of(table.columns), table))
    asked = [line for line in notes if "blank" in line]
    assert bool(asked) == ("" in (collected, assessed))


def test_each_scale_and_each_lab_may_have_its_own_clock():
    proposal, _ = proposed(
        "id,crp_date,crp,il6_date,il6,crs_date,crs,icans_date,icans\n"
        f"1,{LAB},3,{TOX},9,{TOX},1,{LAB},0"
    )
    clocks = {
        (group, name): proposal.clock_of(group, name).column
        for group, names in (("labs", ("crp", "il6")), ("grades", ("crs", "icans")))
        for name in names
    }
    assert list(clocks.values()) == ["crp_date", "il6_date", "crs_date", "icans_date"]


def test_a_clock_that_is_mostly_blank_where_grades_stand_is_not_proposed():
    text = f"id,lab_date,crp,tox_date,tox_crs\n1,{LAB},3,{TOX},1\n1,{LAB},,,2\n1,{LAB},,,2"
    assert proposed(text)[0].assessed.column == ""


def test_doses_and_observations_are_proposed_and_ask_for_their_clocks():
    proposal, _ = proposed(
        f"id,lab_date,crp,dose_date,tocilizumab_mg,temperature_c\n1,{LAB},3,{TOX},560,39.1"
    )
    assert proposal.doses["tocilizumab_mg"].drug == "tocilizumab"
    assert proposal.observations == {"temperature_c": "temperature_c"}
    assert proposal.given.column == proposal.observed.column == ""
    assert proposal.ignored == ("dose_date",)


@pytest.mark.parametrize("name", ["tocilizumab_given", "mg", "tocilizumab_date", "Ward"])
def test_a_dose_needs_a_drug_and_a_unit(name):
    assert dose_column(name) is None


def test_codes_of_sex_and_product_get_a_blank_translation_and_words_do_not():
    table = pd.DataFrame({"s": ["1", "2.0", ""], "p": ["2", "axi-cel", ""], "h": ["1", "2", ""]})
    roles = with_values({"s": "sex", "p": "product", "h": "site"}, table)
    assert roles["s"].values == {"1": "", "2": ""}
    assert roles["p"].values == {"2": ""}
    assert roles["h"] == "site"
    assert codes_in(pd.Series(["male", "f", ""])) == ()
    assert observation_item("temp") == ""


@pytest.mark.parametrize(
    ("cells", "column"),
    [(["CSF", "", "serum"], "Tube"), (["CSF", "7"], ""), (["", ""], ""), (["n/a"], "")],
)
def test_a_column_of_specimens_is_known_by_its_cells(cells, column):
    table = pd.DataFrame({"Ward": ["7"] * len(cells), "Tube": cells})
    assert column_of_specimens(["Ward", "Tube"], table) == column


def test_a_blank_clock_reads_as_its_candidates_do():
    text = "id,day,crp (mg/L),grade_day,CRS grade\nA,1,35,,\nA,3,120,4,3\n"
    table = raw_from_csv(text.encode(), "sheet.csv").frame
    proposal = propose_mapping(text.split("\n")[0].split(","), table)
    assert (proposal.collected.column, proposal.collected.reads) == ("", "days")
