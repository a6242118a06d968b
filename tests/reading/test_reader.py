from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipeline.cohort.tables import TABLES
from pipeline.config import load_config
from pipeline.errors import InputError, UsageError
from pipeline.reading.reader import read_batch, read_cohort
from tests.exported import (
    ASSESSMENTS,
    AT,
    LABS,
    PATIENTS,
    codes,
    conserved,
    lab_rows,
    read,
    read_labs,
    score,
    write_export,
    write_table,
)

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"


def test_a_clean_export_is_read_whole(tmp_path):
    result = read(write_export(tmp_path))
    conserved(result)
    assert codes(result) == []
    assert len(result.cohort) == 2
    assert result.seen_ids == ["A", "B"]
    assert result.lost == {}
    assert result.files["labs"] == "labs.csv"


def test_a_missing_folder(tmp_path):
    for call in (read, score):
        with pytest.raises(InputError, match=r"does not exist|not a folder"):
            call(tmp_path / "nowhere")


def test_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match=r"lacks patients\.csv, labs\.csv, assessments\.csv"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"lacks labs\.csv"):
        score(tmp_path)


def test_a_missing_table_says_what_was_found(tmp_path):
    with pytest.raises(InputError, match=r"lacks assessments\.csv.*Found: labs\.csv, patients"):
        read(write_export(tmp_path, assessments=None))


def test_a_file_that_is_no_table(tmp_path):
    path = tmp_path / "labs.xlsx"
    path.write_text("x")
    with pytest.raises(InputError, match=r"ending in \.csv, \.tsv, \.txt, \.parquet"):
        score(path)


def test_an_empty_file_and_a_header_alone(tmp_path):
    folder = write_export(tmp_path)
    (folder / "labs.csv").write_text("")
    with pytest.raises(InputError, match=r"labs\.csv is empty"):
        read(folder)
    write_table(folder / "labs.csv", LABS[:1])
    for call in (read, score):
        with pytest.raises(InputError, match="has a header but no usable row"):
            call(folder)


@pytest.mark.parametrize(
    ("name", "columns", "consequence"),
    [
        ("assessments", ASSESSMENTS[0], "no grade is charted"),
        ("treatments", ("patient_id", "drug", "given_hours"), "no dose is known"),
        ("observations", ("patient_id", "item", "value", "observed_hours"), "no bedside finding"),
    ],
)
def test_a_header_alone_of_another_table_is_remarked(tmp_path, name, columns, consequence):
    folder = write_export(tmp_path, **{name: [columns]})
    for call in (read, score):
        remarks = " ".join(call(folder).remarks)
        assert f"{name}.csv has no usable row, so {consequence}" in remarks


def test_patients_with_a_header_alone_are_refused_with_a_remedy(tmp_path):
    folder = write_export(tmp_path, patients=PATIENTS[:1])
    with pytest.raises(InputError, match=r"patients\.csv has no usable row; give one row per pat"):
        read(folder)
    with pytest.raises(InputError, match="omit the file"):
        score(folder)


def test_training_needs_at_least_one_usable_lab_row(tmp_path):
    folder = write_export(tmp_path, labs=lab_rows(("crp", 5, "furlongs", 1, 2)))
    with pytest.raises(InputError, match=r"no row of .*labs\.csv could be used\n[^~]*line 2, unit"):
        read(folder)


@pytest.mark.parametrize("name", ["patients", "labs", "assessments"])
def test_a_missing_column_is_named_with_those_found(tmp_path, name):
    tables = {"patients": PATIENTS, "labs": LABS, "assessments": ASSESSMENTS}
    renamed = [["other", *tables[name][0][1:]], *tables[name][1:]]
    with pytest.raises(InputError, match=rf"{name}\.csv lacks the column patient_id.*Found: other"):
        read(write_export(tmp_path, **{name: renamed}))


def test_two_columns_for_one_clock_are_refused(tmp_path):
    rows = lab_rows(("crp", 5, "mg/L", 1, 2, AT), columns="collected_at")
    with pytest.raises(InputError, match="both collected_hours and collected_at"):
        read(write_export(tmp_path, labs=rows))


def test_both_formats_of_a_table_are_refused(tmp_path):
    folder = write_export(tmp_path)
    pd.DataFrame({"patient_id": ["A"]}).to_parquet(folder / "patients.parquet")
    with pytest.raises(InputError, match=r"patients\.csv and patients\.parquet"):
        read(folder)


def test_a_text_in_another_encoding_is_read_and_remarked(tmp_path):
    folder = write_export(tmp_path)
    text = (folder / "labs.csv").read_text().replace("ng/mL", "µg/L")
    (folder / "labs.csv").write_bytes(text.encode("latin-1"))
    result = read(folder)
    assert result.rejects.empty
    assert len(result.remarks) == 1
    assert "Windows-1252" in result.remarks[0]


def test_a_missing_column_names_the_one_that_may_be_meant(tmp_path):
    path = write_table(tmp_path / "labs.csv", [("patient_id", "analyte", "value", "units")])
    with pytest.raises(InputError, match=r"Is 'units' meant for unit\?"):
        score(path)


def test_a_ragged_line_is_kept_out_with_its_number_and_its_patient_is_not_forgotten(tmp_path):
    path = write_table(tmp_path / "labs.csv", [*LABS, ("C", "crp"), *LABS[1:2]])
    result = score(path)
    conserved(result)
    assert codes(result) == ["ragged_line"]
    assert result.rejects["row"].tolist() == [4]
    assert result.seen_ids == ["A", "B", "C"]
    assert result.lost == {"C": "ragged_line"}


def test_parquet_gives_the_same_cohort_as_csv(tmp_path):
    first, later = "2024-03-01T08:00:00+01:00", "2024-03-02T09:30:00+01:00"
    folder = write_export(
        tmp_path / "csv",
        patients=[
            ("patient_id", "infusion_time", "age_years"),
            ("7", first, "61.5"),
            ("8", first, ""),
        ],
        labs=[
            ("patient_id", "analyte", "value", "unit", "collected_at", "resulted_at", "lloq"),
            ("7", "crp", "12.1", "mg/L", later, "2024-03-02T11:00:00+01:00", "0.1"),
            ("8", "crp", "0.05", "mg/L", later, "", "0.1"),
        ],
        assessments=[("patient_id", "scale", "grade", "assessed_at"), ("8", "crs", "2", later)],
    )
    other = tmp_path / "parquet"
    other.mkdir()
    pd.DataFrame(
        {
            "patient_id": [7, 8],
            "infusion_time": pd.to_datetime([first] * 2),
            "age_years": [61.5, None],
        }
    ).to_parquet(other / "patients.parquet")
    pd.DataFrame(
        {
            "patient_id": [7, 8],
            "analyte": ["crp"] * 2,
            "value": [12.1, 0.05],
            "unit": pd.Categorical(["mg/L"] * 2),
            "collected_at": pd.to_datetime([later] * 2),
            "resulted_at": pd.to_datetime(["2024-03-02T11:00:00+01:00", None]),
            "lloq": [0.1, 0.1],
        }
    ).to_parquet(other / "labs.parquet")
    pd.DataFrame(
        {"patient_id": [8], "scale": ["crs"], "grade": [2], "assessed_at": pd.to_datetime([later])}
    ).to_parquet(other / "assessments.parquet")
    left, right = read(folder), read(other)
    conserved(right)
    assert codes(left) == codes(right) == []
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(left.cohort, name), getattr(right.cohort, name))


def now(hours=0.0):
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")


def test_times_beyond_the_present_are_refused(tmp_path):
    labs = [
        ("patient_id", "analyte", "value", "unit", "collected_at", "resulted_at"),
        ("A", "crp", "1", "mg/L", now(-20), now(-18)),
        ("A", "crp", "2", "mg/L", now(-1), ""),
        ("A", "crp", "3", "mg/L", now(-1), now(+1)),
        ("A", "crp", "4", "mg/L", now(+1), ""),
    ]
    result = read(
        write_export(
            tmp_path,
            patients=[("patient_id", "infusion_time"), ("A", now(-48))],
            labs=labs,
            assessments=[
                ("patient_id", "scale", "grade", "assessed_at"),
                ("A", "crs", "1", now(2)),
            ],
        )
    )
    conserved(result)
    assert codes(result) == ["future"] * 3
    assert result.rejects["column"].tolist() == ["assessed_at", "resulted_at", "collected_at"]
    # the imputed result time of a row that is already in the export is cut at the present
    assert result.cohort.labs["value"].tolist() == [1.0, 2.0]
    assert (result.cohort.labs["resulted_hours"] < result.as_of_hours[0]).all()


def test_as_of_refuses_rows_from_then_on(tmp_path):
    folder = write_export(
        tmp_path,
        patients=[("patient_id",), ("A",)],
        labs=lab_rows(
            ("crp", 1, "mg/L", 10, 23.9),
            ("crp", 2, "mg/L", 20, 24),
            ("crp", 3, "mg/L", 24, 25),
            ("crp", 4, "mg/L", 23, ""),
        ),
        assessments=[
            ("patient_id", "scale", "grade", "assessed_hours"),
            ("A", "crs", "1", "23.9"),
            ("A", "crs", "2", "24"),
        ],
        treatments=[("patient_id", "drug", "given_hours"), ("A", "anakinra", "24.5")],
        observations=[
            ("patient_id", "item", "value", "observed_hours"),
            ("A", "temperature_c", "39", "30"),
        ],
    )
    result = score(folder, as_of="24")
    conserved(result)
    assert codes(result) == ["future"] * 5
    assert result.as_of_hours.tolist() == [24.0]
    assert result.cohort.labs["value"].tolist() == [1.0, 4.0]
    assert (result.cohort.labs["resulted_hours"] < 24).all()
    assert result.cohort.assessments["grade"].tolist() == [1]


def test_as_of_may_be_a_time(tmp_path):
    folder = write_export(
        tmp_path,
        patients=[("patient_id", "infusion_time"), ("A", AT), ("B", "2024-03-01T20:00:00Z")],
    )
    assert score(folder, as_of="2024-03-02T08:00:00Z").as_of_hours.tolist() == [24.0, 12.0]
    zoned = score(folder, as_of="2024-03-02T09:00:00", time_zone="Europe/Berlin")
    assert zoned.as_of_hours.tolist() == [24.0, 12.0]


def shifted_export(folder, year=2142, others=()):
    """A batch whose dates lie in another century, and patients with an infusion of their own."""
    labs = [
        ("patient_id", "analyte", "value", "unit", "collected_at", "resulted_at"),
        ("A", "crp", "12", "mg/L", f"{year}-03-02T08:00:00Z", f"{year}-03-02T09:00:00Z"),
        ("A", "crp", "40", "mg/L", f"{year}-03-04T08:00:00Z", f"{year}-03-04T09:00:00Z"),
        *((name, "crp", "5", "mg/L", now(-1), now(-0.5)) for name, _ in others),
    ]
    grades = [
        ("patient_id", "scale", "grade", "assessed_at"),
        ("A", "crs", "1", f"{year}-03-02T08:00:00Z"),
    ]
    people = [("patient_id", "infusion_time"), ("A", f"{year}-03-01T08:00:00Z"), *others]
    return write_export(folder, patients=people, labs=labs, assessments=grades)


@pytest.mark.parametrize("year", [2142, 2201, 2300])
@pytest.mark.parametrize("moment", ["72", "{}-03-04T08:00:00Z"])
def test_as_of_may_lie_in_the_future_where_every_infusion_does(tmp_path, year, moment):
    result = score(shifted_export(tmp_path, year), as_of=moment.format(year))
    conserved(result)
    assert result.as_of_hours.tolist() == [72.0]
    assert result.cohort.labs["value"].tolist() == [12.0]
    assert codes(result) == ["future"]
    assert "pseudonymise" not in result.rejects["remedy"][0]
    assert any("shifted" in remark for remark in result.remarks)


def test_shifted_dates_without_a_moment_name_the_remedy(tmp_path):
    result = score(shifted_export(tmp_path))
    conserved(result)
    assert codes(result) == ["future"] * 3
    assert result.rejects["remedy"].str.contains("pseudonymise --times hours").all()
    assert result.rejects["remedy"].str.contains("AS_OF=").all()


def test_among_patients_of_today_a_shifted_one_is_told_apart(tmp_path):
    folder = shifted_export(tmp_path, others=[("B", now(-48))])
    result = score(folder)
    assert codes(result) == ["future"] * 3
    assert result.rejects["remedy"].str.contains("pseudonymise").all()
    assert result.cohort.labs["value"].tolist() == [5.0]
    for asked in ("2142-03-04T08:00:00Z", "5000"):
        with pytest.raises(UsageError, match="lies in the future"):
            score(folder, as_of=asked)
    assert score(folder, as_of="24").as_of_hours[1] == 24.0


def test_finished_records_with_shifted_dates_are_read_for_training(tmp_path):
    result = read(shifted_export(tmp_path, others=[("B", now(-48))]))
    conserved(result)
    assert codes(result) == []
    assert len(result.cohort.labs) == 3
    assert any("shifted" in remark for remark in result.remarks)


@pytest.mark.parametrize(
    ("as_of", "words"),
    [
        ("soon", "not an ISO 8601 time"),
        ("", "is blank"),
        ("nan", "not an ISO"),
        ("inf", "not an ISO"),
        ("2024-03-02T08:00:00", "no offset"),
        ("2024-03-02T08:00:00Z", "needs patients.infusion_time"),
    ],
)
def test_an_unusable_as_of_is_a_usage_error(tmp_path, as_of, words):
    with pytest.raises(UsageError, match=words):
        score(write_export(tmp_path), as_of=as_of)


def test_the_digest_follows_the_content_not_the_folder(tmp_path):
    first, second = read(write_export(tmp_path / "a")), read(write_export(tmp_path / "b"))
    changed = read(write_export(tmp_path / "c", labs=LABS[:2]))
    assert first.sha256 == second.sha256 != changed.sha256


def test_columns_named_like_the_inner_ones_do_no_harm(tmp_path):
    plain = read_labs(tmp_path, ("crp", 5, "mg/L", 1, 2))
    names = "patient key rank cancelled side meant _line imputed"
    crowded = read_labs(tmp_path, ("crp", 5, "mg/L", 1, 2, *["9"] * 8), columns=names)
    conserved(crowded)
    pd.testing.assert_frame_equal(plain.cohort.labs, crowded.cohort.labs)


@pytest.mark.parametrize(
    ("folder", "config", "patients"),
    [
        ("prcrs_recovered", "prcrs.yaml", 140),
        ("prcrs_as_released", "prcrs.yaml", 140),
        ("wuhan", "wuhan.yaml", 375),
    ],
)
def test_real_cohorts_are_read_whole(folder, config, patients):
    if not (SHARED / folder).is_dir():
        pytest.skip(f"public cohort {folder} is not beside this checkout")
    settings = load_config([ROOT / "configs" / "cohorts" / config]).cohort
    result = read_cohort(SHARED / folder, settings)
    conserved(result)
    assert len(result.cohort) == patients
    assert result.turnaround_imputed == 0
    labs = result.counts["labs.csv"]
    assert labs["rejected"] < 0.05 * labs["read"]
    assert set(codes(result)) <= {"implausible", "value_unusable", "sentinel"}
    assert result.counts["assessments.csv"]["rejected"] == 0


def test_rows_with_unusable_ids_count_among_the_rows_of_their_analyte(tmp_path):
    rows = ["patient_id,analyte,value,unit,collected_hours", "A,CRP,5,mg/L,3"]
    rows += [f"B\u202e{number},CRP,5,mg/L,3" for number in range(4)]
    (tmp_path / "labs.csv").write_text("\n".join(rows), encoding="utf-8")
    read = read_batch(tmp_path, load_config().cohort, {})
    assert read.analytes_read == {"CRP": 5}
    assert read.refused_share() == (4, 5)
