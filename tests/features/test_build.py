"""One matrix from all parts: every column with its metadata, whatever is asked or missing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from pipeline import resources
from pipeline.cohort import analytes
from pipeline.cohort.analytes import dictionary
from pipeline.config import Config, FeatureConfig
from pipeline.config_cohort import CohortConfig
from pipeline.features.build import build_features, feature_metas
from pipeline.features.cell_size import MIN_PATIENTS
from pipeline.features.names import feature_sentence, parse_name
from pipeline.features.spec import learn_spec
from pipeline.reading.reader import read_cohort
from pipeline.resources import schema_yaml
from tests.builders import at, course_cohort, lab, make_cohort, make_config, make_spec

ROOT = Path(__file__).parents[2]
SPEC = make_spec()


def test_every_built_feature_has_metadata_with_a_reviewed_pathway():
    rows = [lab(0, key, 1.0, 10.0) for key in sorted(dictionary())]
    drugs = [(0, drug, 5.0) for drug in schema_yaml("drugs.yaml")["drugs"]]
    graded = [(0, "crs", 1, 12.0), (0, "icans", 0, 12.0)]
    host = {
        "age_years": [50.0] * MIN_PATIENTS,
        "sex": ["F"] * MIN_PATIENTS,
        "product": ["2nd gen. (CD28)"] * MIN_PATIENTS,
        "HCT-CI": [3.0] * MIN_PATIENTS,
        "Centre": ["North"] * MIN_PATIENTS,
    }
    cohort = make_cohort(MIN_PATIENTS, rows, graded, drugs, patients=host)
    settings = Config(
        outcomes=make_config().outcomes,
        cohort=CohortConfig(host_columns=("age_years", "sex", "HCT-CI", "Centre", "product")),
        features=FeatureConfig(windows_hours=(0.5, 24, 72)),
    )
    spec = learn_spec(cohort, settings, {})
    matrix = build_features(cohort, at((0, 24.0)), spec)
    assert matrix.metas == feature_metas(spec)
    assert len(set(matrix.names)) == len(matrix.names) == matrix.values.shape[1]
    pathways = schema_yaml("pathways.yaml")["pathways"]
    for meta in matrix.metas:
        assert parse_name(meta.name) == (meta.subject, meta.statistic, meta.window_hours)
        assert meta.pathway in pathways
        assert meta.words
        assert meta.player
    assert matrix.column("host__hct_ci")[0] == 3.0
    assert matrix.column("product__2nd_gen_cd28")[0] == 1.0
    assert matrix.column("host_centre__north")[0] == 1.0


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


def test_no_landmark_and_no_row_give_an_empty_matrix():
    assert build_features(make_cohort(1), at(), SPEC).values.shape[0] == 0
    matrix = build_features(make_cohort(1), at((0, 24.0)), SPEC)
    assert matrix.column("crp__ever_measured")[0] == 0.0
    assert matrix.column("crp__count_24h")[0] == 0.0
    assert np.isnan(matrix.column("crp__last")[0])
    bare = make_spec(analytes=(), scales=(), drugs=())
    assert build_features(make_cohort(1), at((0, 24.0)), bare).names == ["time__hours"]


def test_jobs_and_the_company_of_other_landmarks_change_no_bit():
    cohort = course_cohort(9, days=4)
    spec = make_spec(analytes=("crp", "ferritin"))
    landmarks = at(*[(who, 24.0 * day) for who in range(9) for day in (1, 2, 4)])
    whole = build_features(cohort, landmarks, spec)
    np.testing.assert_array_equal(
        build_features(cohort, landmarks, spec, jobs=3).values, whole.values
    )
    for row in (0, 13, 26):
        alone = build_features(cohort, landmarks.iloc[[row]], spec)
        np.testing.assert_array_equal(alone.values[0], whole.values[row])


def test_scores_stand_behind_the_features_they_are_made_of():
    labs = [lab(0, key, value, 40.0) for key, value in (("ldh", 400.0), ("platelets", 50.0))]
    spec = make_spec(analytes=("ldh", "platelets"))
    plain = build_features(make_cohort(1, labs), at((0, 48.0)), spec)
    scored = build_features(make_cohort(1, labs), at((0, 48.0)), replace(spec, scores=("s_easix",)))
    np.testing.assert_array_equal(scored.values[:, : len(plain.names)], plain.values)
    assert scored.names[len(plain.names) :] == ["score_s_easix__last"]
    assert scored.column("score_s_easix__last")[0] == 3.0  # log2(400 / 50)
