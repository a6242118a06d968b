"""What is used but odd is told: on stdout, in flags.csv, with the way out."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.model.bundle import load_bundle
from tests.conftest import edit, read_predictions


def flags(out) -> pd.DataFrame:
    return pd.read_csv(out / "flags.csv", dtype=str, keep_default_na=False)


def test_drugs_without_effect_and_contradicting_grades_are_counted_on_stdout(
    mini, predict, batch, capsys
) -> None:
    def more(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([frame, frame.iloc[[0]].assign(grade="2")])

    edit(batch / "treatments.csv", lambda frame: frame.assign(drug=["wonderdrug", *frame.drug[1:]]))
    edit(batch / "assessments.csv", more)
    code, out = predict(batch, "--no-pages")
    output = capsys.readouterr().out
    assert code == 0
    assert "flagged but used: 3," in output
    assert "unknown_drug: 1 (drug not recognised" in output
    assert "conflicting: 2" in output
    assert sorted(flags(out)["code"]) == ["conflicting", "conflicting", "unknown_drug"]
    assert predict(batch, "--no-pages")[0] == 0
    assert "unknown_drug: 1 (" in capsys.readouterr().out


def test_a_drug_named_within_a_text_changes_the_estimate_as_its_name_does(predict, batch) -> None:
    whole = read_predictions(predict(batch, "--no-pages")[1])
    texts = "Tocilizumab (RoActemra) 400 mg"
    edit(batch / "treatments.csv", lambda frame: frame.assign(drug=texts))
    told = read_predictions(predict(batch, "--no-pages", "--force")[1])
    pd.testing.assert_frame_equal(whole, told)


@pytest.mark.parametrize(
    ("text", "known"),
    [("AXI CEL (Yescarta)", True), ("axi-cel or tisa-cel", False), ("cel", False)],
)
def test_a_product_within_a_text_is_read_where_one_of_training_can_be_meant(
    mini, predict, batch, text, known
) -> None:
    assert set(load_bundle(mini.bundle).reference.products) == {"axi_cel", "tisa_cel"}
    before = read_predictions(predict(batch, "--no-pages")[1])
    edit(
        batch / "patients.csv",
        lambda frame: frame.assign(product=frame["product"].replace("axi-cel", text)),
    )
    _, out = predict(batch, "--no-pages", "--force")
    after, noted = read_predictions(out), flags(out)
    if known:
        pd.testing.assert_frame_equal(before, after)
        assert set(noted["code"]) == {"product_in_text"}
        assert set(noted["value"]) == {text}
    else:
        assert (after["status"] == "abstained").any()
        assert noted.empty


def test_a_header_within_a_table_makes_no_patient(mini, predict, batch) -> None:
    header, *rest = (batch / "labs.csv").read_text().splitlines(keepends=True)
    (batch / "labs.csv").write_text("".join([header, *rest[:9], header, *rest[9:]]))
    code, out = predict(batch, "--no-pages")
    assert code == 0
    assert set(read_predictions(out)["patient_id"]) == set(mini.patients)
    result = pd.read_csv(out / "rejects.csv", dtype=str)
    assert result[["row", "code"]].to_numpy().tolist() == [["11", "repeated_header"]]


def test_a_store_that_does_not_exist_is_named_and_not_made(
    predict, batch, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    code, _ = predict(batch, "--model", "models:/cytocast@champion")
    output = capsys.readouterr().err
    assert code == 5
    assert f"there is no file {tmp_path / 'mlflow.db'}" in output
    assert "MLFLOW_TRACKING_URI" in output
    assert not (tmp_path / "mlflow.db").exists()
