"""Feature names follow one grammar and every feature says what it is."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.analytes import dictionary
from pipeline.features.build import feature_metas
from pipeline.features.drug_effects import drug_effects
from pipeline.features.names import analyte_meta, feature_name, feature_sentence, parse_name
from pipeline.features.score_definitions import scores
from pipeline.features.statistics import BY_NAME, PLAIN, WINDOWED
from pipeline.features.treatments import UNITS
from pipeline.resources import schema_yaml
from tests.builders import make_spec

subjects = st.sampled_from(sorted(dictionary())) | st.from_regex(
    r"\A[a-z][a-z0-9]{0,4}(_[a-z0-9]{1,4}){0,2}\Z"
)


@given(
    subject=subjects,
    statistic=st.sampled_from(WINDOWED),
    window=st.sampled_from([0.5, 1, 36, 72, 2160]),
)
def test_windowed_names_come_back(subject, statistic, window):
    name = feature_name(subject, statistic, window)
    assert parse_name(name) == (subject, statistic, float(window))


@given(
    subject=subjects, statistic=st.sampled_from([*PLAIN, "grade", "n_ge1", "age_years", "car_28h"])
)
def test_plain_names_come_back(subject, statistic):
    assert parse_name(feature_name(subject, statistic)) == (subject, statistic, None)


@pytest.mark.parametrize("name", ["crp", "crp_last", "CRP__last", "__last", "crp__", "1crp__last"])
def test_names_outside_the_grammar_are_refused(name):
    with pytest.raises(ValueError, match="is not <subject>__<statistic>"):
        parse_name(name)


@pytest.fixture(scope="module")
def metas():
    keys = tuple(sorted(dictionary()))
    spec = make_spec(
        keys,
        host=(("age_years", "number"), ("sex", "sex"), ("product", "category", ("axi_cel",))),
        statistics=tuple(BY_NAME),
        effects=drug_effects(set(keys)),
        channels=("il6_post_il6r",),
        treatment_statistics=tuple(UNITS),
    )
    return feature_metas(type(spec)(**{**vars(spec), "scores": tuple(scores())}))


def test_every_feature_of_every_statistic_reads_as_a_sentence(metas):
    pathways = schema_yaml("pathways.yaml")["pathways"]
    seen = set()
    for meta in metas:
        for value in (0.0, 1.0, 2.5, -1.0, np.nan):
            flag = "cases" in schema_yaml("feature_words.yaml")[meta.section][meta.entry]
            if flag and value in (2.5, -1.0):
                continue
            text = feature_sentence(meta, value)
            assert text
            assert np.isnan(value) == text.endswith("not known")
            assert np.isnan(value) or not re.search(r"[{}]|\bnan\b|log2|None", text), text
        assert meta.pathway in pathways
        assert meta.words
        seen.add((meta.section, meta.entry))
    entries = schema_yaml("feature_words.yaml")
    sections = set(entries) - {"schema_version", "unknown", "moved"}
    assert seen == {(section, entry) for section in sections for entry in entries[section]}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("crp__last", 7.0, "CRP is 128 mg/L"),
        ("crp__delta_72h", 1.0, "CRP rose 2-fold over the last 72 h"),
        ("crp__slope_72h", -1.0, "CRP fell by 50% per day over the last 72 h"),
        ("crp__drop_from_peak", 2.0, "CRP fell by 75% from its highest value"),
        ("crp__sd_24h", 1.0, "CRP varied by a factor of 2 (SD) in the last 24 h"),
        ("albumin__delta_72h", -0.5, "Albumin fell by 0.5 g/dL over the last 72 h"),
        ("crp__last_censored", -1.0, "the last CRP is below its detection limit"),
        ("il6_post_il6r__last", 3.0, "IL-6 after IL-6 receptor blockade is 8 pg/mL"),
        ("state_crs__grade", 2.0, "CRS grade is 2"),
        (
            "treat_corticosteroid__dex_mg",
            4.0,
            "corticosteroid so far equals 4 mg of dexamethasone",
        ),
        ("host__age_years", 61.0, "age years: 61"),
        ("time__hours", 24.0, "24 h since time zero"),
        ("crp__peak", np.nan, "CRP: highest value since time zero not known"),
    ],
)
def test_sentences_speak_in_natural_units(metas, name, value, sentence):
    (meta,) = (meta for meta in metas if meta.name == name)
    assert feature_sentence(meta, value) == sentence


@pytest.mark.parametrize(
    ("statistic", "value", "number"),
    [("last", -0.67, "-0.67"), ("fold_baseline", 0.8, "0.8"), ("slope", -0.25, "0.25"),
     ("peak", 1.5, "1.5")],
)  # fmt: skip
def test_signed_values_are_told_as_numbers_and_differences(statistic, value, number):
    window = 72.0 if statistic in WINDOWED else None
    meta = analyte_meta(dictionary()["base_excess"], statistic, window)
    sentence = feature_sentence(meta, value)
    assert f"{number} mmol/L" in sentence
    assert "fold" not in sentence
    assert "log2" not in meta.unit + meta.words
