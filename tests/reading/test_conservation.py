"""Conservation: read = accepted + rejected + collapsed + withdrawn, whatever the bytes."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.tables import TABLES
from pipeline.config import load_config
from pipeline.config_cohort import CohortConfig
from pipeline.errors import CytocastError
from pipeline.reading.reader import read_cohort
from tests.cohort.strange_lines import ENDS, MARKS, lines_of_table
from tests.exported import conserved
from tests.planted import hostile_inputs

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
EXAMPLES, ROWS = 15, 300  # benchmarks/fuzz_inputs.py tries many more
CONFIG = CohortConfig(extra_analytes="accept", time_zone="Europe/Berlin")

HEADERS = {
    "patients": ["patient_id", "age_years", "infusion_time", "death_hours", "site"],
    "labs": ["patient_id", "analyte", "value", "unit", "collected_at", "resulted_at", "status",
             "lloq", "loinc"],
    "assessments": ["patient_id", "scale", "grade", "assessed_hours", "grading_system"],
    "treatments": ["patient_id", "drug", "given_hours", "dose", "intent"],
    "observations": ["patient_id", "item", "value", "observed_hours"],
}  # fmt: skip
ANALYTES = [("crp", "mg/L"), ("D-dimer", "mg/L FEU"), ("IL-6", "pg/mL"), ("Größe", "µg/L"),
            ("2276-4", "µg/L"), ("CRP", ""), ("platelets", "10^9/L")]  # fmt: skip
VALUES = ["12", "<0.5", "> 300", "1,5", "n/a", "", "-1", "9999", "1.2E3", "≥7", "12.0"]
STATUS = ["", "final", "cancelled", "corrected", "unknown"]


def rows_of(table: str, count: int) -> list[list[str]]:
    """Distinct rows of one table, most of them valid."""
    rows = []
    for n in range(count):
        who, hour = f"P{n % 12:03d}", n % 23
        day = f"2024-03-{1 + n % 27:02d}"
        rows.append(
            {
                "patients": [f"P{n:03d}", str(20 + n % 60), "2024-03-01T08:00:00Z", "", "north"],
                "labs": [who, *_lab(n), f"{day}T{hour:02d}:00", f"{day}T{hour:02d}:30+01:00",
                         STATUS[n % 5], "", ""],
                "assessments": [who, ("crs", "ICANS")[n % 2], str(n % 6), str(n), ""],
                "treatments": [who, "dexamethasone", str(n), "10", "therapy"],
                "observations": [who, "temperature_c", f"{36 + n % 5}.5", str(n)],
            }[table]
        )  # fmt: skip
    return rows


def _lab(n: int) -> list[str]:
    name, unit = ANALYTES[n % len(ANALYTES)]
    return [name, VALUES[n % len(VALUES)], unit]


def text_of(rows: list[list[str]], separator: str, end: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    return text.getvalue()


@st.composite
def mutations(draw):
    """A function from clean bytes to damaged ones."""
    kind = draw(
        st.sampled_from(
            ["bytes", "bytes", "cut", "nul", "huge", "quotes", "ends", "blank", "repeat", "none"]
        )
    )
    first = draw(st.sampled_from([0.0, 0.05, 0.05, 0.05]))  # mostly the header stays whole
    places = draw(st.lists(st.floats(first, 1), min_size=1, max_size=40))
    patch = draw(st.lists(st.binary(max_size=3), min_size=len(places), max_size=len(places)))
    gone = draw(st.integers(0, 3))

    def mutate(content: bytes) -> bytes:
        damaged = bytearray(content)
        for share, new in zip(places, patch, strict=True):
            at = int(share * max(len(damaged) - 1, 0))
            if kind == "bytes":
                damaged[at : at + gone] = new
            elif kind == "cut":
                line = bytes(damaged).find(b"\n", at)
                damaged[at : line if line > 0 else at] = b""
            elif kind == "nul":
                damaged[at:at] = b"\x00" * (1 + gone)
            elif kind == "huge":
                damaged[at:at] = b"9" * (20_000 if share < 0.2 else 10)
            elif kind == "quotes":
                damaged[at:at] = b'"'
            elif kind == "ends":
                damaged[at:at] = (b"\r", b"\n", b"\r\n", b"\n\r")[gone]
        if kind == "blank":
            damaged += b",,,\n" * 3000 + b"\r\n" * 500
        if kind == "repeat":
            damaged += bytes(damaged)
        return bytes(damaged)

    return mutate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


def attempt(folder):
    """Return the result, or the error meant for the user; any other error is a failure."""
    try:
        return read_cohort(folder, CONFIG)
    except CytocastError as error:
        return error


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    mutations(),
    st.sampled_from(["labs", "labs", *TABLES]),
    st.sampled_from([",", ",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "utf-32"]),
    st.booleans(),
)
def test_whatever_happens_to_the_bytes_every_row_is_accounted_for(
    folder, mutate, target, separator, end, codec, stated
):
    for table in TABLES:
        rows = [HEADERS[table], *rows_of(table, ROWS if table == target else 12)]
        text = text_of(rows, separator if table == target else ",", end)
        if table == target:
            if stated:
                text = f"sep={separator}{end}{text}"
            content = mutate(text.encode(codec, errors="replace"))
        else:
            content = text.encode()
        (folder / f"{table}.csv").write_bytes(content)
    result = attempt(folder)
    if isinstance(result, CytocastError):
        assert len(str(result)) > 20
        return
    conserved(result)
    rejects = result.rejects
    assert (rejects[["code", "reason", "remedy"]] != "").all().all()
    assert rejects["row"].ge(1).all()
    for table in TABLES:
        if table != target:
            assert result.counts[f"{table}.csv"]["read"] == 12


@settings(max_examples=6, deadline=None)
@given(st.data(), st.sampled_from(TABLES), st.sampled_from(MARKS), st.sampled_from(ENDS))
def test_every_physical_line_of_every_table_is_accounted_for(folder, data, target, mark, end):
    for table in TABLES:
        text = text_of([HEADERS[table], *rows_of(table, 12)], mark if table == target else ",", end)
        if table == target:
            cells = ["P001", *rows_of(table, 3)[1][1:]]
            more = data.draw(lines_of_table(HEADERS[table], cells, mark))
            text += end.join(more)
            physical = len(io.StringIO(text, newline="").readlines()) - 1
        (folder / f"{table}.csv").write_bytes(text.encode())
    result = read_cohort(folder, CONFIG)
    conserved(result)
    count = result.counts[f"{target}.csv"]
    assert count.get("lines", count["read"]) == physical


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_shape_of_a_clean_file_changes_nothing(tmp_path, codec, separator):
    results = []
    for spelled, mark in (("utf-8", ","), (codec, separator)):
        for table in TABLES:
            rows = [HEADERS[table], *rows_of(table, 40)]
            text = text_of(rows, mark, "\r\n").replace("≥", "<")
            (tmp_path / f"{table}.csv").write_bytes(text.encode(spelled))
        results.append(read_cohort(tmp_path, CONFIG))
    plain, other = results
    conserved(plain)
    assert plain.counts == other.counts
    assert plain.cohort.labs.equals(other.cohort.labs)
    assert plain.rejects.equals(other.rejects)


@pytest.mark.parametrize(
    ("name", "config"),
    [("prcrs_as_released", "prcrs"), ("prcrs_recovered", "prcrs"), ("wuhan", "wuhan")],
)
def test_the_public_cohorts_are_conserved_line_by_line(name, config):
    if not (SHARED / name).is_dir():
        pytest.skip(f"public cohort {name} is not beside this checkout")
    result = read_cohort(
        SHARED / name, load_config([ROOT / "configs" / "cohorts" / f"{config}.yaml"]).cohort
    )
    conserved(result)
    for table, file in result.files.items():
        lines = (SHARED / name / file).read_text(encoding="utf-8").splitlines()
        assert result.counts[file]["read"] == len(lines) - 1, table


@pytest.mark.parametrize("command", hostile_inputs.READERS)
def test_a_damaged_input_ends_in_an_error_meant_for_the_user(tmp_path, command):
    clean = hostile_inputs.clean_inputs()[command]
    outcomes = [hostile_inputs.outcome_of(command, clean, tmp_path)]
    for seed in (1, 2):
        _, files = hostile_inputs.damaged(clean, random.Random(f"{command} {seed}"))
        outcomes.append(hostile_inputs.outcome_of(command, files, tmp_path))
    assert outcomes[0] == "read"
    assert set(outcomes) <= {"read", "InputError", "UsageError"}
