import pytest

from pipeline.config import Config, load_config, parse_config
from pipeline.errors import UsageError


@pytest.fixture
def write(tmp_path):
    def _write(text, name="a.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def refused(*paths):
    with pytest.raises(UsageError) as error:
        load_config(paths)
    assert error.value.exit_code == 2
    return str(error.value)


def test_the_defaults_are_complete():
    config = load_config()
    assert list(config.outcomes) == ["severe_crs", "icans", "severe_icans"]
    assert config.outcomes["severe_crs"].threshold == 3
    assert config.model.horizons_hours == (24, 48, 72, 168)
    assert config.cohort.turnaround == "dictionary"


@pytest.mark.parametrize("name", ["prcrs.yaml", "wuhan.yaml"])
def test_the_cohort_files_are_valid(name):
    from pipeline.resources import config_path

    assert load_config([config_path(f"cohorts/{name}")]).cohort.name == name.split(".")[0]


def test_an_unknown_key_is_refused_with_its_place_and_value(write):
    message = refused(write("cohort: {turn_around: none}\n"))
    assert "cohort.turn_around" in message
    assert "got 'none'" in message
    assert "a.yaml" in message


def test_every_wrong_setting_is_named_at_once(write):
    message = refused(write("seed: many\ncolour: blue\nmodel: {booster_rounds: 0}\n"))
    for part in ("seed:", "'many'", "colour:", "'blue'", "model.booster_rounds:", "got 0"):
        assert part in message


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("cohort: {grading_system: homemade}", "cohort.grading_system"),
        ("cohort: {turnaround: soon}", "cohort.turnaround"),
        ("cohort: {extra_analytes: maybe}", "cohort.extra_analytes"),
        ("landmarks: {grid_hours: 0}", "landmarks.grid_hours"),
        ("seed: -1", "seed"),
        ("outcomes: {x: {scale: crs, threshold: 0, label: X}}", "outcomes.x.threshold"),
        ("outcomes: {x: {scale: crs, label: X}}", "outcomes.x.threshold"),
        ("1: {2: 3}", "1"),
    ],
)
def test_illegal_values_are_named(write, text, phrase):
    assert phrase in refused(write(text))


@pytest.mark.parametrize(
    "horizons", ["[72, 24]", "[24, 24]", "[0, 24]", "[-24]", "[24, soon]", "[99999]", "24"]
)
def test_bad_horizons(write, horizons):
    assert "horizons_hours" in refused(write(f"model: {{horizons_hours: {horizons}}}\n"))


def test_a_later_file_wins_key_by_key(write):
    first = write("seed: 1\ncohort: {name: first, turnaround: none}\n")
    second = write("cohort: {name: second}\n", "b.yaml")
    config = load_config([first, second])
    assert (config.seed, config.cohort.name, config.cohort.turnaround) == (1, "second", "none")
    assert load_config([second, first]).cohort.name == "first"


def test_outcomes_of_a_later_file_replace_the_earlier_ones(write):
    path = write("outcomes: {death: {scale: death, threshold: 1, label: Death}}\n")
    assert list(load_config([path]).outcomes) == ["death"]


def test_an_empty_file_changes_nothing(write):
    assert load_config([write("# nothing\n")]) == load_config()


def test_the_seed_of_the_call_wins(write):
    assert load_config([write("seed: 1\n")], seed=7).seed == 7


@pytest.mark.parametrize(
    ("text", "phrase"), [("- a\n- b\n", "must hold a mapping"), ("a: [1\n", "not valid YAML")]
)
def test_a_file_that_is_no_mapping(write, text, phrase):
    assert phrase in refused(write(text))


def test_a_missing_file_and_a_binary_one(write, tmp_path):
    assert "cannot be read" in refused(tmp_path / "none.yaml")
    path = write("")
    path.write_bytes(b"\xff\xfe\x00")
    assert "cannot read" in refused(path)


def test_select_outcomes_keeps_the_named_ones():
    config = load_config().select_outcomes(["severe_icans", "severe_crs"])
    assert list(config.outcomes) == ["severe_crs", "severe_icans"]
    assert config.outcomes["severe_icans"].shown_after is None
    both = load_config().select_outcomes(["icans", "severe_icans"])
    assert both.outcomes["severe_icans"].shown_after == "icans"


def test_select_outcomes_refuses_unknown_names():
    with pytest.raises(UsageError, match=r"unknown outcome sepsis; configured are severe_crs"):
        load_config().select_outcomes(["severe_crs", "sepsis"])


def test_shown_after_must_be_an_outcome(write):
    text = "outcomes: {x: {scale: crs, threshold: 1, label: X, shown_after: y}}\n"
    assert "shown_after names 'y'" in refused(write(text))


def test_settings_survive_storage_and_their_digest_is_stable():
    config = load_config()
    again = parse_config(config.model_dump(mode="json"), source="bundle")
    assert again == config
    assert again.sha256() == config.sha256()
    assert load_config(seed=5).sha256() != config.sha256()


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValueError, match="frozen"):
        load_config().seed = 3
    assert isinstance(load_config(), Config)
