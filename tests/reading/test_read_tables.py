"""Tables in memory are read exactly like their files."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.files import raw_from_csv, raw_from_frame, read_raw, sha256_files
from pipeline.cohort.tables import TABLES
from pipeline.config_cohort import CohortConfig
from pipeline.errors import CytocastError, InputError
from pipeline.reading.paths import tables_of
from pipeline.reading.reader import raw_tables, read_batch, read_cohort, read_tables
from tests.exported import write_export
from tests.reading.test_reading_properties import messy_tables


def same(one, other) -> None:
    """Assert that two reads agree in every field."""
    for field in dataclasses.fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if field.name == "cohort":
            for name in TABLES:
                pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name))
        elif isinstance(left, pd.DataFrame):
            pd.testing.assert_frame_equal(left, right)
        elif isinstance(left, np.ndarray):  # hours until now, which the clock has moved since
            np.testing.assert_allclose(left, right, rtol=0, atol=0.1)
        else:
            assert left == right, field.name


def outcome(read, folder):
    """The result of reading, or its error without the folder."""
    try:
        return read()
    except CytocastError as error:
        return type(error), str(error).replace(f"{folder}/", "")


@given(messy_tables(), st.booleans())
@settings(max_examples=10, deadline=None)
def test_tables_in_memory_are_read_as_their_files(tmp_path_factory, tables, live) -> None:
    folder = write_export(tmp_path_factory.mktemp("export"), **tables)
    config, paths = CohortConfig(), tables_of(folder)
    raw = {name: raw_from_csv(path.read_bytes(), path.name) for name, path in paths.items()}
    before = {name: table.frame.copy() for name, table in raw.items()}
    if live:
        by_path = outcome(lambda: read_batch(folder, config, {}), folder)
        in_memory = outcome(lambda: read_tables(raw, config, local={}, live=True), folder)
    else:
        by_path = outcome(lambda: read_cohort(folder, config), folder)
        in_memory = outcome(lambda: read_tables(raw, config), folder)
    if isinstance(by_path, tuple):
        assert in_memory == by_path
    else:
        same(in_memory, by_path)
        assert in_memory.sha256 == sha256_files(list(paths.values()))
    for name, frame in before.items():
        pd.testing.assert_frame_equal(raw[name].frame, frame)


def test_the_order_of_the_tables_does_not_matter(tmp_path) -> None:
    raw = raw_tables(tables_of(write_export(tmp_path)))
    backwards = dict(reversed(raw.items()))
    same(read_tables(raw, CohortConfig()), read_tables(backwards, CohortConfig()))


MOMENTS = st.none() | st.datetimes(pd.Timestamp(1990, 1, 1), pd.Timestamp(2040, 1, 1))
CELLS = {
    "text": st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=6)),
    "whole": st.lists(st.none() | st.integers(-(2**31), 2**31)).map(
        lambda cells: pd.array(cells, dtype="Int64")
    ),
    "number": st.lists(st.floats(width=64)),
    "single": st.lists(st.floats(width=32)).map(lambda cells: np.array(cells, dtype=np.float32)),
    "yes": st.lists(st.booleans()),
    "kind": st.lists(st.none() | st.sampled_from(["crp", "il6"])).map(pd.Categorical),
    "at": st.lists(MOMENTS).map(
        lambda cells: pd.to_datetime(pd.Series(cells, dtype="datetime64[ns]"), utc=True)
    ),
    "naive": st.lists(MOMENTS).map(lambda cells: pd.Series(cells, dtype="datetime64[ns]")),
}


@given(st.fixed_dictionaries(CELLS))
@settings(max_examples=20, deadline=None)
def test_a_frame_becomes_the_text_of_a_parquet_file_of_it(tmp_path_factory, columns) -> None:
    count = min(len(cells) for cells in columns.values())
    frame = pd.DataFrame({name: pd.Series(cells[:count]) for name, cells in columns.items()})
    path = tmp_path_factory.mktemp("frame") / "labs.parquet"
    frame.to_parquet(path)
    shifted = frame.set_axis(frame.index + 7)
    in_memory = raw_from_frame(shifted, "labs.parquet")
    pd.testing.assert_frame_equal(in_memory.frame, read_raw(path).frame)
    assert in_memory.sha256 == raw_from_frame(frame, "labs.parquet").sha256


def test_columns_of_a_frame_are_named_as_the_schema_names_them() -> None:
    frame = pd.DataFrame({"Patient ID": ["A"], "VALUE": [7]})
    assert list(raw_from_frame(frame, "labs").frame) == ["patient_id", "value", "_line"]


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (["<5", 5.0, 7], ["<5", "5", "7"]),
        ([1, None, 2.5], ["1", "", "2.5"]),
        ([Decimal("7.50"), Decimal("1e3")], ["7.50", "1000"]),
        (["a", np.int64(3), np.float32(0.5), float("nan")], ["a", "3", "0.5", ""]),
        ([pd.NA, "x", Decimal("0")], ["", "x", "0"]),
        (pd.array([1, None, 3], dtype="Int64"), ["1", "", "3"]),
        (pd.array([1.0, None, 2.5], dtype="Float64"), ["1", "", "2.5"]),
        (pd.array([7, 8], dtype="uint8"), ["7", "8"]),
        (pd.array([7, 8], dtype="int64[pyarrow]"), ["7", "8"]),
        (pd.Categorical([7, 8]), ["7", "8"]),
    ],
)
def test_numbers_of_any_type_become_the_text_a_person_would_write(cells, text) -> None:
    frame = pd.DataFrame({"value": pd.Series(cells)})
    assert raw_from_frame(frame, "labs").frame["value"].tolist() == text
    as_objects = frame.astype(object)
    assert raw_from_frame(as_objects, "labs").frame["value"].tolist() == text


@pytest.mark.parametrize("odd", [True, [5], pd.Timestamp(2026, 3, 1)])
def test_a_column_that_mixes_other_types_is_refused_by_its_name(odd) -> None:
    frame = pd.DataFrame({"patient_id": ["A", "B"], "value": ["<5", odd]})
    with pytest.raises(InputError, match=r"labs, column 'value'"):
        raw_from_frame(frame, "labs")


def test_a_repeated_column_of_a_frame_is_refused() -> None:
    frame = pd.DataFrame([["1", "2"]], columns=["value", "value"])
    with pytest.raises(InputError, match="repeats the column 'value'"):
        raw_from_frame(frame, "labs")


@pytest.mark.parametrize("tables", [{}, {"patients": "patient_id\nA\n"}])
def test_labs_are_required(tables) -> None:
    raw = {name: raw_from_csv(text.encode(), name) for name, text in tables.items()}
    with pytest.raises(InputError, match="labs is required"):
        read_tables(raw, CohortConfig(), local={}, live=True)


def test_a_table_of_another_name_is_refused(tmp_path) -> None:
    raw = raw_tables(tables_of(write_export(tmp_path)))
    with pytest.raises(InputError, match="results"):
        read_tables({**raw, "results": raw["labs"]}, CohortConfig())
