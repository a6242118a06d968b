"""How an input is read where that differs from training: files, then --tz, nothing else."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.config_cohort import READING, CohortConfig
from pipeline.errors import UsageError
from pipeline.predict.reading_options import reading_options, with_reading
from tests.builders import make_config
from tests.conftest import edit, read_predictions


def written(folder, text, name="r.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_later_files_win_and_the_zone_over_them(tmp_path) -> None:
    first = written(tmp_path, "cohort: {date_order: day_first, time_zone: Asia/Tokyo}\n", "a.yaml")
    second = written(tmp_path, "cohort: {date_order: month_first}\n", "b.yaml")
    config = make_config()
    result = with_reading(config, [first, second], "Europe/Berlin", command="predict").cohort
    assert (result.date_order, result.time_zone) == ("month_first", "Europe/Berlin")
    assert result.host_columns == config.cohort.host_columns
    options = reading_options(config.cohort, result)
    assert set(options.differs_from_training) == {"date_order", "time_zone"}
    assert set(options.settings) == set(READING)
    json.dumps(options.summary())


def test_units_are_added_to_those_of_training(tmp_path) -> None:
    trained = make_config()
    cohort = trained.cohort.model_copy(update={"assume_units": {"crp": {"mg/dl": "mg/dL"}}})
    path = written(tmp_path, "cohort: {assume_units: {d_dimer: {mg/L: 'mg/L{FEU}'}}}\n")
    config = trained.model_copy(update={"cohort": cohort})
    result = with_reading(config, [path], None, command="predict").cohort
    assert set(result.assume_units) == {"crp", "d_dimer"}


def test_what_belongs_to_training_is_reported_as_unused(tmp_path, caplog) -> None:
    text = "seed: 5\ncohort: {date_order: day_first, extra_analytes: accept}\nmonitor: {psi: 0.5}\n"
    path, config = written(tmp_path, text), make_config()
    result = with_reading(config, [path], None, command="monitor", sections=["monitor"])
    warned = caplog.text
    assert "seed and cohort.extra_analytes" in warned
    assert result.seed == config.seed
    assert result.cohort.extra_analytes == "reject"


@pytest.mark.parametrize(
    ("text", "zone", "named"),
    [
        ("cohort: {date_oder: day_first}\n", None, "date_oder"),
        ("cohort: {date_order: year_first}\n", None, "date_order"),
        ("cohort: {}\n", "Mars/Olympus", "Mars"),
        ("- 1\n", None, "mapping"),
    ],
)
def test_what_cannot_be_used_is_a_usage_error(tmp_path, text, zone, named) -> None:
    with pytest.raises(UsageError, match=named):
        with_reading(make_config(), [written(tmp_path, text)], zone, command="predict")


def test_nothing_stated_differs_in_nothing() -> None:
    assert reading_options(CohortConfig(), CohortConfig()).differs_from_training == ()


def other_habits(batch):
    """The batch as a hospital writes it that has month first, AM and PM, and decimal commas."""
    for path in batch.glob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        clocks = [name for name in table if name.endswith("_at") or name == "infusion_time"]
        times = {
            name: pd.to_datetime(table[name], utc=True)
            .dt.strftime("%m/%d/%Y %I:%M:%S %p")
            .fillna("")
            for name in clocks
        }
        table.assign(**times).to_csv(path, index=False)
    edit(
        batch / "labs.csv",
        lambda rows: rows.assign(value=rows["value"].str.replace(".", ",", regex=False)),
    )


def test_a_batch_of_other_habits_is_scored_alike_and_says_how(
    mini, predict, batch, tmp_path, capsys
) -> None:
    plain = read_predictions(predict(batch, "--no-pages", out=tmp_path / "plain")[1])
    other_habits(batch)
    capsys.readouterr()
    code, _ = predict(batch, "--no-pages", "--tz", "UTC", out=tmp_path / "refused")
    assert code == 3
    assert "cohort.date_order with --config" in capsys.readouterr().err
    text = "cohort: {date_order: month_first, decimal_comma: true, time_zone: UTC}\n"
    stated = ["--config", str(written(tmp_path, text))]
    code, out = predict(batch, "--no-pages", *stated)
    output = capsys.readouterr().out
    assert code == 0
    pd.testing.assert_frame_equal(read_predictions(out), plain)
    assert "differs from training: time_zone, date_order and decimal_comma" in output
    reading = json.loads((out / "run_summary.json").read_text())["reading"]
    assert reading["settings"]["date_order"] == "month_first"
    assert set(reading["differs_from_training"]) == {"date_order", "decimal_comma", "time_zone"}

    assert predict(batch, "--no-pages", *stated)[0] == 0
    assert "already holds" in capsys.readouterr().out
    for changed in ([], [*stated, "--tz", "Asia/Tokyo"]):
        assert predict(batch, "--no-pages", *changed)[0] == 2  # never answered with an old result
        assert "already holds this result" not in capsys.readouterr().out

    place = tmp_path / "watched"
    arguments = ["--input", str(batch), "--out", str(place), "--model", str(mini.bundle)]
    assert main(["monitor", *arguments, *stated, "--quiet"]) in (0, 6)
    document = json.loads((place / "monitor.json").read_text())
    assert document["reading"] == reading
    assert document["results_refused"] == 0
