"""Headers of wide sheets: the analyte, unit and specimen that they state."""

import pytest

from pipeline.importers.lab_headers import lab_column


@pytest.mark.parametrize(
    ("name", "key", "unit"),
    [
        ("CRP (mg/L)", "crp", "mg/L"),
        ("CRP_mg_dL", "crp", "mg/dL"),
        ("crp", "crp", ""),
        ("IL-6 [pg/mL]", "il6", "pg/mL"),
        ("D-Dimer (mg/L FEU)", "d_dimer", "mg/L FEU"),
        ("D-Dimer (mg/L)", "d_dimer", "mg/L"),
        ("Ferritin, ng/mL", "ferritin", "ng/mL"),
        ("Platelets (x10^9/L)", "platelets", "x10^9/L"),
        ("2276-4", "ferritin", ""),
        ("Interleukin 6 [Mass/volume] in Serum or Plasma", "il6", ""),
        ("CRP (day 1)", "crp", ""),
        ("IL-6 (serum) [pg/mL]", "il6", "pg/mL"),
        ("IL-6 (plasma, pg/mL)", "il6", "pg/mL"),
        ("plasma_il6_pg_ml", "il6", "pg/mL"),
        ("IL-6 pg/mL serum", "il6", "pg/mL"),
        ("GM-CSF (EDTA plasma) (pg/mL)", "gm_csf", "pg/mL"),
        ("Albumin (CSF) (mg/dL)", "csf_albumin", "mg/dL"),
        ("Liquor Protein [mg/dL]", "csf_protein", "mg/dL"),
        ("CSF_albumin_mg_dL", "csf_albumin", "mg/dL"),
    ],
)
def test_a_header_has_an_analyte_and_a_unit(name, key, unit):
    lab = lab_column(name)
    assert (lab.analyte, lab.unit) == (key, unit)


@pytest.mark.parametrize("name", ["Ward", "Comment", "CRP change", "", "crp max", "WBC in Urine"])
def test_other_headers_are_no_analyte(name):
    assert lab_column(name) is None


@pytest.mark.parametrize("analyte", ["IL-6", "NfL", "LDH", "Ferritin"])
@pytest.mark.parametrize(
    "form",
    ["{} (CSF)", "Liquor {}", "{}_csf", "{} CSF (pg/mL)", "{} (CSF, pg/mL)", "{} [pg/mL] (CSF)",
     "{} (pg/mL) CSF", "BAL {}", "Urine {}", "{} (urine) mg/dL", "{} pg/mL Liquor",
     "{} [BAL] pg/mL"],
)  # fmt: skip
def test_a_header_of_another_specimen_is_no_analyte(form, analyte):
    assert lab_column(form.format(analyte)) is None


@pytest.mark.parametrize(
    ("column", "analyte", "unit"),
    [
        ("IL6_NPX", "il6_npx", "NPX"),
        ("IL-6 (NPX)", "il6_npx", "NPX"),
        ("CRP z-score", "crp_z", "{z}"),
        ("Ferritin [MFI]", "ferritin_mfi", "{MFI}"),
        ("tnf_alpha_npq", "tnf_alpha_npq", "NPQ"),
        ("IL-6 (pg/mL)", "il6", "pg/mL"),
    ],
)
def test_a_column_in_a_relative_unit_is_an_analyte_of_its_own(column, analyte, unit):
    lab = lab_column(column)
    assert (lab.analyte, lab.unit) == (analyte, unit)
