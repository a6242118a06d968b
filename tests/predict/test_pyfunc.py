"""The MLflow model scores rows in memory as the command scores files of them."""

from __future__ import annotations

import tempfile
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from pipeline.model.bundle import load_bundle
from tests.conftest import read_predictions

mlflow = pytest.importorskip("mlflow")

LABS = pd.DataFrame(
    {
        "patient_id": ["P1", "P1", "P1", "P2", "P2", "P3"],
        "analyte": ["CRP", "ferritin", "il-6", "il-6", "CRP", "CRP"],
        "value": ["120", "812.5", "14", "<2", "9", "5"],
        "unit": ["mg/L", "ng/mL", "pg/mL", "pg/mL", "mg/L", "furlong"],
        "collected_hours": [50.0, 50.25, 50.0, 40.0, 40.0, 12.0],
        "resulted_hours": [52.0, 52.0, np.nan, 43.0, 42.0, 13.0],
    }
)
CRP = LABS[LABS["analyte"] == "CRP"]
ROWS = {
    "text": LABS,
    "host": LABS.assign(age_years=[61, 61, 61, 50, 50, 40], product="axi-cel"),
    "float": CRP.assign(value=[120.0, 9.0, 5.0]),
    "integer": CRP.assign(value=[120, 9, 5], collected_hours=[50, 40, 12], patient_id=[1, 2, 3]),
    "nullable": LABS.convert_dtypes().assign(
        age_years=pd.array([61, 61, 61, None, None, 40], dtype="Int64")
    ),
    "decimal": CRP.assign(value=[Decimal("120"), Decimal("9.0"), Decimal("5")]),
    "mixed": LABS.assign(value=["120", 812.5, 14, "<2", 9, 5]),
    "quoted": LABS.assign(note='two\nlines, "quoted"'),
}


@pytest.fixture(scope="module")
def model(mini):
    from pipeline.predict.pyfunc import CytocastModel

    made = CytocastModel()
    made.bundle = load_bundle(mini.bundle)
    return made


@pytest.mark.parametrize(
    ("name", "as_of"), [*((name, "") for name in ROWS), ("text", "50.5")], ids=str
)
def test_rows_in_memory_score_as_files_of_them(name, as_of, model, predict, tmp_path) -> None:
    rows, folder = ROWS[name], tmp_path / "in"
    folder.mkdir()
    host = [column for column in ("age_years", "product") if column in rows]
    rows.drop(columns=host).to_csv(folder / "labs.csv", index=False)
    people = rows[["patient_id", *host]].drop_duplicates()
    people.to_csv(folder / "patients.csv", index=False)
    scored = model.predict(None, rows, {"as_of": as_of})
    _, out = predict(folder, "--no-pages", *(["--as-of", as_of] if as_of else []))
    written = read_predictions(out)
    assert list(scored) == list(written)
    for column in ("patient_id", "status", "outcome", "analytes_present", "top_1"):
        texts = [table[column].astype(object) for table in (scored, written)]
        first, second = (text.where(text.notna(), "").astype(str).tolist() for text in texts)
        assert first == second
    for column in ("landmark_hours", "risk", "risk_lo", "risk_hi", "newest_lab_hours"):
        numbers = scored[column].astype(float).to_numpy()
        np.testing.assert_allclose(numbers, written[column], atol=5.1e-5)


def test_nothing_is_written(model, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file is made")

    for name in ("mkdtemp", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    assert set(model.predict(None, LABS)["patient_id"]) == {"P1", "P2", "P3"}


def test_rows_that_cannot_be_read_are_refused_with_the_reason(model) -> None:
    with pytest.raises(mlflow.MlflowException, match=r"^labs has a header but no usable row"):
        model.predict(None, LABS.iloc[:0])
    with pytest.raises(mlflow.MlflowException, match=r"^labs lacks the column"):
        model.predict(None, LABS.drop(columns="unit"))


def test_a_request_states_what_a_comma_means(model) -> None:
    commas = LABS.assign(value=LABS["value"].str.replace(".", ",", regex=False))
    plain = model.predict(None, LABS)
    pd.testing.assert_frame_equal(model.predict(None, commas, {"decimal_comma": "true"}), plain)
    unread = model.predict(None, commas)
    assert unread["analytes_present"].tolist() != plain["analytes_present"].tolist()
    with pytest.raises(mlflow.MlflowException, match="decimal_comma"):
        model.predict(None, LABS, {"decimal_comma": "yes"})
