"""Wrong rows stand at the stated line and are copies of the good row above them."""

import numpy as np
import pandas as pd
import pytest

from pipeline.simulate.export import to_exports
from pipeline.simulate.planted_rows import FAULTS, plant_rows


@pytest.fixture(scope="module")
def exports(world):
    ids = [f"S{number}" for number in range(len(world.people))]
    return to_exports(world.tables, ids, world.people, world.settings)


@pytest.fixture(scope="module")
def planted(exports):
    return plant_rows(exports, np.random.default_rng(0))


def test_every_fault_is_planted_once_and_listed(planted):
    listed = planted[1]
    expected = sorted((f"{table}.csv", column, code) for table, _, _, column, code in FAULTS)
    assert sorted(listed[["file", "column", "code"]].itertuples(index=False, name=None)) == expected


def test_without_the_listed_lines_the_tables_are_the_good_ones(planted, exports):
    tables, listed = planted
    for name, good in exports.items():
        lines = listed.loc[listed["file"] == f"{name}.csv", "row"].to_numpy()
        kept = tables[name].drop(index=lines - 2).reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, good)


def test_a_wrong_row_differs_from_the_good_row_above_in_what_was_changed(planted):
    tables, listed = planted
    for file, line, column, _ in listed.itertuples(index=False, name=None):
        table = tables[file.removesuffix(".csv")]
        bad = table.iloc[line - 2]
        above = [table.iloc[row] for row in range(line - 3, max(line - 8, -1), -1)]
        changes = {name for _, _, change, found, _ in FAULTS if found == column for name in change}
        same = [set(good.index[good != bad]) <= changes for good in above]
        assert any(same), (file, line)


def test_a_table_without_a_fitting_row_gets_no_fault():
    table = pd.DataFrame({"patient_id": ["A"], "item": ["mood"], "value": ["fine"]}, dtype="str")
    tables, listed = plant_rows({"observations": table}, np.random.default_rng(0))
    assert listed.empty
    assert tables["observations"] is table
