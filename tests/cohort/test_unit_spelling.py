"""Every spelling of the rule is one unit; other spellings are not units."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.cohort.units import conversion
from pipeline.resources import schema_yaml
from tests.exported import codes, read, write_export

WORDS = schema_yaml("unit_words.yaml")


def factor(key, unit):
    return conversion(dictionary()[key], unit)[0]


COUNTS = (
    "K/mcL", "x10(3)/mcL", "TH/MM3", "Tsd./µl", "Gpt/l", "10E+03/uL", "X10E3/UL", "10x3/uL",
    "10*3 cells/uL", "Thousand/uL", "THOU/CMM", "10⁹/L", "1000/µl", "1.000/µl", "cells x10^9/L",
    "109/L", "10 9/L", "Mrd./l", "/nL", "1/nL", "10^9 L-1", "E9/L", "10**9/L", "thds / cu mm",
    "Giga/L", "k/mm³", "Tsd. Zellen/µl", "K cells per uL", "{cells}x10^3/uL", "mille/mm3", "Tsd/μl",
)  # fmt: skip


@pytest.mark.parametrize("unit", COUNTS)
def test_spellings_of_a_thousand_per_microlitre(unit):
    assert factor("platelets", unit) == 1.0


@pytest.mark.parametrize(
    ("key", "unit", "expected"),
    [
        ("neutrophils", "cells/mcL", 0.001),
        ("neutrophils", "#/uL", 0.001),
        ("neutrophils", "Zellen/µl", 0.001),
        ("neutrophils", "cellules/mm³", 0.001),
        ("neutrophils", "per cumm", 0.001),
        ("hemoglobin", "gm/dL", 1.0),
        ("hemoglobin", "g/100 mL", 1.0),
        ("hemoglobin", "g%", 1.0),
        ("hemoglobin", "Gramm/dl", 1.0),
        ("hemoglobin", "g·dL⁻¹", 1.0),
        ("ldh", "Units/L", 1.0),
        ("ldh", "Unit(s)/L", 1.0),
        ("ldh", "U/l 37°C", 1.0),
        ("ldh", "U/L (37 °C)", 1.0),
        ("ldh", "UI/L", 1.0),
        ("ldh", "I.U./L", 1.0),
        ("ldh", "E/l", 1.0),
        ("ldh", "µkat/l", 60.0),
        ("creatinine", "mcmol/L", 0.0113122),
        ("creatinine", "micromol/litre", 0.0113122),
        ("creatinine", "uM", 0.0113122),
        ("creatinine", "MG/DL", 1.0),
        ("creatinine", "Mg/dL", 1.0),
        ("creatinine", "mg per dl", 1.0),
        ("rbc", "Mio./µl", 1.0),
        ("rbc", "M/uL", 1.0),
        ("rbc", "MILL/MM3", 1.0),
        ("rbc", "Tpt/l", 1.0),
        ("il6", "picograms/mL", 1.0),
        ("il6", "pg/mL.", 1.0),
        ("d_dimer", "mcg/mL FEU", 1.0),
        ("d_dimer", "µg FEU/ml", 1.0),
        ("sodium", "mval/l", 1.0),
        ("csf_serum_albumin", "x10⁻³", 0.001),
        ("aptt", "Sek.", 1.0),
    ],
)
def test_words_of_several_countries(key, unit, expected):
    assert factor(key, unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("rbc", "m/uL"),  # no milli-cells
        ("rbc", "MM/uL"),
        ("platelets", "M/uL"),  # a million, so out of range by a thousand
        ("platelets", "mil/uL"),  # thousand or million
        ("platelets", "T/uL"),  # thousand or tera
        ("platelets", "billion/L"),
        ("platelets", "K/dL"),
        ("platelets", "10*3"),
        ("ldh", "MU/ML"),  # mega, or milli in capitals
        ("ldh", "U/l 25°C"),  # another method
        ("ldh", "e/l"),
        ("ldh", "U"),
        ("il6", "U/mL"),
        ("il6", "UI/mL"),
        ("il6", "E/ml"),
        ("sil2r", "Units/mL"),
        ("d_dimer", "mcg/mL"),
        ("d_dimer", "mg/L FEU DDU"),
        ("crp", "gr/dL"),
        ("crp", "mq/L"),
        ("hemoglobin", "g"),
        ("creatinine", "MM"),
        ("csf_serum_albumin", "10*3"),
    ],
)
def test_an_ambiguous_or_unrelated_spelling_is_refused(key, unit):
    assert math.isnan(factor(key, unit))


def test_units_and_international_units_are_two():
    assert normalise_unit("Einheiten/ml") == "u/ml"
    assert normalise_unit("IE/ml") == normalise_unit("[IU]/mL") == "iu/ml"


def test_no_word_has_two_readings():
    words = [
        (prefix + word, f"{symbol}{base}")
        for symbol, prefixes in {"": [""], **WORDS["prefixes"]}.items()
        for prefix in prefixes
        for base, bases in WORDS["bases"].items()
        for word in bases
    ]
    words += [(word, part) for part, several in WORDS["whole"].items() for word in several]
    readings = {}
    for word, meaning in words:
        assert readings.setdefault(word, meaning) == meaning
    several = [word for words in WORDS["powers"].values() for word in words]
    assert len(several) == len(set(several))


MASS = [
    (analyte.key, unit, number)
    for analyte in dictionary().values()
    for unit, number in {analyte.unit: 1.0, **analyte.conversions}.items()
    if unit.count("/") == 1
    and all(part in ("g", "mg", "ug", "ng", "pg", "fg", "L", "dL", "mL", "umol", "nmol", "mmol")
            for part in unit.split("/"))
]  # fmt: skip


def spelled(symbol):
    """Spellings of a prefixed symbol by the words of the data file."""
    base = next(base for base in ("mol", "kat", "g", "L") if symbol.endswith(base))
    prefix = symbol.removesuffix(base)
    prefixes = WORDS["prefixes"][prefix] if prefix else [""]
    return [a + b for a in prefixes for b in WORDS["bases"][base.lower()]]


@given(st.sampled_from(MASS), st.data())
def test_every_spelling_of_a_unit_of_the_dictionary_has_its_factor(case, data):
    key, unit, number = case
    above, below = (data.draw(st.sampled_from(spelled(part))) for part in unit.split("/"))
    slash = data.draw(st.sampled_from(["/", " / ", " per ", " pro ", "/ "]))
    change = data.draw(st.sampled_from([str, str.title, str.lower, str.upper]))
    frame = data.draw(st.sampled_from(["{}", "({})", "[{}]", " {} ", "{}."]))
    assert factor(key, frame.format(change(f"{above}{slash}{below}"))) == number


@given(
    st.sampled_from(["{}x10^{}/{}", "10*{1}{0}/{2}", "{0}10e{1}/{2}", "x10({1}) {0}/{2}",
                     "10E+0{1}{0} per {2}", "X 10 ^ {1} {0} / {2}"]),
    st.sampled_from(["", " cells", " Zellen", " #"]),
    st.sampled_from([(9, "L"), (9, "litre"), (3, "uL"), (3, "mcL"), (3, "mm3"), (3, "cmm"),
                     (6, "mL"), (6, "cc"), (3, "mm³")]),
)  # fmt: skip
def test_every_power_over_every_volume_is_the_same_count(form, counted, volume):
    assert factor("platelets", form.format(counted, *volume)) == 1.0


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzµ/%.^*() 0123456789", max_size=12))
def test_text_that_is_no_spelling_of_a_legal_unit_is_refused(text):
    known = {normalise_unit(unit) for unit in ("mg/L", *dictionary()["crp"].conversions)}
    assume(normalise_unit(text) not in known)
    assert math.isnan(factor("crp", text))


@pytest.mark.parametrize("unit", ["10*9/L", "ug/mL{FEU}", "mL/min/1.73m2", "µkat/l", "MU/ML"])
def test_normalising_twice_is_normalising_once(unit):
    assert normalise_unit(normalise_unit(unit)) == normalise_unit(unit)


@given(st.text(max_size=20))
def test_any_text_has_one_spelling(text):
    assert isinstance(normalise_unit(text), str)


def test_american_and_german_units_are_read_from_an_export(tmp_path):
    rows = [
        ("platelets", "181", "K/mcL", 181.0),
        ("platelets", "180", "x10(3)/mcL", 180.0),
        ("neutrophils", "3200", "cells/mcL", 3.2),
        ("hemoglobin", "11.6", "gm/dL", 11.6),
        ("ldh", "250", "Units/L", 250.0),
        ("creatinine", "97", "mcmol/L", 97 * 0.0113122),
        ("platelets", "179", "TH/MM3", 179.0),
        ("platelets", "178", "Tsd./µl", 178.0),
        ("platelets", "177", "Gpt/l", 177.0),
        ("ldh", "251", "U/l 37°C", 251.0),
        ("crp", "12", "mg/L", 12.0),
    ]
    table = [("patient_id", "analyte", "value", "unit", "collected_hours")]
    table += [("A", key, text, unit, number) for number, (key, text, unit, _) in enumerate(rows)]
    result = read(write_export(tmp_path, labs=table))
    assert codes(result) == []
    values = result.cohort.labs.sort_values("collected_hours")["value"].tolist()
    assert values == pytest.approx([value for *_, value in rows])
