"""What predict writes into ``report``: a page for everyone, safe names, the numbers of the CSV."""

from __future__ import annotations

import json
import re

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.phrases import interval_text, risk_text
from pipeline.pages.batch_pages import page_names
from tests.conftest import edit, read_predictions
from tests.pages.html_reader import read

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
HOSTILE = ["../../etc/passwd", "a/b", "case", "CASE", "index", "CON", "<b>&\"x'", "ä ö", "."]


def links(folder) -> list[str]:
    """Addresses of the list, without those of its files and other orders."""
    tags = read((folder / "index.html").read_text(encoding="utf-8")).tags
    found = [str(attributes["href"]) for tag, attributes in tags if tag == "a"]
    return [name for name in found if name.count(".") == 1]


def test_everyone_has_a_page_and_stands_on_the_list(mini, predict) -> None:
    report = predict(mini.batch)[1] / "report"
    files = {path.name for path in report.iterdir()}
    pages = {name for name in files if name.count(".") == 1}  # others have two dots
    assert pages == {"index.html", *(f"{patient}.html" for patient in mini.patients)}
    assert sorted(links(report)) == sorted(pages - {"index.html"})
    for patient in mini.patients:
        text = read((report / f"{patient}.html").read_text(encoding="utf-8")).text
        assert text.startswith(patient)
        assert "Synthetic" in text


def test_pages_show_the_numbers_of_the_predictions(mini, predict) -> None:
    out = predict(mini.batch)[1]
    rows = read_predictions(out)
    shown = rows[(rows["horizon_h"] == 72) & (rows["status"] == "ok")]
    assert len(shown) > 5
    for row in shown.to_dict("records"):
        if abs(100 * row["risk"] % 1 - 0.5) < 0.011:  # the file has four decimals, the page all
            continue
        page = (out / "report" / f"{row['patient_id']}.html").read_text(encoding="utf-8")
        said = f"{risk_text(row['risk'])} 80% interval "
        said += interval_text(row["risk_lo"], row["risk_hi"])
        assert said.replace("\u00a0", " ") in read(page).text
    for row in rows[rows["status"] == "event_present"].drop_duplicates("patient_id").itertuples():
        page = read((out / "report" / f"{row.patient_id}.html").read_text(encoding="utf-8")).text
        assert re.search("present since|resolved: grade 0|charted", page)


def test_every_link_of_the_list_leads_to_a_file(mini, predict) -> None:
    """CSV, evaluation and model card among them; the folder is complete when it is moved."""
    report = predict(mini.batch)[1] / "report"
    tags = read((report / "index.html").read_text(encoding="utf-8")).tags
    found = {str(attributes["href"]) for tag, attributes in tags if tag == "a"}
    assert all((report / name).is_file() for name in found)
    assert "../predictions.csv" in found
    copied = report / "model.evaluation.html"
    assert copied.name in found
    assert copied.read_bytes() == (mini.bundle / "evaluation.html").read_bytes()
    assert any(name.startswith("model.model_card.") for name in found)


def test_no_pages_on_request(mini, predict) -> None:
    code, out = predict(mini.batch, "--no-pages")
    assert not (out / "report").exists()
    assert json.loads((out / "run_summary.json").read_text())["pages"] is False
    assert predict(mini.batch, "--no-pages")[0] == code
    assert predict(mini.batch)[0] == 2  # asked with pages, the folder holds something else
    assert predict(mini.batch, "--force")[0] == code
    assert (out / "report" / "index.html").is_file()


def test_hostile_ids_stay_inside_the_folder_and_apart(mini, batch, predict, tmp_path) -> None:
    names = dict(zip(mini.patients, HOSTILE, strict=False))
    for path in batch.glob("*.csv"):
        edit(path, lambda table: table.assign(patient_id=table["patient_id"].replace(names)))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    out = predict(batch)[1]
    report = out / "report"
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert all(out in path.parents for path in made)
    found = links(report)
    assert len(found) == len({name.casefold() for name in found}) == len(mini.patients)
    assert all((report / name).is_file() for name in found)
    for name in found:
        page = (report / name).read_text(encoding="utf-8")
        read(page)
        assert "<b>&" not in page


@given(st.lists(st.text(min_size=1, max_size=120) | st.sampled_from(HOSTILE), max_size=12))
def test_page_names_are_safe_and_used_once(ids) -> None:
    names = page_names(ids)
    assert set(names) == set(ids)
    folded = [name.casefold() for name in names.values()]
    assert len(folded) == len(set(folded))
    assert not {"index", "con", "nul", "com1"} & set(folded)
    assert all(SAFE.fullmatch(name) and len(name) <= 120 for name in names.values())
    assert page_names(reversed(ids)) == names


def test_a_patient_without_usable_rows_has_a_page(mini, batch, predict) -> None:
    def spoil(labs: pd.DataFrame) -> pd.DataFrame:
        mine = labs["patient_id"] == mini.patients[0]
        return labs.assign(value=labs["value"].mask(mine, "haemolysed"))

    edit(batch / "labs.csv", spoil)
    report = predict(batch)[1] / "report"
    text = read((report / f"{mini.patients[0]}.html").read_text(encoding="utf-8")).text
    assert "No estimate" in text
    assert "rejects.csv" in text
    assert "%" not in text


def test_labs_that_the_model_does_not_read_cost_nobody_a_page(mini, batch, predict) -> None:
    """A first result of an analyte that no member reads is an everyday thing on a ward."""

    def other(labs: pd.DataFrame) -> pd.DataFrame:
        mine = labs["patient_id"] == mini.patients[0]
        first = labs[mine].head(1).assign(analyte="sodium", value="139", unit="mmol/L")
        return pd.concat([labs[~mine], first])

    edit(batch / "labs.csv", other)
    code, out = predict(batch)
    assert code == 4
    found = read_predictions(out).set_index("patient_id")["status"]
    assert set(found[mini.patients[0]]) == {"abstained"}
    text = read((out / "report" / f"{mini.patients[0]}.html").read_text(encoding="utf-8")).text
    assert "No lab that the model reads" in text
    assert "nan" not in text.lower()


def test_clock_times_stand_in_the_offset_of_the_infusion(mini, batch, predict) -> None:
    def shift(table: pd.DataFrame) -> pd.DataFrame:
        at = pd.to_datetime(table["infusion_time"], utc=True).dt.tz_convert("-04:00")
        return table.assign(infusion_time=at.map(lambda moment: moment.isoformat()))

    edit(batch / "patients.csv", shift)
    report = predict(batch)[1] / "report"
    labs = pd.read_csv(batch / "labs.csv", dtype=str)
    mine = labs[labs["patient_id"] == mini.patients[1]]
    newest = pd.to_datetime(mine["collected_at"], utc=True).max().tz_convert("-04:00")
    text = read((report / f"{mini.patients[1]}.html").read_text(encoding="utf-8")).text
    assert "Times in UTC−04:00." in text
    assert f"{newest.day} {newest:%b} {newest:%H:%M}" in text.partition("All labs")[2]
