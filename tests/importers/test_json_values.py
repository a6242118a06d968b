"""JSON values of a file in any of its forms; every damaged line is listed with its number."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.importers.json_values import TOO_DEEP, is_by_line, json_values, read_text


@pytest.mark.parametrize(
    "text",
    ['{"a": 1}\n{"b": 2}', '{"a": 1}{"b": 2}', '{"a":\n1}\n\n{"b": 2}\n',
     '\x1e{"a": 1}\n\x1e{"b": 2}\n', '\r\n{"a": 1}\r\n\r\n{"b": 2}\r\n'],
)  # fmt: skip
@pytest.mark.parametrize("by_line", [True, False])
def test_values_behind_each_other_are_read_in_any_layout(text, by_line):
    values = json_values(text, by_line=by_line)
    assert [item.value for item in values] == [{"a": "1"}, {"b": "2"}]


def test_a_damaged_line_is_listed_with_its_number_and_the_rest_is_read():
    text = '{"a": 1}\n{"b": \n\n{"c": 3} x\n"d"\n{"e": 5}{"f": 6}\n'
    values = json_values(text, by_line=True)
    assert [item.line for item in values if item.problem] == [2, 4]
    assert [item.value for item in values if not item.problem] == [
        {"a": "1"}, "d", {"e": "5"}, {"f": "6"},
    ]  # fmt: skip


def test_without_lines_one_problem_ends_the_list_with_its_line():
    values = json_values('{"a": 1}\n{"b":\n]', by_line=False)
    assert [(item.line, bool(item.problem)) for item in values] == [(1, False), (3, True)]


def test_depth_without_end_is_a_problem_and_no_crash():
    (values,) = json_values("[" * 200_000, by_line=True)
    assert values.problem == TOO_DEEP


@pytest.mark.parametrize("form", ["plain", "gzip", "bom", "utf-16"])
def test_a_file_is_read_in_every_encoding(tmp_path, form):
    text, path = '{"name": "µ"}', tmp_path / "x.json"
    content = {
        "plain": text.encode(),
        "gzip": gzip.compress(text.encode()),
        "bom": b"\xef\xbb\xbf" + text.encode(),
        "utf-16": text.encode("utf-16"),
    }[form]
    path.write_bytes(content)
    (values,) = json_values(read_text(path), by_line=False)
    assert values.value == {"name": "µ"}


def test_damaged_bytes_are_a_problem_of_their_line_alone(tmp_path):
    path = tmp_path / "x.ndjson"
    path.write_bytes(b'{"a": "\xb5"}\n{"a": "\xef\xbf\xbd"}\n')
    values = json_values(read_text(path), by_line=True)
    assert [(item.line, bool(item.problem)) for item in values] == [(1, True), (2, False)]


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"{}" * 999, mtime=0)[:-9], b"\x1f\x8b\x08rubbish"],
    ids=["cut", "rubbish"],
)
def test_a_damaged_archive_is_refused(tmp_path, content):
    path = tmp_path / "x.json.gz"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_text(path)


def test_lines_differ_from_one_object_over_several_lines():
    assert is_by_line('\n{"a": 1}\n{')
    assert not is_by_line('{\n"a": 1}\n')
    assert not is_by_line("")


lines = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from("ab"), st.integers(0, 9), max_size=2).map(json.dumps),
        st.sampled_from(["", "{", "]", '{"a":', "x", '"s"', "[[", "\x1e", "nul"]),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(lines)
def test_every_line_that_is_not_blank_is_accounted_for(parts):
    values = json_values("\n".join(parts), by_line=True)
    whole = [text for text in parts if text.startswith("{") and text.endswith("}")]
    assert [item.value for item in values if isinstance(item.value, dict) and not item.problem] == [
        {key: str(number) for key, number in json.loads(text).items()} for text in whole
    ] or not any(not item.problem for item in values)
    filled = {number for number, text in enumerate(parts, 1) if text.strip("\x1e \n")}
    if len(values) > 1:
        assert {item.line for item in values} == filled


@pytest.mark.parametrize(
    "text",
    [
        '{"value": 1, "value": 2}',
        '{"a": [{"b": 1, "b": 1}]}',
        '{"a": "\\ud800"}',
        '{"a": "\\uDC00x"}',
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_repeated_keys_halves_of_signs_and_deep_nesting_are_problems(text):
    values = json_values(text, by_line=True)
    assert [bool(item.problem) for item in values] == [True]


def test_a_number_of_ten_million_digits_stays_text():
    (item,) = json_values('{"a": ' + "9" * 10_000_000 + ', "b": "\\ud83d\\ude00"}', by_line=False)
    assert (len(item.value["a"]), item.value["b"], item.problem) == (10_000_000, "\U0001f600", "")
