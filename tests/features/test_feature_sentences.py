"""Every feature reads as a sentence in natural units; the documentation lists them all."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline import resources
from pipeline.cohort import analytes
from pipeline.cohort.analytes import dictionary
from pipeline.config import CohortConfig
from pipeline.features.build import build_features, feature_metas
from pipeline.features.catalogue import catalogue
from pipeline.features.drug_effects import drug_effects
from pipeline.features.names import feature_sentence
from pipeline.features.score_definitions import scores
from pipeline.features.spec import learn_spec
from pipeline.features.statistics import BY_NAME
from pipeline.features.treatments import UNITS
from pipeline.reading.reader import read_cohort
from pipeline.resources import schema_yaml
from tests.builders import at, make_config, make_spec

ROOT = Path(__file__).parents[2]


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
    words = schema_yaml("feature_words.yaml")
    sections = set(words) - {"schema_version", "unknown", "moved"}
    assert seen == {(section, entry) for section in sections for entry in words[section]}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("crp__last", 7.0, "CRP is 128 mg/L"),
        ("crp__delta_72h", 1.0, "CRP rose 2-fold over the last 72 h"),
        ("crp__slope_72h", -1.0, "CRP fell by 50 % per day over the last 72 h"),
        ("crp__drop_from_peak", 2.0, "CRP fell by 75 % from its highest value"),
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


def test_the_documentation_lists_every_feature_as_the_code_has_it():
    assert catalogue() in (ROOT / "docs" / "features.md").read_text(encoding="utf-8")


def test_a_new_analyte_needs_its_entry_in_the_dictionary_and_nothing_else(tmp_path, monkeypatch):
    schema = tmp_path / "data_schema"
    schema.mkdir()
    for path in (ROOT / "data_schema").iterdir():
        (schema / path.name).write_bytes(path.read_bytes())
    content = yaml.safe_load((schema / "analytes.yaml").read_text(encoding="utf-8"))
    content["analytes"]["suPAR".lower()] = {
        "name": "Soluble urokinase receptor", "short": "suPAR", "specimen": "plasma",
        "unit": "ng/mL", "plausible": [0, 100], "turnaround_hours": 24, "log": True,
        "floor": 0.1, "pathway": "inflammation", "synonyms": ["su-PAR"],
    }  # fmt: skip
    (schema / "analytes.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    caches = (
        resources.schema_yaml,
        resources.schema_json,
        analytes.dictionary,
        analytes.name_index,
    )
    monkeypatch.setattr(resources, "_ROOT", tmp_path)
    for cached in caches:
        cached.cache_clear()
    try:
        export = tmp_path / "export"
        export.mkdir()
        (export / "patients.csv").write_text("patient_id,record_end_hours\nA,96\n")
        (export / "assessments.csv").write_text(
            "patient_id,scale,grade,assessed_hours\nA,crs,0,20\n"
        )
        (export / "labs.csv").write_text(
            "patient_id,analyte,value,unit,collected_hours\nA,SU-PAR,4,ng/mL,10\n"
            "A,suPAR,8,ng/mL,30\n"
        )
        cohort = read_cohort(export, CohortConfig()).cohort
        matrix = build_features(cohort, at((0, 72.0)), learn_spec(cohort, make_config(), {}))
        assert matrix.column("supar__last")[0] == 3.0
        assert matrix.column("supar__delta_72h")[0] == 1.0
        (meta,) = (meta for meta in matrix.metas if meta.name == "supar__max_72h")
        assert feature_sentence(meta, 3.0) == "the highest suPAR in the last 72 h was 8 ng/mL"
        assert meta.pathway == "inflammation"
    finally:
        monkeypatch.undo()
        for cached in caches:
            cached.cache_clear()
