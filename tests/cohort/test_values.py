import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.values import apply_stated_limits, parse_values


def parse(text):
    return parse_values(pd.Series([text], dtype="str")).iloc[0]


@pytest.mark.parametrize(
    ("text", "value", "side"),
    [
        ("12", 12.0, 0),
        ("<0.5", 0.5, -1),
        ("< 0.5", 0.5, -1),
        ("> 300", 300.0, 1),
        (">16500", 16500.0, 1),
        ("<=5", 5.0, -1),
        ("≤5", 5.0, -1),
        (">=5", 5.0, 1),
        ("≥ 5", 5.0, 1),
        ("1.2E3", 1200.0, 0),
        ("1e-3", 0.001, 0),
        ("+4", 4.0, 0),
        (".5", 0.5, 0),
        ("5.", 5.0, 0),
        ("0", 0.0, 0),
    ],
)
def test_numbers_and_comparators(text, value, side):
    parsed = parse(text)
    assert (parsed["value"], parsed["side"], parsed["problem"]) == (value, side, "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "blank"),
        ("n/a", "no result"),
        ("nan", "no result"),
        ("inf", "not a number"),
        ("-inf", "not a number"),
        ("1e400", "not finite"),
        ("-3", "negative"),
        ("<-1", "negative"),
        ("1,5", "cohort.decimal_comma"),
        ("5-10", "not a number"),
        ("0x10", "not a number"),
        ("1_000", "not a number"),
        ("< <5", "not a number"),
        ("~5", "not a number"),
        ("12 mg/L", "not a number"),
        ("<", "not a number"),
    ],
)
def test_what_cannot_be_read_says_why_and_gives_no_number(text, words):
    parsed = parse(text)
    assert words in parsed["problem"]
    assert np.isnan(parsed["value"])


def test_minus_zero_is_zero():
    assert not np.signbit(parse("-0")["value"])


def test_the_index_of_the_cells_is_kept():
    parsed = parse_values(pd.Series(["1", "x", "1"], index=[7, 3, 5], dtype="str"))
    assert parsed.index.tolist() == [7, 3, 5]
    assert parsed["value"].fillna(-1).tolist() == [1.0, -1.0, 1.0]


def test_no_cells_give_no_values():
    assert len(parse_values(pd.Series([], dtype="str"))) == 0


@given(st.floats(min_value=0, max_value=1e12), st.sampled_from(["", "<", ">", "≤", "≥"]))
def test_printed_numbers_come_back_exactly(number, comparator):
    parsed = parse(f"{comparator}{number!r}")
    assert parsed["value"] == number
    assert parsed["side"] == {"": 0, "<": -1, "≤": -1, ">": 1, "≥": 1}[comparator]


@given(st.text())
def test_any_text_is_either_a_number_or_a_problem(text):
    parsed = parse(text.strip())
    unusable = parsed["problem"] != ""
    assert np.isnan(parsed["value"]) == (unusable or parsed["word"] != "")
    assert unusable == (parsed["code"] != "")


@pytest.mark.parametrize(
    ("text", "value", "side"),
    [
        ("1,234.5", 1234.5, 0),
        ("12,345,678", 12345678.0, 0),
        ("<1,234.5", 1234.5, -1),
        ("12.5 H", 12.5, 0),
        ("12.5*", 12.5, 0),
        ("12.5 ↑", 12.5, 0),
        ("12.5 (L)", 12.5, 0),
        (">5000 HH", 5000.0, 1),
        ("less than 0.5", 0.5, -1),
        ("Greater than or equal to 300", 300.0, 1),
        ("＜0.5", 0.5, -1),
        ("=< 5", 5.0, -1),
        ("= 5", 5.0, 0),
    ],
)
def test_spellings_of_laboratories(text, value, side):
    parsed = parse(text)
    assert (parsed["value"], parsed["side"], parsed["code"]) == (value, side, "")


@pytest.mark.parametrize(
    ("text", "decimal_comma", "value"),
    [
        ("12,3", True, 12.3),
        ("1.234,5", True, 1234.5),
        ("12.5", True, 12.5),
        ("1.234", True, None),
        ("0.549", True, 0.549),
        ("0,549", False, None),
        ("<0,5", True, 0.5),
        ("1,234", True, 1.234),
        ("1,234", False, 1234.0),
        ("12,3", False, None),
        ("1,234", None, None),
        ("12,3", None, None),
        ("1,23,4", True, None),
        ("1.2,3.4", True, None),
    ],
)
def test_a_comma_has_the_meaning_that_is_stated_or_none(text, decimal_comma, value):
    parsed = parse_values(pd.Series([text], dtype="str"), decimal_comma=decimal_comma).iloc[0]
    assert (None if np.isnan(parsed["value"]) else parsed["value"]) == value
    assert (parsed["code"] == "") == (value is not None)


@pytest.mark.parametrize("text", ["NEG", "negative", "Not detected", "undetectable", "<LOD", "BLQ"])
def test_words_for_below_an_unstated_limit(text):
    parsed = parse(text)
    assert (parsed["word"], parsed["side"], parsed["code"]) == ("below", -1, "")


@pytest.mark.parametrize(
    "text", ["-", "", "pending", "QNS", "hemolyzed", "Clotted", "#N/A", "see note", "n.d.", "NULL"]
)
def test_words_for_no_result(text):
    assert parse(text)["code"] == "no_result"


def test_a_number_from_an_unfit_sample_is_kept_and_says_so():
    for text in ("5.2 hemolyzed", "5.2 (HEMOLYZED)", "5.2 Haemolysis"):
        assert parse(text)[["value", "quality"]].tolist() == [5.2, "haemolysed"]


@pytest.mark.parametrize("text", ["-1", "9999", "9999.0", "-99", "99999", "-1.00"])
def test_codes_for_missing_are_no_numbers(text):
    cells = pd.Series([text, f"<{text.strip('-')}"], dtype="str")
    parsed = parse_values(cells, sentinels=(-1.0, -99.0, 9999.0, 99999.0))
    assert parsed["code"].tolist() == ["sentinel", ""]


@pytest.mark.parametrize("text", ["10²", "٣", "1:40", "12 apples", "++", "POS", "1.2.3", "--5"])
def test_what_only_looks_like_a_number_is_refused(text):
    assert parse(text)["code"] == "value_unusable"


def test_stated_limits_censor_exact_values_beyond_them():
    value, side = apply_stated_limits(
        pd.Series([0.2, 0.5, 3.0, 40.0, 0.1, 7.0]),
        pd.Series([0, 0, 0, 0, -1, 0], dtype="int8"),
        pd.Series([0.5, 0.5, 0.5, 0.5, 0.5, np.nan]),
        pd.Series([30.0, 30.0, 30.0, 30.0, 30.0, np.nan]),
    )
    assert value.tolist() == [0.5, 0.5, 3.0, 30.0, 0.1, 7.0]
    assert side.tolist() == [-1, 0, 0, 1, -1, 0]


@pytest.mark.parametrize(
    ("text", "value", "side"),
    [
        ("1 234", 1234.0, 0),
        ("1 234,5", 1234.5, 0),
        ("1\u202f234\u202f567,25", 1234567.25, 0),
        ("1\u2009234.5", 1234.5, 0),
        ("1'234.5", 1234.5, 0),
        ("12’345", 12345.0, 0),
        ("> 1 234", 1234.0, 1),
        ("<1'000 H", 1000.0, -1),
    ],
)
@pytest.mark.parametrize("comma", [None, True, False])
def test_thousands_apart_by_a_space_or_an_apostrophe(text, value, side, comma):
    parsed = parse_values(pd.Series([text], dtype="str"), decimal_comma=comma).iloc[0]
    assert (parsed["value"], parsed["side"], parsed["code"]) == (value, side, "")


@pytest.mark.parametrize(
    "text", ["1 23", "1 2345", "1234 567", "1 234'567", "1'23", "12 34.5", "1 234,5,6"]
)
def test_other_gaps_in_a_number_are_refused(text):
    parsed = parse_values(pd.Series([text], dtype="str")).iloc[0]
    assert parsed["code"] == "value_unusable"


PLATE = {
    "below": (
        "OOR <", "OOR<", "<OOR", "oor  <", "Below Fit Curve Range", "Below Detection Range",
        "below the measuring range", "<LLOQ", "< LLOQ", "≤ LOD", "BLD", "less than LOD", "u.NWG",
        "unter NWG", "< NWG", "unterhalb der Nachweisgrenze", "n. nachweisbar", "n.n.",
        "Nicht nachweisbar", "non détecté", "NON DETECTE", "indétectable", "< limite de détection",
        "inférieur à la limite de quantification", "Nicht Detektierbar", "Négatif",
    ),
    "above": (
        "OOR >", "OOR>", "Above Fit Curve Range", "Above Detection Range", "> ULOQ", ">ULOQ",
        "ALOQ", "OVRFLW", "OVER", "über Messbereich", "ueber Messbereich", "> Messbereich",
        "oberhalb des Messbereichs", "above standard curve", "> MB",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "word"), [(text, word) for word, texts in PLATE.items() for text in texts]
)
def test_words_of_plate_software_and_of_other_languages_are_limits(text, word):
    parsed = parse(text)
    assert (parsed["word"], parsed["code"]) == (word, "")
    assert parsed["side"] == (-1 if word == "below" else 1)


@pytest.mark.parametrize(
    "text",
    ["***", "---", "NaN", "kein Material", "folgt", "s. Bem.", "s.Bem", "en cours", "non fait",
     "NON FAIT", "geronnen", "coagulé", "hämolytisch", "HÄMOLYTISCH", "hémolysé",
     "ha\u0308molytisch", "siehe Kommentar", "prélèvement insuffisant", "entfällt", "n.b."],
)  # fmt: skip
def test_words_for_no_result_in_other_languages(text):
    assert parse(text)["code"] == "no_result"


@pytest.mark.parametrize(
    "text", ["> LLOQ", "< ULOQ", "above LOD", "OOR", "Range?", "?????", "≠5", "*", "* *", "<*"]
)
def test_a_limit_on_its_other_side_or_without_a_side_is_refused(text):
    parsed = parse(text)
    assert parsed["code"] == "value_unusable"
    assert parsed["side"] == 0


@pytest.mark.parametrize(
    ("text", "value", "side"),
    [("*12.3", 12.3, 0), ("* 8954", 8954.0, 0), ("**12", 12.0, 0), ("*<5", 5.0, -1),
     ("12.3 extrapolated", 12.3, 0), ("12.3 (Extrapoliert)", 12.3, 0)],
)  # fmt: skip
def test_an_extrapolated_number_is_used_and_flagged(text, value, side):
    parsed = parse(text)
    assert parsed[["value", "side", "quality"]].tolist() == [value, side, "extrapolated"]


@pytest.mark.parametrize("text", ["12.3*", "12.3 *", "12.3 (*)"])
def test_a_star_behind_a_number_is_no_extrapolation(text):
    assert parse(text)["quality"] == ""


@pytest.mark.parametrize(
    ("text", "value", "side"),
    [("kleiner als 5", 5.0, -1), ("unter 0.5", 0.5, -1), ("inférieur à 5", 5.0, -1),
     ("größer 300", 300.0, 1), ("groesser als 300", 300.0, 1), ("supérieur à 300", 300.0, 1),
     ("über 300", 300.0, 1), ("12.3 hämolytisch", 12.3, 0)],
)  # fmt: skip
def test_comparators_in_german_and_french(text, value, side):
    parsed = parse(text)
    assert (parsed["value"], parsed["side"], parsed["code"]) == (value, side, "")
