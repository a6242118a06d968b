"""Cohort-local analytes: signed or not, on which scale, in which unit."""

import numpy as np
import pytest

from pipeline.cohort.analyte_resolver import local_analyte
from pipeline.cohort.analytes import analyte_from_dict, dictionary
from pipeline.config_cohort import CohortConfig
from pipeline.errors import UsageError
from pipeline.reading.reader import read_batch
from tests.exported import codes, lab_rows, read, read_labs, write_export, write_table

SCORE = {"score": {"signed": True, "scale": "log2", "unit": "{z}", "name": "Effector score"}}


def labs_of(result):
    labs = result.cohort.labs
    return labs[labs["analyte"] != "ldh"]


def values(result):
    return labs_of(result)["value"].tolist()


def cohort(tmp_path, *rows, columns="", **settings):
    """Read a training export of the rows and one more, so that it is never empty."""
    filler = ("ldh", "200", "U/L", 1, 2, *([""] * len(columns.split())))
    return read(write_export(tmp_path, labs=lab_rows(*rows, filler, columns=columns)), **settings)


@pytest.mark.parametrize(
    ("stated", "unit", "signed", "scale"),
    [
        ({}, "1", False, "linear"),
        ({}, "NPX", True, "log2"),
        ({}, "{z}", True, "linear"),
        ({}, "{MFI}", False, "linear"),
        ({"signed": True}, "{MFI}", True, "linear"),  # net of the background
        ({"signed": False}, "NPX", False, "log2"),
        ({"scale": "log10"}, "copies/mL", True, "log10"),
        ({"signed": True}, "mmol/L", True, "linear"),
    ],
)
def test_sign_and_scale_are_stated_or_follow_from_the_unit(stated, unit, signed, scale):
    analyte = local_analyte("x", "X", CohortConfig(local_analytes={"x": stated}), unit)
    assert (analyte.signed, analyte.scale) == (signed, scale)
    assert analyte.by_difference == (signed or scale != "linear")
    assert not analyte.log
    assert analyte_from_dict(analyte.to_dict()) == analyte


def test_negative_numbers_are_read_where_legal_and_refused_elsewhere(tmp_path):
    rows = [("score", "-0.6731", "1", 1, 2), ("crp", "-0.6731", "mg/L", 1, 2)]
    result = cohort(tmp_path, *rows, local_analytes=SCORE)
    assert values(result) == [-0.6731]
    assert codes(result) == ["value_unusable"]
    assert result.local["score"].short == "Effector score"
    assert result.local["score"].unit == "{z}"


@pytest.mark.parametrize(
    ("text", "value", "side"),
    [
        ("-1", -1.0, 0),
        ("-9", -9.0, 0),
        ("−0.5", -0.5, 0),  # a minus sign, not a hyphen
        ("+0.5", 0.5, 0),
        ("<-2.5", -2.5, -1),
        ("> -0.1", -0.1, 1),
        ("-1.5e-1", -0.15, 0),
        ("-0", 0.0, 0),
        ("-0.67 H", -0.67, 0),
    ],
)
def test_text_of_signed_results(tmp_path, text, value, side):
    labs = labs_of(cohort(tmp_path, ("score", text, "{z}", 1, 2), local_analytes=SCORE))
    assert labs[["value", "side"]].to_numpy().tolist() == [[value, side]]


@pytest.mark.parametrize("text", ["-99", "-999", "-9999", "9999"])
def test_codes_no_score_can_reach_still_mean_missing(tmp_path, text):
    assert codes(cohort(tmp_path, ("score", text, "1", 1, 2), local_analytes=SCORE)) == ["sentinel"]


def test_sentinels_that_the_configuration_states_hold_for_signed_analytes(tmp_path):
    rows = [("score", "-1", "1", 1, 2), ("score", "-9", "1", 3, 4), ("score", "-99", "1", 5, 6)]
    result = cohort(tmp_path, *rows, local_analytes=SCORE, sentinels=[-9])
    assert values(result) == [-1.0, -99.0]
    assert codes(result) == ["sentinel"]


def test_signed_analytes_of_the_dictionary(tmp_path):
    rows = [
        ("Base excess", text, "mEq/L", hour, hour)
        for hour, text in enumerate(("-4.2", "-1", "-41"))
    ]
    result = read_labs(tmp_path, *rows)
    assert values(result) == [-4.2, -1.0]
    assert codes(result) == ["implausible"]


@pytest.mark.parametrize(
    ("analyte", "unit"),
    [("il6", "NPX"), ("IL-6", "npq"), ("crp", "{z}"), ("ferritin", "MFI"), ("nfl", "z-score"),
     ("d_dimer", "RFU"), ("base_excess", "{z}")],
)  # fmt: skip
def test_a_relative_unit_is_never_a_concentration(tmp_path, analyte, unit):
    result = read_labs(tmp_path, (analyte, "4.2", unit, 1, 2), ("crp", "5", "mg/L", 1, 2))
    assert codes(result) == ["unit_refused"]
    assert values(result) == [5.0]
    rejects = cohort(tmp_path / "train", (analyte, "4.2", unit, 1, 2)).rejects
    assert rejects["reason"].str.contains("local_analytes").tolist() == [True]


def test_npx_under_a_name_of_its_own_is_read_beside_the_concentration(tmp_path):
    rows = [("IL6_NPX", "-0.4", "NPX", 1, 2), ("il6", "12", "pg/mL", 1, 2)]
    labs = labs_of(cohort(tmp_path, *rows, local_analytes=["il6_npx"]))
    assert dict(zip(labs["analyte"], labs["value"], strict=True)) == {"il6_npx": -0.4, "il6": 12.0}


def test_npx_and_concentrations_under_one_local_name_are_not_pooled(tmp_path):
    rows = [("il6", "-0.4", "NPX", 1, 2), ("il6", "12", "pg/mL", 3, 4)]
    assert set(codes(cohort(tmp_path, *rows, local_analytes=["il6"]))) == {"unit_inconsistent"}
    stated = cohort(tmp_path, *rows, local_analytes={"il6": {"unit": "NPX"}})
    assert values(stated) == [-0.4]
    assert codes(stated) == ["unit_refused"]


@pytest.mark.parametrize(
    ("unit", "read_as"),
    [("1", "{z}"), ("", "{z}"), ("z-score", "{z}"), ("NPX", None), ("mg/L", None), ("{MFI}", None)],
)
def test_a_stated_unit_in_braces_is_also_the_unit_one(tmp_path, unit, read_as):
    result = cohort(tmp_path, ("score", "0.5", unit, 1, 2), local_analytes=SCORE)
    assert codes(result) == ([] if read_as else ["unit_refused"])


def test_a_stated_concentration_is_not_assumed_of_a_blank_unit(tmp_path):
    stated = {"saa": {"unit": "mg/L"}}
    rows = [("saa", "5", "", 1, 2), ("saa", "6", "mg/L", 3, 4)]
    result = cohort(tmp_path, *rows, local_analytes=stated)
    assert (values(result), codes(result)) == ([6.0], ["unit_refused"])


def test_prediction_knows_the_sign_that_training_learned(tmp_path):
    rows = [("il6_npx", "-0.4", "NPX", 1, 2), ("score", "-2", "1", 1, 2)]
    settings = {"local_analytes": {"il6_npx": None, **SCORE}}
    trained = cohort(tmp_path / "cohort", *rows, **settings)
    batch = write_table(tmp_path / "labs.csv", lab_rows(*rows))
    scored = read_batch(batch, CohortConfig(**settings), trained.local)
    assert sorted(values(scored)) == [-2.0, -0.4]
    assert codes(scored) == []


@pytest.mark.parametrize(
    "assumed", [{"NPX": "pg/mL"}, {"{z}": "ng/mL"}, {"mfi": "pg/mL"}, {"NPX": "NPQ"}]
)
def test_no_setting_turns_a_relative_unit_into_another(tmp_path, assumed):
    with pytest.raises(UsageError, match=r"assume_units\.il6"):
        cohort(tmp_path, ("il6", "4", "NPX", 1, 2), assume_units={"il6": assumed})


def test_limits_of_signed_results(tmp_path):
    rows = [("score", "-3.2", "1", 1, 2, "-2.5", "2"), ("score", "2.5", "1", 3, 4, "-2.5", "2")]
    labs = labs_of(cohort(tmp_path, *rows, columns="lloq uloq", local_analytes=SCORE))
    assert labs[["value", "side"]].to_numpy().tolist() == [[-2.5, -1], [2.0, 1]]


def test_bundles_from_before_signed_analytes_stay_loadable():
    content = dictionary()["crp"].to_dict()
    older = {key: value for key, value in content.items() if key not in ("signed", "scale")}
    assert analyte_from_dict(older) == dictionary()["crp"]
    assert not np.any([item.signed and item.log for item in dictionary().values()])
    config = CohortConfig.model_validate({"local_analytes": ["saa"]})  # as format 2 stores it
    assert CohortConfig.model_validate(config.model_dump(mode="json")) == config
