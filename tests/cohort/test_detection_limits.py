from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.detection_limits import apply_limits, infer_limits
from pipeline.config import load_config
from pipeline.config_cohort import CohortConfig
from pipeline.reading.reader import read_batch, read_cohort
from tests.exported import codes, read, write_export

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"


def labs(values, *, analyte="d_dimer", side=0, cancelled=False, patient=None):
    return pd.DataFrame(
        {
            "analyte": pd.Series([analyte] * len(values), dtype="str"),
            "value": np.asarray(values, dtype=float),
            "side": np.full(len(values), side, dtype=np.int8),
            "cancelled": cancelled,
            "patient": np.arange(len(values), dtype=np.intp) if patient is None else patient,
        }
    )


SPREAD = list(np.linspace(0.31, 20.47, 61).round(2))


def test_a_pile_at_the_top_is_a_silent_upper_limit():
    assert infer_limits(labs([*SPREAD, *[21.0] * 20])) == {"d_dimer": {"upper": 21.0}}


def test_a_pile_at_the_bottom_is_a_silent_lower_limit():
    assert infer_limits(labs([*SPREAD, *[0.19] * 20])) == {"d_dimer": {"lower": 0.19}}


def test_a_few_diluted_samples_beyond_a_limit_do_not_hide_it():
    values = [*SPREAD, *[21.0] * 40, 38.63, 60.0]
    assert infer_limits(labs(values)) == {"d_dimer": {"upper": 21.0}}


def test_a_few_values_below_a_pile_show_that_it_is_rounding_and_no_limit():
    """Monocytes of a public cohort: 104 times 0.1, but also 0.03 and 0.04."""
    values = [0.03, 0.04, *[0.1] * 104, *np.linspace(0.11, 0.9, 60).round(2)]
    assert infer_limits(labs(values, analyte="monocytes")) == {}
    assert infer_limits(labs(values[2:], analyte="monocytes")) == {"monocytes": {"lower": 0.1}}


def test_three_results_far_above_all_others_are_a_limit():
    values = [*np.linspace(1.5, 400, 200).round(1), *[5000.0] * 3]
    assert infer_limits(labs(values, analyte="il6")) == {"il6": {"upper": 5000.0}}


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("digits", [0, 1, 2])
def test_measured_values_without_a_limit_show_none(seed, digits):
    random = np.random.default_rng(seed)
    values = np.exp(random.normal(3.0, 1.2, 800)).round(digits)
    whole = random.random(800) < 0.3  # some laboratories print fewer digits
    values[whole] = values[whole].round(0)
    assert infer_limits(labs(values, analyte="crp")) == {}


@pytest.mark.parametrize("seed", range(10))
def test_a_capped_share_of_measured_values_is_found(seed):
    random = np.random.default_rng(seed)
    values = np.exp(random.normal(3.0, 1.2, 800)).round(1)
    cap = float(np.quantile(values, 0.97).round(0))
    assert infer_limits(labs(np.minimum(values, cap), analyte="crp")) == {"crp": {"upper": cap}}


def test_both_ends():
    table = pd.concat([labs([*SPREAD, *[21.0] * 9, *[0.19] * 9]), labs(SPREAD, analyte="crp")])
    assert infer_limits(table) == {"d_dimer": {"lower": 0.19, "upper": 21.0}}


@pytest.mark.parametrize(
    "table",
    [
        labs(SPREAD),
        labs([*SPREAD, *[21.0] * 2]),
        labs([*SPREAD, *[21.0] * 20], patient=0),
        labs([*SPREAD, *np.linspace(22, 40, 30), *[21.0] * 20]),
        labs([*SPREAD, *np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], 8), *[0.1] * 9, *[0.2, 0.3] * 9]),
        labs([*SPREAD, *[0.0] * 20]),
        labs([*SPREAD, *[10.0123] * 20]),
        labs([1.0] * 20 + [2.0] * 5),
        labs(np.repeat(np.arange(1, 30), 9)),
        labs([*SPREAD, *[21.0] * 20], side=1),
        labs([*SPREAD, *[21.0] * 20], cancelled=True),
        labs([]),
    ],
    ids=[
        "no pile",
        "few",
        "one patient",
        "many beyond it",
        "round numbers are common",
        "zero",
        "inside",
        "few distinct values",
        "ties everywhere",
        "already marked",
        "cancelled",
        "empty",
    ],
)
def test_no_limit_is_invented(table):
    assert infer_limits(table) == {}


def test_rare_extremes_of_a_large_table_are_no_limit():
    assert infer_limits(labs([*np.linspace(1, 20, 2000), *[21.0] * 10])) == {}


def test_limits_censor_exact_values_at_and_beyond_them():
    table = labs([0.1, 0.19, 5.0, 21.0, 30.0])
    marked = apply_limits(table, {"d_dimer": {"lower": 0.19, "upper": 21.0}})
    assert marked["value"].tolist() == [0.19, 0.19, 5.0, 21.0, 21.0]
    assert marked["side"].tolist() == [-1, -1, 0, 1, 1]
    assert marked["side"].dtype == np.int8


def test_limits_are_applied_as_learned_whatever_the_new_batch_holds():
    limits = infer_limits(labs([*SPREAD, *[21.0] * 20]))
    assert apply_limits(labs([21.0]), limits)["side"].tolist() == [1]
    assert apply_limits(labs([50.0] * 40), limits)["value"].unique().tolist() == [21.0]


def test_marked_rows_other_analytes_and_an_empty_table_stay_as_they_are():
    for table in (labs([0.1, 30.0], side=-1), labs([0.1, 30.0], analyte="crp"), labs([])):
        assert apply_limits(table, {"d_dimer": {"lower": 0.19, "upper": 21.0}}).equals(table)
        assert apply_limits(table, {}).equals(table)


def test_applying_twice_is_applying_once():
    limits = {"d_dimer": {"lower": 0.19, "upper": 21.0}}
    once = apply_limits(labs([0.1, 5.0, 30.0]), limits)
    assert apply_limits(once, limits).equals(once)


def test_applied_limits_are_not_found_again():
    table = labs([*SPREAD, *[21.0] * 20])
    assert infer_limits(apply_limits(table, infer_limits(table))) == {}


def test_every_documented_cap_of_the_public_cohort_is_found():
    if not (SHARED / "wuhan").is_dir():
        pytest.skip("public cohort wuhan is not beside this checkout")
    settings = load_config([ROOT / "configs" / "cohorts" / "wuhan.yaml"]).cohort
    limits = infer_limits(read_cohort(SHARED / "wuhan", settings).cohort.labs)
    assert limits["d_dimer"] == {"upper": 21.0}
    assert limits["il6"] == {"lower": 1.5, "upper": 5000.0}
    assert limits["il1b"]["lower"] == limits["il10"]["lower"] == 5.0
    assert limits["ldh"] == {"upper": 1867.0}
    assert limits["crp"] == {"upper": 320.0}


def of_lots(seed, caps, *, lower=False, size=400):
    """Results of several lots of one assay, each with its own limit."""
    random = np.random.default_rng(seed)
    cut = np.maximum if lower else np.minimum
    return np.concatenate([cut(np.exp(random.normal(5, 1.8, size)).round(1), cap) for cap in caps])


@pytest.mark.parametrize("caps", [(1502.0, 2501.0, 5000.0), (1472.0, 1530.0), (990.5, 2501.0)])
@pytest.mark.parametrize("seed", [3, 5])
def test_every_lot_has_its_own_upper_limit(seed, caps):
    limits = infer_limits(labs(of_lots(seed, caps), analyte="il6"))["il6"]
    assert sorted(limits.values()) == sorted(caps)
    assert limits["upper"] == max(caps)


def test_lots_have_lower_limits_too():
    values = of_lots(1, (11.7, 16.3), lower=True)
    limits = infer_limits(labs(values, analyte="il6"))["il6"]
    assert limits == {"lower": 11.7, "lower_2": 16.3}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("factor", [1.0, 0.0113122])
def test_rounded_results_without_lots_show_none(seed, factor):
    random = np.random.default_rng(seed)
    values = np.exp(random.normal(3.0, 1.5, 800)).round(2)
    for share, digits in ((0.3, 0), (0.1, -1)):
        coarse = random.random(800) < share
        values[coarse] = values[coarse].round(digits)
    values = np.minimum(values, np.quantile(values, 0.95).round(1)) * factor
    limits = infer_limits(labs(values, analyte="crp")).get("crp", {})
    assert set(limits) <= {"upper"}


def test_the_limit_of_a_lot_censors_only_results_that_equal_it():
    limits = {"il6": {"upper": 5000.0, "upper_2": 1502.0, "lower": 1.5, "lower_2": 2.0}}
    table = labs([1.0, 1.5, 1.7, 2.0, 1501.0, 1502.0, 1503.0, 5000.0, 9000.0], analyte="il6")
    marked = apply_limits(table, limits)
    assert marked["side"].tolist() == [-1, -1, 0, -1, 0, 1, 0, 1, 1]
    expected = [1.5, 1.5, 1.7, 2.0, 1501.0, 1502.0, 1503.0, 5000.0, 5000.0]
    assert marked["value"].tolist() == expected
    assert apply_limits(marked, limits).equals(marked)
    assert apply_limits(table, {"crp": limits["il6"]}).equals(table)


def test_a_limit_of_a_lot_without_one_of_the_cohort_leaves_results_beyond_it():
    marked = apply_limits(labs([1502.0, 9000.0]), {"d_dimer": {"upper_2": 1502.0}})
    assert marked["side"].tolist() == [1, 0]
    assert marked["value"].tolist() == [1502.0, 9000.0]


def word_rows(*stated, word="NEG", analyte="crp", unit="mg/L"):
    """One cohort: patients in turn have the stated results; the first has the word as well."""
    rows = [("A", analyte, word, unit, 1, 2)]
    rows += [
        ("AB"[number % 2], analyte, text, unit, 10 + number, 11 + number)
        for number, text in enumerate(stated)
    ]
    return [
        ("patient_id", "analyte", "value", "unit", "collected_hours", "resulted_hours"),
        *rows,
    ]


def test_not_detected_is_read_at_the_limit_most_results_state(tmp_path):
    stated = ["<5", "<5", "<3", "<5", "7", "2"]
    cohort = read(write_export(tmp_path, labs=word_rows(*stated)))
    first = cohort.cohort.labs.iloc[0]
    assert (first["value"], first["side"], first["limit_source"]) == (5.0, -1, "inferred")
    assert cohort.limits == {"crp": {"below": 5.0}}
    assert cohort.flags["labs.csv"] == {"limit_inferred": 1}
    # numbers stay what they are, below the limit too
    assert (2.0, 0) in zip(cohort.cohort.labs["value"], cohort.cohort.labs["side"], strict=True)
    assert apply_limits(cohort.cohort.labs, cohort.limits).equals(cohort.cohort.labs)


@pytest.mark.parametrize(
    ("stated", "word"),
    [
        (["<5", "<5", "<3", "<3"], "NEG"),  # two assays
        (["<5", "<5"], "NEG"),  # too few
        (["<5", "9", "<5", "9", "<5"], "NEG"),  # of one patient
        (["<5", "<5", "<5"], "above range"),  # of the other side
        (["7", "7", "7"], "NEG"),  # no limit at all
    ],
)
def test_a_limit_is_not_guessed(tmp_path, stated, word):
    cohort = read(write_export(tmp_path, labs=word_rows(*stated, word=word)))
    assert codes(cohort) == ["limit_unknown"]


def test_above_range_and_other_units(tmp_path):
    rows = word_rows(">30", ">30", ">30", word="above range", unit="mg/dL")
    cohort = read(write_export(tmp_path, labs=rows))
    assert cohort.limits == {"crp": {"above": 300.0}}
    assert cohort.cohort.labs.iloc[0]["side"] == 1


def test_a_batch_is_read_by_the_limits_of_training_never_by_its_own(tmp_path):
    batch = write_export(tmp_path / "batch", labs=word_rows("<9", "<9", "<9"), assessments=None)
    config = CohortConfig()
    assert codes(read_batch(batch, config, {})) == ["limit_unknown"]
    known = read_batch(batch, config, {}, limits={"crp": {"below": 5.0}})
    alone = write_export(tmp_path / "one", labs=word_rows(), patients=None, assessments=None)
    one = read_batch(alone, config, {}, limits={"crp": {"below": 5.0}})
    for result in (known, one):
        first = result.cohort.labs.iloc[0]
        assert (first["value"], first["side"], first["limit_source"]) == (5.0, -1, "inferred")
    again = read_cohort(
        write_export(tmp_path / "cohort", labs=word_rows("<9", "<9", "<9")),
        config,
        local={},
        limits={"crp": {"below": 5.0}},
    )
    assert again.cohort.labs["value"].tolist()[0] == 5.0


def test_what_a_row_or_the_config_states_comes_first(tmp_path):
    rows = word_rows("<5", "<5", "<5")
    labs = read(write_export(tmp_path, labs=rows), limits={"crp": {"lower": 4.0}}).cohort.labs
    assert (labs["value"][0], labs["limit_source"][0]) == (4.0, "stated")


def test_limits_of_signed_results_may_be_negative():
    spread = list(np.linspace(-2.4, 3.9, 91).round(2))
    limits = infer_limits(labs([-2.5] * 40 + spread + [4.1] * 40, analyte="score"))
    assert limits == {"score": {"lower": -2.5, "upper": 4.1}}
    capped = apply_limits(labs([-2.7, -2.5, 0.0, 5.0], analyte="score"), limits)
    assert capped["value"].tolist() == [-2.5, -2.5, 0.0, 4.1]
    assert capped["side"].tolist() == [-1, -1, 0, 1]
    negative = infer_limits(labs([-0.5] * 40 + list(np.linspace(-6, -0.6, 91).round(2))))
    assert negative == {"d_dimer": {"upper": -0.5}}
