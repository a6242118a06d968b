"""Result text of lab rows to numbers in canonical units."""

import pytest

from tests.exported import codes, read_labs

GOOD = ("crp", "7", "mg/L", 3, 4)


def results(labs):
    return list(zip(labs["value"], labs["side"], strict=True))


def test_values_arrive_in_canonical_units_with_their_side(tmp_path):
    labs = read_labs(
        tmp_path,
        ("crp", "1.2", "mg/dL", 1, 2),
        ("crp", "<0.5", "mg/dL", 2, 3),
        ("crp", "> 300", "mg/L", 3, 4),
    ).cohort.labs
    assert results(labs) == [(12.0, 0), (5.0, -1), (300.0, 1)]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "no_result"),
        ("n/a", "no_result"),
        ("nan", "no_result"),
        ("inf", "value_unusable"),
        ("-inf", "value_unusable"),
        ("-3", "value_unusable"),
        ("1e999", "value_unusable"),
        ("5\x1f6", "value_unusable"),
        ("12,3", "value_unusable"),
        ("-1", "sentinel"),
        ("9999", "sentinel"),
        ("NEG", "limit_unknown"),
    ],
)
def test_unusable_values_are_refused_with_the_cell_shown(tmp_path, value, code):
    result = read_labs(tmp_path, ("crp", "7", "mg/L", 1, 2), ("crp", value, "mg/L", 1, 2))
    assert codes(result) == [code]
    if code == "limit_unknown":
        assert "below a limit that is not stated" in result.rejects["reason"][0]
        return
    assert f"'{ascii(value)[1:-1]}'" in result.rejects["reason"][0]
    assert len(result.cohort.labs) == 1


@pytest.mark.parametrize(
    ("key", "value", "unit"),
    [("crp", "900", "mg/L"), ("ferritin", "0.1", "ng/mL"), ("crp", ">5000", "mg/L")],
)
def test_implausible_concentrations_are_refused(tmp_path, key, value, unit):
    result = read_labs(tmp_path, (key, value, unit, 1, 2))
    assert codes(result) == ["implausible"]
    assert "plausible range" in result.rejects["reason"][0]


def test_a_value_below_a_limit_may_lie_under_the_plausible_range(tmp_path):
    assert codes(read_labs(tmp_path, ("ferritin", "<0.5", "ng/mL", 1, 2))) == []


def test_stated_limits_are_in_the_unit_of_their_row(tmp_path):
    labs = read_labs(
        tmp_path,
        ("crp", "0.02", "mg/dL", 1, 2, "0.05", "30"),
        ("crp", "35", "mg/dL", 2, 3, "0.05", "30"),
        ("crp", "1", "mg/dL", 3, 4, "0.05", "30"),
        ("crp", "2", "mg/dL", 4, 5, "", ""),
        columns="lloq uloq",
    ).cohort.labs
    assert labs["value"].tolist() == pytest.approx([0.5, 300.0, 10.0, 20.0])
    assert labs["side"].tolist() == [-1, 1, 0, 0]


def test_an_unreadable_limit_is_ignored_and_noted(tmp_path):
    result = read_labs(tmp_path, ("crp", "1", "mg/L", 1, 2, "low", "inf"), columns="lloq uloq")
    assert codes(result) == ["illegal_value"] * 2
    assert result.counts["labs.csv"]["cells_ignored"] == 2
    assert results(result.cohort.labs) == [(1.0, 0)]


def test_not_detected_means_below_a_limit_that_is_stated(tmp_path):
    row = ("il6", "Not detected", "pg/mL", 1, 2)
    labs = read_labs(tmp_path, (*row, "2.5"), columns="lloq").cohort.labs
    assert results(labs) == [(2.5, -1)]
    assert labs["limit_source"].tolist() == ["stated"]
    labs = read_labs(tmp_path, row, limits={"il6": {"lower": 1.5}}).cohort.labs
    assert results(labs) == [(1.5, -1)]
    above = read_labs(tmp_path, ("crp", "above range", "mg/dL", 1, 2, "30"), columns="uloq")
    assert results(above.cohort.labs) == [(300.0, 1)]


def test_configured_limits_change_no_number(tmp_path):
    labs = read_labs(tmp_path, ("crp", "3", "mg/L", 1, 2), limits={"crp": {"lower": 5}}).cohort.labs
    assert results(labs) == [(3.0, 0)]
    assert labs["limit_source"].tolist() == ["none"]


def test_sentinels_are_those_of_the_config(tmp_path):
    row = ("ferritin", "9999", "ng/mL", 1, 2)
    assert codes(read_labs(tmp_path, row)) == ["sentinel"]
    assert results(read_labs(tmp_path, row, sentinels=[-1]).cohort.labs) == [(9999.0, 0)]


def test_the_unit_of_the_row_may_stand_behind_the_number(tmp_path):
    labs = read_labs(
        tmp_path,
        ("crp", "12 mg/L", "mg/L", 1, 2),
        ("crp", "<5MG/L", "mg/l", 2, 3),
        ("wbc", "5.1 x10^9/L", "10*9/L", 3, 4),
    )
    assert results(labs.cohort.labs) == [(12.0, 0), (5.0, -1), (5.1, 0)]
    other = read_labs(tmp_path, ("crp", "12 mg/dL", "mg/L", 1, 2), ("crp", "3 mg/L", "", 1, 2))
    assert codes(other) == ["value_unusable"] * 2


def test_an_impossible_number_comes_with_the_unit_that_would_explain_it(tmp_path):
    result = read_labs(tmp_path, ("fibrinogen", "3.5", "mg/dL", 1, 2))
    assert codes(result) == ["implausible"]
    assert "usual in g/L" in result.rejects["reason"][0]


def test_an_unfit_sample_is_flagged(tmp_path):
    result = read_labs(tmp_path, ("ldh", "900 hemolyzed", "U/L", 1, 2))
    assert result.cohort.labs["flag"].tolist() == ["haemolysed"]
    assert result.flags["labs.csv"] == {"haemolysed": 1}


def test_results_of_a_plate_are_all_accounted_for_and_named(tmp_path):
    """Eleven cells of a plate: numbers, sides without a limit, and words."""
    cells = [
        *("OOR <", "*12.3", "< LLOQ", "---", "OOR >", "2110.4", "Above Fit Curve Range", "OOR <"),
        *("*8954", "***", "120.5"),
    ]
    rows = [("il6", text, "pg/mL", 10 + number, 20) for number, text in enumerate(cells)]
    result = read_labs(tmp_path, *rows)
    assert result.cohort.labs["value"].tolist() == [12.3, 2110.4, 8954.0, 120.5]
    assert result.flags["labs.csv"]["extrapolated"] == 2
    assert codes(result).count("limit_unknown") == 5
    assert codes(result).count("no_result") == 2
    unknown = result.rejects.loc[result.rejects["code"] == "limit_unknown"]
    named = zip(unknown["value"], unknown["reason"], strict=True)
    assert all(text in reason for text, reason in named)


def test_words_of_a_plate_are_read_at_the_limits_of_the_configuration(tmp_path):
    rows = [("il6", text, "pg/mL", hour, 20) for hour, text in enumerate(["OOR >", "u.NWG"], 5)]
    result = read_labs(tmp_path, *rows, limits={"il6": {"lower": 1.5, "upper": 9000.0}})
    assert result.cohort.labs[["value", "side"]].to_numpy().tolist() == [[9000.0, 1], [1.5, -1]]


@pytest.mark.parametrize(("value", "unit"), [("-0.67", "NPX"), ("-1.5", "NPQ"), ("-1", "z-score")])
def test_a_negative_number_in_a_signed_unit_is_refused_for_its_unit(tmp_path, value, unit):
    result = read_labs(tmp_path, ("il6", "7", "pg/mL", 1, 2), ("il6", value, unit, 3, 4))
    assert codes(result) == ["unit_refused"]
