import pandas as pd
import pytest

from pipeline.cohort.files import (
    find_table,
    raw_from_csv,
    read_raw,
    sha256_files,
)
from pipeline.cohort.ledger import Ledger
from pipeline.errors import InputError


def raw(path, content, ledger=None):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_raw(path).record_in(ledger if ledger is not None else Ledger())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labs.csv"


def test_cells_are_text_without_outer_spaces_and_know_their_line(path):
    table = raw(path, "a,b\n 1 ,x\n,y\n")
    assert table.drop(columns="_line").to_dict("list") == {"a": ["1", ""], "b": ["x", "y"]}
    assert table["_line"].tolist() == [2, 3]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(path, end):
    assert raw(path, end.join(["a,b", "1,2", "3,4"]))["b"].tolist() == ["2", "4"]


def test_a_byte_order_mark_is_no_part_of_the_first_column(path):
    assert "a" in raw(path, b"\xef\xbb\xbfa,b\n1,2\n")


def test_blank_lines_are_skipped_and_line_numbers_hold(path):
    assert raw(path, "a,b\n\n1,2\n \n3,4\n")["_line"].tolist() == [3, 5]


def test_quoted_cells_may_hold_separators_quotes_and_line_ends(path):
    table = raw(path, 'a,b\n"1,5","say ""x"""\n"two\nlines",2\nlast,3\n')
    assert table["a"].tolist() == ["1,5", "two\nlines", "last"]
    assert table["b"].tolist() == ['say "x"', "2", "3"]
    assert table["_line"].tolist() == [2, 3, 5]


def test_ragged_lines_are_kept_out_and_the_rest_is_read(path):
    ledger = Ledger()
    table = raw(path, "patient_id,b\nA,2\nB\nC,3,4\nD,5\n", ledger)
    assert table["patient_id"].tolist() == ["A", "D"]
    rejects = ledger.frame()
    assert rejects["row"].tolist() == [3, 4]
    assert rejects["code"].unique().tolist() == ["ragged_line"]
    assert "3 fields; the header has 2" in rejects["reason"][1]
    assert ledger.read["labs.csv"] == 4
    assert ledger.lost_patients == {"B": "ragged_line", "C": "ragged_line"}


def test_a_header_that_stands_again_costs_its_own_line_and_makes_no_patient(path):
    ledger = Ledger()
    table = raw(path, "patient_id,b\nA,2\nPatient_ID, b \nB,b\npatient_id\n", ledger)
    assert table["patient_id"].tolist() == ["A", "B"]
    rejects = ledger.frame()
    assert rejects["row"].tolist() == [3, 5]
    assert rejects["code"].tolist() == ["repeated_header", "ragged_line"]
    assert rejects["remedy"][0].startswith("Remove the line")
    assert ledger.lost_patients == {}
    assert ledger.read["labs.csv"] == 4


@pytest.mark.parametrize("tail", ["", "\n9,9" * 200], ids=["short", "long"])
def test_a_quote_left_open_costs_one_line(path, tail):
    ledger = Ledger()
    table = raw(path, 'a,b\n1,2\n"3,4\n5,6\n7,8' + tail, ledger)
    assert table["a"].tolist()[:3] == ["1", "5", "7"]
    assert ledger.frame()["row"].tolist() == [3]
    assert "quote" in ledger.frame()["reason"][0]
    assert ledger.read["labs.csv"] == len(table) + 1


def test_two_open_quotes_do_not_swallow_the_lines_between(path):
    ledger = Ledger()
    table = raw(path, 'a,b\n1,"x\n2,y\n3,"z\n4,w\n', ledger)
    assert table["a"].tolist() == ["2", "4"]
    assert ledger.frame()["row"].tolist() == [2, 4]


def test_nul_characters_do_not_end_a_cell(path):
    assert raw(path, "a,b\n1\x002,3\n")["b"].tolist() == ["3"]


@pytest.mark.parametrize("content", [b"PK\x03\x04...", b"PAR1...", b"\x1f\x8b..", b"%PDF-1.7"])
def test_a_file_that_is_not_text_is_refused_with_a_remedy(path, content):
    with pytest.raises(InputError, match=r"labs\.csv is .*, not text\."):
        raw(path, content)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"labs\.csv cannot be read"):
        read_raw(tmp_path / "labs.csv")


@pytest.mark.parametrize("content", ["", "\n", ",\n1,2\n", "\ufeff"])
def test_a_file_without_column_names_is_refused(path, content):
    with pytest.raises(InputError, match="is empty: the first line must name the columns"):
        raw(path, content)


def test_a_repeated_column_is_refused(path):
    with pytest.raises(InputError, match="repeats the column 'a'"):
        raw(path, "a,b,a\n1,2,3\n")


def test_columns_that_differ_in_case_or_spaces_are_known_and_remarked(path):
    ledger = Ledger()
    path.write_text("Patient ID,VALUE,Ward No.,\nA,1,7,\n")
    table = read_raw(path, ("patient_id", "value")).record_in(ledger)
    assert list(table.columns) == ["patient_id", "value", "Ward No.", "unnamed_4", "_line"]
    assert "Patient ID, VALUE" in ledger.remarks[0]


def test_a_file_named_for_a_table_is_read_by_its_schema(path):
    assert "patient_id" in raw(path, "Patient-ID,x\nA,1\n")


def test_two_columns_of_one_meaning_are_refused(path):
    path.write_text("Value,VALUE\n1,2\n")
    with pytest.raises(InputError, match=r"repeats the column 'value' \(columns 1 and 2\)"):
        read_raw(path, ("value",))


def test_a_header_alone_is_a_table_without_rows(path):
    table = raw(path, "a,b\n")
    assert len(table) == 0
    assert list(table.columns) == ["a", "b", "_line"]


def test_both_formats_at_once_are_refused(tmp_path):
    assert find_table(tmp_path, "labs") is None
    for name in ("labs.csv", "labs.parquet"):
        (tmp_path / name).write_text("a\n")
    with pytest.raises(InputError, match=r"labs\.csv and labs\.parquet; keep one"):
        find_table(tmp_path, "labs")


@pytest.mark.parametrize("name", ["Labs.CSV", "LABS.csv", "labs.tsv", "labs.txt"])
def test_the_case_of_a_file_name_does_not_matter(tmp_path, name):
    (tmp_path / name).write_text("a\n")
    assert find_table(tmp_path, "labs") == tmp_path / name


def test_a_truncated_parquet_file_is_refused(tmp_path):
    path = tmp_path / "labs.parquet"
    pd.DataFrame({"a": range(100)}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_raw(path)


def test_the_digest_depends_on_names_and_bytes_only(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text("1")
        (tmp_path / folder / "b.csv").write_text("2")
    first = sha256_files([tmp_path / "x" / "a.csv", tmp_path / "x" / "b.csv"])
    assert first == sha256_files([tmp_path / "y" / "b.csv", tmp_path / "y" / "a.csv"])
    (tmp_path / "y" / "b.csv").write_text("3")
    assert first != sha256_files([tmp_path / "y" / "b.csv", tmp_path / "y" / "a.csv"])


@pytest.mark.parametrize(
    "content",
    [
        b"patient_id," + b"x" * 30_000_000,
        b'"patient_id,' + b"x" * 30_000_000,
        ",".join(["patient_id", *(f"c{n}" for n in range(100_000))]).encode(),
    ],
)
def test_a_header_beyond_every_export_is_refused_in_seconds(content):
    with pytest.raises(InputError, match=r"labs\.csv"):
        raw_from_csv(content + b"\nA,1\n", "labs.csv")


def test_a_line_of_ten_megabytes_is_rejected_by_itself():
    content = b"patient_id,value\nA,1\nB," + b"x" * 10_000_000 + b"\nC,2\n"
    table = raw_from_csv(content, "labs.csv")
    assert table.frame["patient_id"].tolist() == ["A", "C"]
    assert [(item.line, item.patient) for item in table.unreadable] == [(3, "B")]


def test_a_parquet_file_of_a_run_is_refused_before_it_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.input_limits.PARQUET_FREE_CELLS", 10_000)
    pd.DataFrame({"patient_id": ["A"] * 2_000_000}).to_parquet(tmp_path / "labs.parquet")
    with pytest.raises(InputError, match="cells"):
        read_raw(tmp_path / "labs.parquet")


def test_an_apostrophe_before_a_formula_is_undone_in_cells_and_in_the_header():
    content = b"patient_id,'=x,value\n'=1+1,'-a,'-0.5\n''@b,'tis,-0.5\n"
    frame = raw_from_csv(content, "labs.csv").frame
    assert list(frame)[1] == "=x"
    assert frame["patient_id"].tolist() == ["=1+1", "'@b"]
    assert frame["value"].tolist() == ["-0.5", "-0.5"]
