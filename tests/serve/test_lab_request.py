"""Every form of request gives the same rows; messages name faults without values."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.serve.lab_request import parse_request
from pipeline.serve.refusal import Refusal
from pipeline.serve.service_limits import ServiceLimits

NAMES = ["patient_id", "analyte", "value", "unit", "collected_hours"]
ROWS = [["A", "CRP", "12", "mg/L", 50], ["B", "CRP", 9.5, "mg/L", 20.25]]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
SECRET = "Ward-7-secret"


def split(rows=None, names=None, **others):
    return {"dataframe_split": {"columns": names or NAMES, "data": rows or ROWS}, **others}


def parse(content, *optional, **limits):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return parse_request(body, optional, ServiceLimits(**limits))


def refused(content, **limits):
    with pytest.raises(Refusal) as refusal:
        parse(content, **limits)
    message = str(refusal.value)
    assert SECRET not in message
    assert len(message.split()) < 40
    return refusal.value.status, refusal.value.code, message


@pytest.mark.parametrize(
    "content",
    [
        split(),
        {"dataframe_split": {"columns": NAMES, "data": ROWS, "index": [5, 6]}},
        {"dataframe_records": RECORDS},
        {"instances": RECORDS},
        {"inputs": RECORDS},
        {"inputs": {name: [row[name] for row in RECORDS] for name in NAMES}},
    ],
)
def test_every_shape_gives_the_same_rows(content):
    rows = parse(content).rows
    assert rows.to_dict("list") == {
        "patient_id": ["A", "B"],
        "analyte": ["CRP", "CRP"],
        "value": ["12", 9.5],
        "unit": ["mg/L", "mg/L"],
        "collected_hours": [50, 20.25],
    }


def test_columns_that_are_known_are_kept_and_others_are_not():
    rows = [[*row, "CSF", "note"] for row in ROWS]
    content = split(rows, [*NAMES, "Specimen", "remark"])
    assert list(parse(content, "specimen").rows) == [*NAMES, "specimen"]
    assert list(parse(content).rows) == NAMES


def test_a_missing_cell_of_a_record_is_blank():
    rows = parse({"dataframe_records": [RECORDS[0] | {"loinc": "1-8"}, RECORDS[1]]}, "loinc").rows
    assert rows["loinc"].tolist() == ["1-8", None]


@pytest.mark.parametrize(
    ("sent", "read"),
    [(7, "7"), (7.0, "7"), ("7", "7"), (2**53, str(2**53)), ("=1+1", "=1+1"), ("'A", "'A"),
     ("A,B", "A,B"), ('A"B', 'A"B'), ("Ä ö", "Ä ö"), ("007", "007"), ("NA", "NA"), ("nan", "nan")],
)  # fmt: skip
def test_ids_are_kept_as_sent(sent, read):
    assert parse(split([[sent, *ROWS[0][1:]]])).patient_ids == {read}


@settings(max_examples=25, deadline=None)
@given(st.text())
def test_an_id_is_kept_or_refused(text):
    content = split([[text, *ROWS[0][1:]]])
    if text and text == text.strip() and text.isprintable():
        assert parse(content).patient_ids == {text}
    else:
        assert refused(content)[1] == "patient_id"


@pytest.mark.parametrize(
    "text",
    ["A\r", "A\rB", "A\nB", "\tA", " A", "A ", "A\x00", "A\x1b[31m", "A\u202eB", "A\u200b",
     "A\u2028", "A\xa0", "\ufeffA", "A\x7f", "A\x85"],
)  # fmt: skip
def test_ids_that_do_not_print_are_refused(text):
    assert refused(split([["B", *ROWS[0][1:]], [text, *ROWS[0][1:]]]))[:2] == (400, "patient_id")


@pytest.mark.parametrize("cell", [None, "", "  ", 7.5, 1e300])
def test_ids_that_are_none_are_refused_with_their_row(cell):
    status, code, message = refused(split([ROWS[0], [cell, *ROWS[1][1:]]]))
    assert (status, code) == (400, "patient_id")
    assert "row 2 of dataframe_split" in message


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[1,", b"\xff\xfe", b'{"a": NaN}', b'{"a": -Infinity}', b"[" * 100_000,
        b'{"dataframe_records": [{"value": "1", "value": "2"}]}', b'{"a": ' + b"9" * 5000 + b"}",
        b"{'a': 1}", b'{"a": 1} {"b": 2}', b"\x1f\x8b", SECRET.encode(),
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(body):
    assert refused(body)[:2] == (400, "json")


@pytest.mark.parametrize(
    "content",
    [
        [], 1, None, SECRET, {}, {"params": {}}, {SECRET: []}, split(other=SECRET),
        {**split(), "instances": RECORDS}, {"dataframe_split": []},
        {"dataframe_split": {"data": []}}, {"dataframe_split": {"columns": NAMES, "data": {}}},
        split([ROWS[0][:4]]),
        split([[*ROWS[0], SECRET]]), split([RECORDS[0]]), {"dataframe_records": RECORDS[0]},
        {"dataframe_records": [SECRET]}, {"inputs": {"patient_id": SECRET}}, {"inputs": SECRET},
        {"inputs": {"patient_id": ["A"], "value": []}},
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(content):
    assert refused(content)[:2] == (400, "shape")


@pytest.mark.parametrize(
    ("names", "column"),
    [
        ([*NAMES[:4], SECRET], "collected_hours"),
        ([SECRET, *NAMES[1:]], "patient_id"),
        ([*NAMES[:4], "collected_at"], "collected_at"),
        ([*NAMES[:4], "Collected At"], "collected_at"),
        ([*NAMES[:4], "collected_days"], "collected_days"),
        ([*NAMES[:4], "value"], "repeats"),
        ([*NAMES[:4], "value "], "repeats"),
        ([*NAMES[:3], "Patient ID", "PATIENT-ID"], "collected_hours"),
        (["Patient ID", "PATIENT-ID", *NAMES[2:]], "repeats"),
        ([*NAMES[:4], 7], "text"),
        ([""] * 5, "none"),
    ],
)
def test_columns_are_named(names, column):
    status, code, message = refused(split(names=names))
    assert (status, code) == (400, "columns")
    assert column in message


@pytest.mark.parametrize(
    "cell", [True, [SECRET], {SECRET: 1}, 2**53 + 1, -(10**30), "\ud800", "x\udfff", "9" * 1001]
)
def test_cells_that_are_neither_text_nor_numbers_are_named(cell):
    status, code, message = refused(split([ROWS[0], ["B", "CRP", cell, "mg/L", 1]]))
    assert (status, code) == (400, "cells")
    assert "row 2 of dataframe_split, column value," in message


def test_a_number_beyond_floats_is_refused():
    body = json.dumps(split()).encode().replace(b"9.5", b"1e999")
    assert refused(body)[:2] == (400, "cells")


def test_rows_and_patients_are_counted():
    assert refused(b'{"dataframe_records": []}')[:2] == (400, "rows")
    assert refused(b'{"inputs": {}}')[:2] == (400, "rows")
    assert refused(split(), rows=1)[:2] == (413, "rows")
    assert refused(split(), patients=1)[:2] == (413, "patients")
    assert len(parse(split(), rows=2, patients=2).rows) == 2


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (None, None),
        ("", None),
        (60, "60"),
        ("60", "60"),
        (-2.5, "-2.5"),
        (" 1e2 ", "1e2"),
        (0, "0"),
    ],
)
def test_a_moment_is_a_number_of_hours(sent, read):
    assert parse(split(params={"as_of": sent})).as_of == read


@pytest.mark.parametrize(
    "sent",
    ["tomorrow", "nan", "inf", "-Infinity", True, [1], {}, "2026-01-01", "1_0", "٣", "0x10",
     "1e999", "12,5", "--1", "9" * 5000, SECRET],
)  # fmt: skip
def test_any_other_moment_is_refused(sent):
    assert refused(split(params={"as_of": sent}))[:2] == (400, "as_of")


@pytest.mark.parametrize(
    ("sent", "read"), [(None, ""), ("", ""), (True, "true"), (False, "false"), ("true", "true")]
)
def test_a_comma_is_stated(sent, read):
    assert parse(split(params={"decimal_comma": sent})).decimal_comma == read


@pytest.mark.parametrize("sent", ["yes", 1, 0, [], SECRET, "TRUE"])
def test_any_other_comma_is_refused(sent):
    assert refused(split(params={"decimal_comma": sent}))[:2] == (400, "decimal_comma")


@pytest.mark.parametrize("params", [[], SECRET, {"asof": 1}, {SECRET: 1}, 0])
def test_unknown_parameters_are_refused(params):
    assert refused(split(params=params))[:2] == (400, "params")
