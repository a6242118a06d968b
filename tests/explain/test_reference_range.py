"""The range beside a result: the laboratory's own comes first, then that of the patient's age."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.analytes import dictionary
from pipeline.explain.patient_record import LabResult, records
from pipeline.explain.reference_range import own_range, reference_range
from pipeline.explain.result_changes import range_text
from tests.exported import codes, conserved, read, write_export

NAN = float("nan")


@pytest.mark.parametrize(
    ("analyte", "own", "age", "limits"),
    [
        ("il6", (NAN, NAN), 50.0, (0, 2.5)),
        ("il6", (NAN, 7.0), 50.0, (0.0, 7.0)),
        ("il6", (1.0, 6.0), 50.0, (1.0, 6.0)),
        ("nfl", (NAN, NAN), 62.0, (0.0, 28.8)),
        ("nfl", (NAN, NAN), 2.5, (0.0, 11.8)),
        ("nfl", (NAN, NAN), NAN, (None, None)),
        ("nfl", (NAN, 20.0), NAN, (0.0, 20.0)),
        ("egfr", (60.0, NAN), 50.0, (60.0, None)),
        ("il15", (NAN, NAN), 50.0, (None, None)),
    ],
)
def test_the_own_limits_of_the_newest_result_come_first(analyte, own, age, limits):
    earlier = (99.0, 999.0)
    rows = [LabResult(hour, 5.0, 0, *ends) for hour, ends in ((1.0, earlier), (2.0, own))]
    assert reference_range(rows, dictionary()[analyte], age) == limits


def test_limits_of_the_export_reach_the_words_in_the_canonical_unit(tmp_path):
    header = ["patient_id", "analyte", "value", "unit", "collected_hours", "resulted_hours"]
    rows = [
        ["A", "Fibrinogen", "5", "g/L", 1, 2, "1.8", "4.2"],
        ["A", "CRP", "30", "mg/L", 1, 2, "", ""],
        ["A", "IL-6", "5", "pg/mL", 1, 2, "9", "3"],
        ["A", "Albumin", "40", "g/L", 1, 2, "35", "52"],
        ["A", "CSF albumin", "20", "mg/dL", 1, 2, "10", "30"],
    ]
    labs = [[*header, "ref_low", "ref_high"], *rows]
    result = read(write_export(tmp_path, labs=labs))
    conserved(result)
    assert codes(result) == ["limit_implausible"]  # of the range that is upside down
    stored = result.cohort.labs.set_index("analyte")[["ref_low", "ref_high"]]
    np.testing.assert_allclose(stored.loc["fibrinogen"], [180, 420])
    for key in ("crp", "il6", "csf_serum_albumin"):  # none, upside down, of one part only
        assert stored.loc[key].isna().all()
    landmarks = pd.DataFrame({"patient": [0], "hours": [24.0]})
    (record,) = records(result.cohort, landmarks)
    own = own_range(dictionary()["fibrinogen"], record)
    assert "180–420" in range_text(500.0, 0, own)
    assert own_range(dictionary()["crp"], record) == dictionary()["crp"].reference
