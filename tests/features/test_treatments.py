"""Doses before the landmark against a plain loop, and their sum as dexamethasone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config_cohort import CohortConfig
from pipeline.features.build import build_features
from pipeline.features.treatments import UNITS, drug_classes, treatment_features, treatment_meta
from pipeline.reading.reader import read_cohort
from pipeline.resources import schema_yaml
from tests.builders import at, make_cohort, make_spec

SPEC = make_spec()
DOSED = make_spec(treatment_statistics=tuple(UNITS))
NAN = float("nan")

CLASSES = {
    "dexamethasone": "corticosteroid",
    "methylprednisolone": "corticosteroid",
    "tocilizumab": "il6_receptor_blocker",
}


@settings(deadline=None, max_examples=30)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from([*CLASSES, "norepinephrine", "filgrastim", "something_else"]),
            st.integers(-10, 40).map(lambda number: 6.0 * number),
        ),
        max_size=15,
    ),
    moment=st.integers(1, 42).map(lambda number: 6.0 * number),
)
def test_treatments_agree_with_a_plain_loop(rows, moment):
    cohort = make_cohort(2, treatments=rows)
    matrix = build_features(cohort, at((0, moment), (1, moment)), SPEC)
    for patient in (0, 1):
        for group in SPEC.drug_classes:
            doses = [
                given
                for who, drug, given in rows
                if who == patient and CLASSES.get(drug) == group and given < moment
            ]
            name = f"treat_{group}__"
            assert matrix.column(f"{name}given")[patient] == float(bool(doses))
            assert matrix.column(f"{name}n_doses")[patient] == len(doses)
            since = moment - max(doses) if doses else NAN
            np.testing.assert_equal(matrix.column(f"{name}hours_since_last")[patient], since)


def test_doses_add_up_as_dexamethasone_and_prophylaxis_is_told_from_therapy(tmp_path):
    (tmp_path / "patients.csv").write_text("patient_id,record_end_hours\nA,96\n")
    (tmp_path / "labs.csv").write_text(
        "patient_id,analyte,value,unit,collected_hours\nA,CRP,12,mg/L,20\n"
    )
    (tmp_path / "treatments.csv").write_text(
        "patient_id,drug,given_hours,dose,unit,intent\n"
        "A,dexamethasone,-2,10,mg,prophylaxis\nA,Solu-Medrol,30,1,g,therapy\n"
        "A,prednisone,50,,mg,therapy\nA,tocilizumab,40,8,mg/kg,therapy\n"
    )
    (tmp_path / "assessments.csv").write_text("patient_id,scale,grade,assessed_hours\nA,crs,0,20\n")
    cohort = read_cohort(tmp_path, CohortConfig()).cohort
    matrix = build_features(cohort, at((0, 24.0), (0, 30.0), (0, 31.0), (0, 60.0)), DOSED)
    steroid = "treat_corticosteroid__"
    np.testing.assert_allclose(matrix.column(f"{steroid}dex_mg"), [10.0, 10.0, 197.5, np.nan])
    np.testing.assert_array_equal(matrix.column(f"{steroid}prophylaxis"), [1.0, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(matrix.column(f"{steroid}therapy"), [0.0, 0.0, 1.0, 1.0])
    np.testing.assert_array_equal(matrix.column(f"{steroid}n_doses"), [1.0, 1.0, 2.0, 3.0])
    assert "treat_il6_receptor_blocker__dex_mg" not in matrix.names


def test_only_corticosteroids_have_a_dose_in_common():
    names = [meta.name for meta in treatment_meta(DOSED)]
    assert [name for name in names if name.endswith("dex_mg")] == ["treat_corticosteroid__dex_mg"]
    cohort = make_cohort(1, treatments=[(0, "tocilizumab", 3.0)])
    values = treatment_features(cohort.treatments, at((0, 24.0)), DOSED)
    assert values.shape == (1, len(names))


def test_drugs_of_grading_are_in_no_class():
    drugs = schema_yaml("drugs.yaml")["drugs"]
    assert set(drug_classes()) == {key for key, entry in drugs.items() if entry["feature"]}
    assert "norepinephrine" not in drug_classes()


def test_a_class_without_a_drug_counts_as_a_dose_of_unknown_strength():
    cohort = make_cohort(1, treatments=[(0, "dexamethasone", 5.0), (0, "corticosteroid", 10.0)])
    treatments = cohort.treatments.sort_values("given_hours").assign(dose_mg=[40.0, 10.0])
    values = treatment_features(treatments, at((0, 8), (0, 12)), DOSED)
    columns = dict(zip((meta.name for meta in treatment_meta(DOSED)), values.T, strict=True))
    expected = {"given": [1, 1], "hours_since_last": [3, 2], "n_doses": [1, 2]}
    for name, wanted in {**expected, "dex_mg": [40.0, NAN]}.items():
        np.testing.assert_allclose(columns[f"treat_corticosteroid__{name}"], wanted)
