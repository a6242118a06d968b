"""For any export: no traceback, no lost row, no effect of order."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.patient_ids import shown_id
from pipeline.cohort.tables import TABLES
from pipeline.errors import CytocastError
from tests.exported import conserved, read, score, write_export

SEED_ROWS = {
    "patients": [
        ("patient_id", "age_years", "episode", "product", "death_hours", "infusion_time"),
        ("A", "50", "1", "axi-cel", "", "2024-03-01T08:00:00Z"),
        ("B", "", "", "", "200.5", "2024-03-02T08:00:00+01:00"),
        ("C", "71", "1", "tisa-cel", "", ""),
        ("A", "", "2", "tisa-cel", "", "2024-03-03T08:00:00Z"),
    ],
    "labs": [
        (
            "patient_id",
            "analyte",
            "value",
            "unit",
            "collected_hours",
            "resulted_hours",
            "status",
            "lloq",
            "loinc",
        ),
        ("A", "crp", "12", "mg/L", "5", "7", "preliminary", "", "1988-5"),
        ("A", "crp", "14", "mg/L", "5", "9", "corrected", "", ""),
        ("A", "CRP", "", "", "5", "10", "cancelled", "", ""),
        ("B", "il-6", "<1.5", "pg/mL", "30", "", "final", "1.5", ""),
        ("C", "saa", "> 300", "mg/L", "40", "41", "", "", ""),
        ("C", "d_dimer", "2", "mg/L FEU", "-20", "-18", "", "", "48065-7"),
        ("A", "crp", "40", "mg/L", "60", "61", "final", "", ""),
    ],
    "assessments": [
        ("patient_id", "scale", "grade", "assessed_hours", "grading_system"),
        ("A", "crs", "1", "23.9", ""),
        ("A", "icans", "0", "23.9", "astct"),
        ("B", "crs", "4", "47.9", "astct"),
    ],
    "treatments": [
        ("patient_id", "drug", "given_hours", "dose", "intent"),
        ("A", "tocilizumab", "30", "8", "therapy"),
        ("B", "dexamethasone", "31", "10", ""),
    ],
    "observations": [
        ("patient_id", "item", "value", "observed_hours"),
        ("A", "temperature_c", "39.1", "20"),
        ("B", "vasopressor", "norepinephrine", "22"),
    ],
}
OPTIONAL = ["treatments", "observations"]
ODD = [
    *("", " ", "-1", "inf", "nan", "1e999", "<", ">5", "≤ 3", "1,5", "0x1F", "5\x1f6", "\x00", '"'),
    *("now", "2024-03-01", "9999-12-31T00:00:00", "2024-03-31T02:30:00", "2024-03-01T08:00:00+01"),
    *("A", "Z", "crp", "saa", "白", "ɑ", "mg/L", "IU/mL", "cancelled", "canceled", "crs", "penn"),
    *("3", "2.5", "1e300", "-2161", "99999", "2276-4", "none", "line\nbreak", "a,b", "=1+1", "\r"),
]
LINES = r"(?<= on lines )[\d, and]+(?=, which differ)"  # they move with the rows
CELLS = st.one_of(
    st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)


@st.composite
def messy_tables(draw):
    """The seed tables with some cells replaced and some rows repeated."""
    tables = {}
    left_out = draw(st.sampled_from([OPTIONAL, OPTIONAL[:1], OPTIONAL[1:]]))
    for name, seed in SEED_ROWS.items():
        if name in left_out:
            continue
        rows = [list(row) for row in seed]
        for _ in range(draw(st.integers(0, 4))):
            row = draw(st.integers(1, len(rows) - 1))
            rows[row][draw(st.integers(0, len(rows[0]) - 1))] = draw(CELLS)
        rows += [
            list(rows[draw(st.integers(1, len(rows) - 1))]) for _ in range(draw(st.integers(0, 2)))
        ]
        tables[name] = rows
    return tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


def fresh_export(folder, tables):
    for path in folder.glob("*.csv"):
        path.unlink()
    write_export(folder, **{"patients": None, "labs": None, "assessments": None, **tables})


def attempt(call):
    """Return the result, or the error meant for the user; any other error is a failure."""
    try:
        return call()
    except CytocastError as error:
        return error


@settings(max_examples=12, deadline=None)
@given(messy_tables(), st.sampled_from(["train", None, "24", "2024-03-02T08:00:00Z"]))
def test_a_messy_export_loses_nothing_silently(folder, tables, use):
    fresh_export(folder, tables)
    if use == "train":
        result = attempt(lambda: read(folder, extra_analytes="accept", time_zone="Europe/Berlin"))
    else:
        result = attempt(lambda: score(folder, as_of=use))
    if isinstance(result, CytocastError):
        assert str(result)
        return
    conserved(result)
    for name, rows in tables.items():
        assert result.counts[f"{name}.csv"]["read"] == len(rows) - 1
    assert (result.rejects[["reason", "remedy", "code"]] != "").all().all()
    assert result.rejects["row"].ge(2).all()
    cells = [row[0] for rows in tables.values() for row in rows[1:]]
    ids = {shown_id(cell.strip(" ")) for cell in cells} - {""}
    assert set(result.seen_ids) == ids
    people = result.cohort.patients
    own = set(people.get("person_id", people["patient_id"]))
    assert own <= ids
    assert ids - own <= set(result.lost)


@settings(max_examples=6, deadline=None)
@given(messy_tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(folder, tables, random):
    shuffled = {}
    for name, rows in tables.items():
        body = rows[1:]
        random.shuffle(body)
        shuffled[name] = [rows[0], *body]
    results = []
    for content in (tables, shuffled):
        fresh_export(folder, content)
        results.append(attempt(lambda: read(folder, extra_analytes="accept")))
    first, second = results
    if isinstance(first, CytocastError):
        assert type(first) is type(second)
        return
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(first.cohort, name), getattr(second.cohort, name))
    assert first.counts == second.counts
    assert first.local == second.local
    what = ["file", "column", "value", "code", "reason"]
    left, right = (
        result.rejects[what]
        .assign(reason=result.rejects["reason"].str.replace(LINES, "", regex=True))
        .sort_values(what, ignore_index=True)
        for result in (first, second)
    )
    pd.testing.assert_frame_equal(left, right)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_damaged_bytes_are_a_message_or_a_counted_line(folder, data):
    text = io.StringIO(newline="")
    csv.writer(text).writerows(SEED_ROWS["labs"])
    content = bytearray(text.getvalue().encode())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    fresh_export(folder, {name: SEED_ROWS[name] for name in ("patients", "labs", "assessments")})
    (folder / "labs.csv").write_bytes(bytes(content))
    result = attempt(lambda: read(folder, extra_analytes="accept"))
    if isinstance(result, CytocastError):
        assert str(result)
    else:
        conserved(result)
