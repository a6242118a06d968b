"""Units of lab rows: bases, LOINC codes and units that are never guessed."""

import pytest

from tests.exported import codes, conserved, lab_rows, read, read_labs, write_export

GOOD = ("crp", "7", "mg/L", 3, 4)


def results(labs):
    return list(zip(labs["value"], labs["side"], strict=True))


@pytest.mark.parametrize("unit", ["", "furlongs", "a\x1fb", "U/mL"])
def test_units_are_never_guessed(tmp_path, unit):
    result = read_labs(tmp_path, ("crp", "7", unit, 1, 2))
    assert codes(result) == ["unit_refused"]
    assert "Accepted: mg/L" in result.rejects["reason"][0]
    assert result.rejects["remedy"][0].startswith("Correct the unit, or state")
    folder = write_export(tmp_path / "train", labs=lab_rows(("crp", "7", unit, 1, 2), GOOD))
    assert "assume_units" in read(folder).rejects["remedy"][0]


def test_d_dimer_needs_a_basis_that_the_config_may_state(tmp_path):
    row = ("d_dimer", "2", "MG/L", 1, 2)
    refused = read_labs(tmp_path, row)
    assert codes(refused) == ["unit_refused"]
    assert "FEU or DDU" in refused.rejects["reason"][0]
    for basis, value in (("FEU", 2.0), ("DDU", 4.0)):
        assumed = read_labs(tmp_path, row, assume_units={"d_dimer": {"mg/L": f"mg/L{{{basis}}}"}})
        assert assumed.cohort.labs["value"].tolist() == [value]


def test_an_assumption_does_not_touch_a_stated_basis(tmp_path):
    assume = {"d_dimer": {"mg/L": "mg/L{FEU}"}}
    labs = read_labs(tmp_path, ("d_dimer", "2", "mg/L DDU", 1, 2), assume_units=assume).cohort.labs
    assert labs["value"].tolist() == [4.0]


@pytest.mark.parametrize("column", ["loinc", "analyte"])
@pytest.mark.parametrize(
    ("name", "code", "value", "unit", "refused"),
    [
        ("d_dimer", "48065-7", "2", "mg/L FEU", False),
        ("d_dimer", "48065-7", "2", "mg/L DDU", True),
        ("csf_serum_albumin", "1756-6", "0.6", "%", False),
        ("csf_serum_albumin", "1756-6", "0.006", "1", True),
        ("crp", "76485-2", "95", "nmol/L", False),
        ("crp", "76485-2", "95", "mg/L", True),
    ],
)
def test_a_code_that_prescribes_a_unit_refuses_others(
    tmp_path, column, name, code, value, unit, refused
):
    if column == "loinc":
        result = read_labs(tmp_path, (name, value, unit, 1, 2, code), columns="loinc")
    else:
        result = read_labs(tmp_path, (code, value, unit, 1, 2))
    assert codes(result) == (["loinc_unit_conflict"] if refused else [])
    if refused:
        assert f"'{code}'" in result.rejects["reason"][0]


@pytest.mark.parametrize("column", ["loinc", "analyte"])
@pytest.mark.parametrize(
    ("code", "unit", "value", "refused"),
    [
        ("48065-7", "mg/L", 2.0, ""),
        ("48067-3", "ug/mL", 2.0, ""),
        ("71427-9", "ng/mL", 0.2, ""),
        ("48066-5", "mg/L", 4.0, ""),
        ("91556-1", "ng/mL", 0.4, ""),
        ("7799-0", "mg/L", None, "unit_refused"),
        ("48065-7", "", None, "unit_refused"),
        ("48065-7", "U/mL", None, "unit_refused"),
        ("48065-7", "nmol/L", None, "loinc_unit_conflict"),
        ("48065-7", "ng/mL DDU", None, "loinc_unit_conflict"),
    ],
)
def test_a_code_that_states_the_basis_rescues_a_unit_without_one(
    tmp_path, column, code, unit, value, refused
):
    number = "200" if unit == "ng/mL" else "2"
    if column == "loinc":
        result = read_labs(tmp_path, ("d_dimer", number, unit, 1, 2, code), columns="loinc")
    else:
        result = read_labs(tmp_path, (code, number, unit, 1, 2))
    conserved(result)
    assert codes(result) == ([refused] if refused else [])
    if value is not None:
        assert result.cohort.labs["value"].tolist() == [pytest.approx(value)]
        assert result.flags == {"labs.csv": {"basis_from_loinc": 1}}


def test_a_prescribed_basis_holds_after_the_assumption(tmp_path):
    row = ("d_dimer", "2", "mg/L", 1, 2, "48066-5")
    assume = {"d_dimer": {"mg/L": "mg/L{FEU}"}}
    assert codes(read_labs(tmp_path, row, columns="loinc", assume_units=assume)) == [
        "loinc_unit_conflict"
    ]
