"""Columns of Parquet files and DataFrames as text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.files import raw_from_frame, read_raw
from pipeline.errors import InputError


def test_parquet_cells_become_the_text_a_csv_would_hold(tmp_path):
    path = tmp_path / "labs.parquet"
    pd.DataFrame(
        {
            "id": pd.array([7, None], dtype="Int64"),
            "value": [0.1, np.nan],
            "single": np.array([0.1, 2.5], dtype=np.float32),
            "text": [" <5 ", None],
            "at": pd.to_datetime(["2024-03-01T08:00:00+01:00", None], utc=True),
            "naive": pd.to_datetime(["2024-03-01T08:00:00.5", None]),
            "kind": pd.Categorical(["crp", None]),
        }
    ).to_parquet(path)
    table = read_raw(path).frame.drop(columns="_line")
    assert table.iloc[0].to_dict() == {
        "id": "7",
        "value": "0.1",
        "single": "0.1",
        "text": "<5",
        "at": "2024-03-01T07:00:00.000000+0000",
        "naive": "2024-03-01T08:00:00.500000",
        "kind": "crp",
    }
    assert table.iloc[1].drop("single").tolist() == [""] * 6


def test_text_in_memory_that_is_no_unicode_is_refused_by_its_column():
    table = pd.DataFrame({"patient_id": ["\ud800"]}, dtype=object)
    with pytest.raises(InputError, match="patient_id"):
        raw_from_frame(table, "labs")
