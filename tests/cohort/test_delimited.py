import pytest

from pipeline.cohort.delimited import decode, separator_of, stated_separator
from pipeline.cohort.files import read_raw
from pipeline.cohort.ledger import Ledger

TEXT = "a,b\nµg,2\n3,4\n"


def read(folder, content):
    path = folder / "labs.csv"
    path.write_bytes(content)
    ledger = Ledger()
    return read_raw(path).record_in(ledger), ledger


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_every_usual_encoding_gives_the_same_table(tmp_path, codec):
    text = "patient_id,b\n" + "µg,2\n" * 3
    table, ledger = read(tmp_path, text.encode(codec))
    assert table["patient_id"].tolist() == ["µg"] * 3
    assert table["_line"].tolist() == [2, 3, 4]
    assert bool(ledger.remarks) == (codec not in ("utf-8", "utf-8-sig"))


def test_one_damaged_line_of_a_utf8_file_is_refused_and_the_others_stay(tmp_path):
    content = "a,b\nµg,1\nü,2\n".encode() + b"\xb5g,3\n4,4\n"
    table, ledger = read(tmp_path, content)
    assert table["a"].tolist() == ["µg", "ü", "4"]
    assert ledger.frame()["row"].tolist() == [4]
    assert "UTF-8" in ledger.frame()["reason"][0]
    assert "encoding" in ledger.frame()["remedy"][0]
    assert "separator" not in ledger.frame()["remedy"][0]
    assert ledger.remarks == []


def test_a_cut_utf16_file_loses_its_last_line_only(tmp_path):
    table, ledger = read(tmp_path, TEXT.encode("utf-16")[:-3])
    assert table["a"].tolist() == ["µg"]
    assert ledger.frame()["row"].tolist() == [3]


def test_bytes_of_no_encoding_are_counted_lines(tmp_path):
    table, ledger = read(tmp_path, b"a,b\n\x81\x8d,2\n3,4\n")
    assert table["a"].tolist() == ["3"]
    assert ledger.read["labs.csv"] == 2


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("stated", [False, True])
def test_separators_are_seen_or_stated(tmp_path, separator, stated):
    text = TEXT.replace(",", separator)
    content = f"sep={separator}\r\n{text}" if stated else text
    table, ledger = read(tmp_path, content.encode())
    assert table["b"].tolist() == ["2", "4"]
    assert table["_line"].tolist() == [3, 4] if stated else [2, 3]
    assert bool(ledger.remarks) == (separator != ",")


def test_the_separator_is_the_one_that_yields_known_columns():
    known = {"patient_id", "value"}.__contains__
    assert separator_of("patient_id;value;a,b,c,d,e,f", known) == ";"
    assert separator_of('"patient_id,x","value;y"', known) == ","
    assert separator_of("alone", known) == ","


@pytest.mark.parametrize(
    ("line", "mark"),
    [("sep=;\n", ";"), ('"sep=,"', ","), ("SEP=\t\r\n", "\t"), ("sep=x", ""), ("a,b", "")],
)
def test_the_line_of_spreadsheets_that_states_a_separator(line, mark):
    assert stated_separator(line) == mark


def test_lines_without_content_are_no_rows(tmp_path):
    table, ledger = read(tmp_path, b"\n\na,b\n1,2\n" + b",\n" * 5000 + b"\n" * 5000 + b" , \n3,4")
    assert table["a"].tolist() == ["1", "3"]
    assert table["_line"].tolist() == [4, 10006]
    assert ledger.read["labs.csv"] == 2
    assert ledger.frame().empty


def test_blank_cells_beyond_the_header_are_cut_and_filled_ones_refused(tmp_path):
    table, ledger = read(tmp_path, b"a,b\n1,2,,\n3,4,,x\n")
    assert table["a"].tolist() == ["1"]
    assert ledger.frame()["row"].tolist() == [3]


def test_a_cell_of_a_megabyte_is_read(tmp_path):
    table, _ = read(tmp_path, b"a,b\n" + b"x" * 1_000_000 + b",2\n")
    assert len(table["a"][0]) == 1_000_000


def test_an_empty_file_has_no_lines():
    assert decode(b"").lines == []
