"""Original ids in other cells and headers are not released."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.commands.pseudonymise import pseudonymise
from pipeline.errors import InputError
from pipeline.pseudonymise.hidden_ids import IdSearch, cells_with_ids, refuse_remaining_ids
from pipeline.pseudonymise.secret_key import Key, write_key

IDS = frozenset({"MRN-0047110", "12", "T3", "Müller, J", "90210", "00123456"})


@pytest.mark.parametrize(
    "text",
    [
        "MRN-0047110",
        "mrn 47110",
        "MRN_0047110 haemolytic",
        "copy of xMRN0047110y",
        "see pat. 12",
        "Patient-ID: 012",
        "T3",
        "sample (t3)",
        "MULLER J.",
        "no 90210",
        "123456/2",
        "A00123456",
        "123-456",
    ],
)
def test_an_id_is_found_however_it_is_written(text) -> None:
    assert IdSearch(IDS).contains(text)


@pytest.mark.parametrize("text", ["12", "12 pg/mL", "IL-12", "day 12", "CT3 scan", "mg/L", "9021"])
def test_a_short_id_needs_a_word_of_its_own(text) -> None:
    assert not IdSearch(IDS).contains(text)


def test_a_number_is_an_id_of_its_own_patient_or_a_long_one() -> None:
    cells = ["12", "90210", "90210", "<90210", "123456", "5.0", "90210 ng/mL", "47110"]
    own = ["12", "90210", "T3", "90210", "T3", "T3", "90210", "T3"]
    table = pd.DataFrame({"patient_id": own, "value": cells})
    with_id = cells_with_ids(table, "value", IdSearch(IDS))
    assert with_id.tolist() == [False, True, False, True, True, False, True, False]


def test_a_word_that_three_patients_share_is_no_short_id() -> None:
    table = pd.DataFrame({"patient_id": list("ABC"), "analyte": "T3"})
    assert not cells_with_ids(table, "analyte", IdSearch(IDS)).any()
    assert cells_with_ids(table.iloc[:2], "analyte", IdSearch(IDS)).all()


PLACES = {
    "labs": ["analyte", "value", "unit", "specimen", "loinc", "assay", "comment"],
    "treatments": ["drug", "unit", "route"],
    "observations": ["item", "value"],
    "patients": ["product", "site", "disease"],
}


@pytest.mark.parametrize("spelling", ["QZ-0055121", "qz 55121", "x QZ0055121 y", "QZ_0055121"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_no_text_column_of_a_release_holds_an_id(tmp_path, spelling, form) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name, columns in PLACES.items():
        rows = [{"patient_id": "QZ-0055121", **dict.fromkeys(columns, "")} for _ in columns]
        for row, column in zip(rows, columns, strict=True):
            row[column] = spelling
        table = pd.DataFrame(rows if name != "patients" else [rows[0] | rows[1] | rows[2]])
        table["patient_id"] = "QZ-0055121"
        clock = {"labs": "collected", "treatments": "given", "observations": "observed"}.get(name)
        table = table.assign(**({f"{clock}_hours": "1"} if clock else {}))
        if form == "csv":
            table.to_csv(source / f"{name}.csv", index=False)
        else:
            table.astype("str").to_parquet(source / f"{name}.parquet", index=False)
    write_key(Key(bytes(range(7, 39))), tmp_path / "keys" / "key")
    _, text = pseudonymise(source, tmp_path / "out", tmp_path / "keys" / "key", keep=["comment"])
    for path in sorted((tmp_path / "out").glob(f"*.{form}")):
        table = pd.read_csv(path, dtype="str") if form == "csv" else pd.read_parquet(path)
        assert "55121" not in table.to_csv()
        assert len(table) == (1 if path.stem == "patients" else len(PLACES[path.stem]))
    assert text.count("with an id") >= 13


def test_a_header_with_an_id_is_dropped_and_not_named(tmp_path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    content = (
        "patient_id,analyte,value,unit,collected_hours,note QZ0055121\nQZ-0055121,crp,5,mg/L,1,x\n"
    )
    (source / "labs.csv").write_text(content, encoding="utf-8")
    out = tmp_path / "out"
    key = tmp_path / "keys" / "key"
    _, text = pseudonymise(source, out, key, keep=["note QZ0055121"])
    assert "55121" not in (out / "labs.csv").read_text(encoding="utf-8")
    assert "55121" not in text


def test_a_release_with_an_id_left_stops(tmp_path) -> None:
    table = pd.DataFrame({"patient_id": ["Pabc"], "unit": ["mg/L 90210"]})
    own = {"labs": pd.Series(["90210"])}
    with pytest.raises(InputError, match="column 2") as stopped:
        refuse_remaining_ids({"labs": table}, {"labs": "labs.csv"}, IdSearch(IDS), own, ())
    assert "90210" not in str(stopped.value)


@settings(max_examples=30, deadline=None)
@given(
    st.from_regex(r"[A-Z]{2,4}[0-9]{4,8}", fullmatch=True),
    st.sampled_from(["", " ", "-", "_", "/", ".", ":"]),
    st.booleans(),
    st.text("xyz ,;.", max_size=6),
)
def test_any_id_with_letters_and_digits_is_found(name, separator, lower, around) -> None:
    letters = name.rstrip("0123456789")
    written = letters + separator + name[len(letters) :]
    text = f"{around} {written.lower() if lower else written} {around}"
    assert IdSearch(frozenset({name})).contains(text)
