"""The reviewed data files: complete, free of contradictions, and with factors that are right."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.unit_spelling import normalise_unit

FOLDER = Path(__file__).resolve().parents[2] / "data_schema"


def read(name: str):
    text = (FOLDER / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else yaml.safe_load(text)


ANALYTES = read("analytes.yaml")["analytes"]
PATHWAYS = read("pathways.yaml")["pathways"]
AXES = read("pathways.yaml")["axes"]
DRUGS = read("drugs.yaml")["drugs"]
ITEMS = read("observations.yaml")["items"]

CORE = [
    "crp",
    "ferritin",
    "il6",
    "d_dimer",
    "fibrinogen",
    "csf_serum_albumin",
    "nfl",
    "il1ra",
    "gm_csf",
]
COMPANIONS = [
    "ldh",
    "creatinine",
    "platelets",
    "hemoglobin",
    "neutrophils",
    "albumin",
    "csf_protein",
    "csf_albumin",
    "ifn_gamma",
    "tnf_alpha",
    "il10",
    "il8",
    "il15",
    "il2",
    "il18",
    "mcp1",
    "sil2r",
    "ang2",
    "ang1",
    "vwf_ag",
    "procalcitonin",
]
REQUIRED_KEYS = {
    "name", "short", "specimen", "core", "loinc", "unit", "conversions", "refused", "plausible",
    "reference", "turnaround_hours", "log", "direction", "pathway", "synonyms", "source",
}  # fmt: skip
OPTIONAL_KEYS = {
    "loinc_units", "floor", "reference_by_age", "usual", "detection", "evidence", "signed",
}  # fmt: skip
every_analyte = pytest.mark.parametrize("key", ANALYTES)


def claims(entries: dict, *extra: str) -> dict[str, set[str]]:
    """Which entries answer to a name once case and separators are ignored."""
    owners = defaultdict(set)
    for key, entry in entries.items():
        for name in (key, *(entry[field] for field in extra), *entry["synonyms"]):
            owners[normalise_name(name)].add(key)
    return owners


# ---- analytes ------------------------------------------------------------------------------------


def test_the_core_analytes_come_first_and_the_companions_exist():
    assert list(ANALYTES)[: len(CORE)] == CORE
    assert [key for key, entry in ANALYTES.items() if entry["core"]] == CORE
    assert set(COMPANIONS) <= set(ANALYTES)


@every_analyte
def test_an_entry_has_the_agreed_fields(key):
    entry = ANALYTES[key]
    assert set(entry) >= REQUIRED_KEYS
    assert set(entry) <= REQUIRED_KEYS | OPTIONAL_KEYS
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", key)
    assert entry["turnaround_hours"] > 0
    assert entry["source"].strip()


def test_no_name_is_claimed_by_two_analytes():
    shared = {
        name: keys for name, keys in claims(ANALYTES, "name", "short").items() if len(keys) > 1
    }
    assert shared == {}


@every_analyte
def test_synonyms_are_lower_case_and_differ(key):
    synonyms = ANALYTES[key]["synonyms"]
    assert all(isinstance(name, str) and name == name.lower() for name in synonyms)
    assert len(set(synonyms)) == len(synonyms)
    assert all(normalise_name(name) for name in synonyms)


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("ifn_g", "ifn_gamma"),
        ("IFN-γ", "ifn_gamma"),
        ("tnf_a", "tnf_alpha"),
        ("IL-6", "il6"),
        ("neutrophil_abs", "neutrophils"),
        ("neutrophil_pct", "neutrophil_frac"),
        ("lymphocyte_abs", "lymphocytes"),
        ("lymphocyte_pct", "lymphocyte_frac"),
        ("monocytes_count", "monocytes"),
        ("alkaline_phosphatase", "alp"),
        ("direct_bilirubin", "bilirubin_direct"),
        ("serum_chloride", "chloride"),
        ("γ_glutamyl_transpeptidase", "ggt"),
        ("D-Dimer", "d_dimer"),
        ("CSF/serum albumin ratio", "csf_serum_albumin"),
    ],
)
def test_spellings_seen_in_exports_resolve(spelling, key):
    assert claims(ANALYTES, "name", "short")[normalise_name(spelling)] == {key}


def test_no_loinc_code_is_claimed_by_two_analytes():
    owners = defaultdict(set)
    for key, entry in ANALYTES.items():
        for code in entry["loinc"]:
            owners[code].add(key)
    assert {code: keys for code, keys in owners.items() if len(keys) > 1} == {}


@pytest.mark.parametrize("code", [code for entry in ANALYTES.values() for code in entry["loinc"]])
def test_a_loinc_code_carries_its_check_digit(code):
    number, check = code.split("-")
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    assert int(check) == -total % 10


@every_analyte
def test_loinc_evidence_and_units_are_stated(key):
    entry = ANALYTES[key]
    assert set(entry["loinc"].values()) <= {"verified", "unverified"}
    known = {normalise_unit(unit) for unit in (entry["unit"], *entry["conversions"])}
    for code, unit in entry.get("loinc_units", {}).items():
        assert code in entry["loinc"]
        if unit.startswith("{"):  # such a code decides a factor, so somebody must have read it
            assert entry["loinc"][code] == "verified"
        for wanted in map(normalise_unit, unit.split(" | ")):
            basis_only = re.fullmatch(r"\{[a-z]+\}", wanted) is not None
            assert wanted in known or (basis_only and any(name.endswith(wanted) for name in known))


@pytest.mark.parametrize("code", ["94505-5", "82293-6", "99771-2", "49919-4"])
def test_codes_known_to_mean_something_else_are_absent(code):
    assert all(code not in entry["loinc"] for entry in ANALYTES.values())


@every_analyte
def test_every_unit_has_one_meaning(key):
    entry = ANALYTES[key]
    legal = {entry["unit"]: 1.0}
    legal |= {unit: item["factor"] for unit, item in entry["conversions"].items()}
    assert entry["unit"] not in entry["conversions"]
    factors = {normalise_unit(unit): factor for unit, factor in legal.items()}
    assert all(factors[normalise_unit(unit)] == factor for unit, factor in legal.items())
    assert not {normalise_unit(unit) for unit in entry["refused"]} & set(factors)
    assert all(isinstance(unit, str) for unit in (entry["unit"], *entry["conversions"]))


@every_analyte
def test_conversions_are_positive_numbers_with_a_source(key):
    for item in ANALYTES[key]["conversions"].values():
        assert set(item) <= {"factor", "source", "approx"}
        assert math.isfinite(item["factor"])
        assert item["factor"] > 0
        assert item["source"].strip()
        assert item.get("approx", True) is True
    for reason in ANALYTES[key]["refused"].values():
        for_readers = reason if isinstance(reason, dict) else {"train": reason, "operator": reason}
        assert set(for_readers) == {"train", "operator"}
        assert all(len(text) > 20 for text in for_readers.values())


# Each factor again from prefixes and molar masses (g/mol), not from the file.
KILO, MILLI, MICRO, NANO, PICO = 1e3, 1e-3, 1e-6, 1e-9, 1e-12
DECI = 0.1


@pytest.mark.parametrize(
    ("key", "unit", "expected"),
    [
        ("crp", "mg/dL", (MILLI / DECI) / MILLI),
        ("crp", "nmol/L", NANO * 105_000 / MILLI),
        ("ferritin", "ug/L", MICRO / (NANO / MILLI)),
        ("ferritin", "pmol/L", PICO * 445_000 / MICRO),
        ("il6", "ng/L", NANO / (PICO / MILLI)),
        ("il6", "ng/mL", NANO / PICO),
        ("gm_csf", "fg/mL", 1e-15 / PICO),
        ("d_dimer", "ng/mL{FEU}", (NANO / MILLI) / MILLI),
        ("d_dimer", "ug/mL{FEU}", (MICRO / MILLI) / MILLI),
        ("d_dimer", "mg/L{DDU}", 2),
        ("d_dimer", "ng/mL{DDU}", 2 * (NANO / MILLI) / MILLI),
        ("d_dimer", "nmol/L", 1 / 5.476),
        ("fibrinogen", "g/L", 1 / (MILLI / DECI)),
        ("fibrinogen", "umol/L", MICRO * 340_000 / (MILLI / DECI)),
        ("csf_serum_albumin", "%", 1 / 100),
        ("csf_serum_albumin", "mg/g", MILLI),
        ("ldh", "ukat/L", 60),
        ("creatinine", "umol/L", MICRO * 113.12 / (MILLI / DECI)),
        ("platelets", "/uL", (1 / MICRO) / 1e9),
        ("platelets", "10*3/uL", (1e3 / MICRO) / 1e9),
        ("neutrophils", "cells/uL", (1 / MICRO) / 1e9),
        ("wbc", "10*6/L", 1e6 / 1e9),
        ("hemoglobin", "g/L", 1 / (1 / DECI)),
        ("hemoglobin", "mmol/L", MILLI * 16_114 / (1 / DECI)),
        ("albumin", "g/L", 1 / (1 / DECI)),
        ("albumin", "umol/L", MICRO * 66_500 / (1 / DECI)),
        ("csf_protein", "g/L", 1 / (MILLI / DECI)),
        ("csf_albumin", "mg/L", MILLI / (MILLI / DECI)),
        ("ang1", "pg/mL", PICO / NANO),
        ("vwf_ag", "IU/mL", 100),
        ("procalcitonin", "ug/L", MICRO / (NANO / MILLI)),
        ("rbc", "10*6/uL", (1e6 / MICRO) / 1e12),
        ("calcium", "mg/dL", (MILLI / DECI) / 40.078 / MILLI),
        ("glucose", "mg/dL", (MILLI / DECI) / 180.156 / MILLI),
        ("urea", "mg/dL{urea}", (MILLI / DECI) / 60.056 / MILLI),
        ("urea", "mg/dL{urea_nitrogen}", (MILLI / DECI) / (2 * 14.007) / MILLI),
        ("uric_acid", "mg/dL", (MILLI / DECI) / 168.11 / MICRO),
        ("bilirubin_total", "mg/dL", (MILLI / DECI) / 584.66 / MICRO),
        ("triglyceride", "mg/dL", (MILLI / DECI) / 885.7 / MILLI),
        ("total_cholesterol", "mg/dL", (MILLI / DECI) / 386.65 / MILLI),
        ("prealbumin", "mg/dL", (MILLI / DECI) / MILLI),
        ("bnp", "pmol/L", PICO * 3464 / (PICO / MILLI)),
        ("nt_probnp", "pmol/L", PICO * 8457 / (PICO / MILLI)),
        ("hs_troponin_i", "ng/mL", (NANO / MILLI) / NANO),
        ("fdp", "ug/mL", (MICRO / MILLI) / MILLI),
        ("total_protein", "g/L", 1 / (1 / DECI)),
        ("neutrophil_frac", "%", 1 / 100),
    ],
)
def test_a_factor_agrees_with_prefixes_and_molar_masses(key, unit, expected):
    assert ANALYTES[key]["conversions"][unit]["factor"] == pytest.approx(expected, rel=2e-3)


def test_d_dimer_needs_its_basis():
    entry = ANALYTES["d_dimer"]
    assert entry["unit"] == "mg/L{FEU}"
    for unit, item in entry["conversions"].items():
        basis = [name for name in ("FEU", "DDU") if name in unit]
        assert basis or unit == "nmol/L"
        assert item.get("approx", False) == (basis != ["FEU"])
    for unit in ("mg/L", "ug/mL", "ng/mL", "ug/L"):
        reasons = entry["refused"][unit]
        assert all("FEU" in text and "DDU" in text for text in reasons.values())
        assert "cohort.assume_units" in reasons["train"]
        assert "cohort." not in reasons["operator"]
        assert entry["conversions"].keys() >= {f"{unit}{{DDU}}"}
    bases = {code: basis.strip("{}") for code, basis in entry["loinc_units"].items()}
    assert bases["48065-7"] == "FEU"
    assert bases["48066-5"] == "DDU"


def test_international_units_are_refused_where_they_mean_activity():
    for key in ("il6", "ferritin", "ifn_gamma", "gm_csf", "il1ra", "sil2r"):
        assert "IU/mL" in ANALYTES[key]["refused"]
    assert "cohort" in ANALYTES["sil2r"]["refused"]["U/mL"]
    assert ANALYTES["csf_serum_albumin"]["loinc_units"] == {
        "1756-6": "% | 10*-3 | x10*-3 | x1000 | mg/g"
    }


@every_analyte
def test_plausible_holds_the_reference_range_and_the_floor(key):
    entry = ANALYTES[key]
    low, high = entry["plausible"]
    assert low < high
    assert low >= 0 or entry.get("signed", False)
    assert not (entry["log"] and entry.get("signed", False))
    if entry["reference"] is not None:
        normal_low, normal_high = entry["reference"]
        assert normal_low < normal_high
        assert normal_high <= high
        # a limit of 0 only says that there is no lower limit
        assert low <= normal_low or normal_low == 0
    assert entry["log"] == ("floor" in entry)
    if entry["log"]:
        assert 0 < entry["floor"] < high
        assert entry["reference"] is None or entry["floor"] <= entry["reference"][1]


def test_the_code_for_missing_is_not_a_platelet_count():
    assert ANALYTES["platelets"]["plausible"][0] > -1


@every_analyte
def test_directions_are_up_or_down_on_known_scales(key):
    direction = ANALYTES[key]["direction"]
    assert set(direction) <= {"crs", "icans"}
    assert set(direction.values()) <= {"up", "down"}
    # a direction without its evidence, or evidence for none, is a slip of the reviewer
    assert set(ANALYTES[key].get("evidence", {})) == set(direction)


@every_analyte
def test_usual_medians_and_detection_limits_lie_within_the_plausible_range(key):
    entry = ANALYTES[key]
    low, high = entry["plausible"]
    if entry["core"] or key in COMPANIONS:
        assert "usual" in entry
    if "usual" in entry:
        assert low <= entry["usual"][0] < entry["usual"][1] <= high
    for end in ("lower", "upper"):
        limits = entry.get("detection", {}).get(end, [])
        assert limits == sorted(limits)
        assert all(0 < limit <= high for limit in limits)


def test_age_bands_rise_and_do_not_overlap():
    assert "reference_by_age" in ANALYTES["nfl"]
    for entry in ANALYTES.values():
        bands = entry.get("reference_by_age", [])
        for band in bands:
            assert band["from"] <= band["to"]
        for younger, older in itertools.pairwise(bands):
            assert younger["to"] < older["from"]
            assert younger["high"] < older["high"] or older["from"] <= 10  # NfL falls in children


def test_directions_where_the_evidence_is_one_sided():
    for key in ("crp", "ferritin", "il6", "ifn_gamma", "il10", "il2", "d_dimer", "ldh"):
        assert ANALYTES[key]["direction"]["crs"] == "up"
    for key in ("platelets", "albumin"):
        assert ANALYTES[key]["direction"]["crs"] == "down"
    for key in ("fibrinogen", "creatinine"):
        assert ANALYTES[key]["direction"] == {}


# ---- pathways ------------------------------------------------------------------------------------


def test_pathways_are_the_agreed_ones_in_order():
    assert list(PATHWAYS) == [
        "inflammation",
        "macrophage",
        "coagulation_endothelium",
        "blood_brain_barrier",
        "neuronal_injury",
        "myeloid_il1_gmcsf",
        "organ_function",
        "host_product",
        "clinical_state",
        "treatments",
        "measurement",
    ]
    assert [entry["order"] for entry in PATHWAYS.values()] == list(range(1, len(PATHWAYS) + 1))
    for entry in PATHWAYS.values():
        assert set(entry) == {"name", "words", "order"}
        assert not entry["words"].endswith(".")


def test_axes_hold_each_pathway_once_and_the_nine_core_analytes():
    held = [pathway for entry in AXES.values() for pathway in entry["pathways"]]
    assert len(held) == len(set(held))
    assert set(held) <= set(PATHWAYS)
    assert {ANALYTES[key]["pathway"] for key in CORE} <= set(held)
    for entry in AXES.values():
        assert set(entry) == {"name", "pathways", "mainly"}


@every_analyte
def test_the_pathway_of_an_analyte_exists(key):
    assert ANALYTES[key]["pathway"] in PATHWAYS
    assert ANALYTES[key]["pathway"] not in ("clinical_state", "treatments", "measurement")


# ---- drugs ---------------------------------------------------------------------------------------

CLASSES = {
    "il6_receptor_blocker", "il6_binder", "il1_blocker", "corticosteroid", "ifng_blocker",
    "jak_inhibitor", "g_csf", "vasopressor", "blood_product", "antipyretic", "gm_csf",
    "gm_csf_blocker", "tyrosine_kinase_inhibitor", "topoisomerase_inhibitor", "asparaginase",
    "heparin", "plasma_exchange",
}  # fmt: skip


def test_drug_entries_are_complete_and_unambiguous():
    for entry in DRUGS.values():
        assert {"name", "class", "synonyms", "feature", "effects", "source"} <= set(entry)
        assert entry["class"] in CLASSES
        assert all(isinstance(name, str) and name == name.lower() for name in entry["synonyms"])
    shared = {name: keys for name, keys in claims(DRUGS, "name").items() if len(keys) > 1}
    assert shared == {}


def test_drugs_that_belong_to_grading_are_never_features_and_all_others_are():
    for entry in DRUGS.values():
        assert entry["feature"] is (entry["class"] not in ("vasopressor", "antipyretic"))
    present = {key for key, entry in DRUGS.items() if entry["class"] == "vasopressor"}
    assert present >= {
        "norepinephrine", "epinephrine", "vasopressin", "phenylephrine", "dopamine", "dobutamine",
    }  # fmt: skip
    assert DRUGS["vasopressin"]["vasopressin_like"]
    assert not DRUGS["norepinephrine"].get("vasopressin_like", False)


def test_steroid_equivalents_follow_the_textbook_doses():
    equal_doses = {
        "dexamethasone": 0.75, "methylprednisolone": 4, "prednisone": 5, "prednisolone": 5,
        "hydrocortisone": 20,
    }  # fmt: skip
    stated = {
        key: entry["dex_equivalent"] for key, entry in DRUGS.items() if "dex_equivalent" in entry
    }
    assert stated == pytest.approx({key: 0.75 / dose for key, dose in equal_doses.items()})
    assert {DRUGS[key]["class"] for key in stated} == {"corticosteroid"}


def test_effects_of_drugs_name_analytes_and_durations():
    for entry in DRUGS.values():
        for analyte, effect in entry["effects"].items():
            assert analyte in ANALYTES
            assert {"kind", "for_hours", "words"} <= set(effect) <= {
                "kind", "for_hours", "words", "channel",
            }  # fmt: skip
            assert effect.get("channel", "post_il6r") in read("drugs.yaml")["channels"]
            assert effect["kind"] in ("invalid", "altered", "exogenous")
            assert effect["for_hours"] is None or effect["for_hours"] > 0
    assert DRUGS["anakinra"]["effects"]["il1ra"]["kind"] == "invalid"
    assert DRUGS["tocilizumab"]["effects"]["il6"]["kind"] == "altered"
    assert DRUGS["sargramostim"]["effects"]["gm_csf"]["kind"] == "invalid"
    assert DRUGS["lenzilumab"]["effects"]["gm_csf"]["kind"] == "invalid"
    assert {"asparaginase", "plasma_exchange"} <= {
        key for key, entry in DRUGS.items() if "fibrinogen" in entry["effects"]
    }


def test_a_class_without_a_drug_has_the_class_of_one_and_no_strength():
    named = {entry["class"] for entry in DRUGS.values() if not entry.get("unnamed")}
    unnamed = {key: entry for key, entry in DRUGS.items() if entry.get("unnamed")}
    assert {"corticosteroid", "il6_receptor_blockade", "il1_blockade"} <= set(unnamed)
    for entry in unnamed.values():
        assert {entry["class"], *entry.get("covers", ())} <= named
        assert "dex_equivalent" not in entry


# ---- observations --------------------------------------------------------------------------------

ICE_PARTS = ["ice_orientation", "ice_naming", "ice_command", "ice_writing", "ice_attention"]


def test_the_items_of_the_grading_tables_are_there():
    assert set(ITEMS) == {
        "temperature_c", "antipyretic", "hypotension", "vasopressor", "oxygen_device",
        "oxygen_flow_l_min", "ice_score", *ICE_PARTS, "capd_score", "consciousness", "seizure",
        "motor_deficit", "cerebral_edema",
    }  # fmt: skip


@pytest.mark.parametrize("item", ITEMS)
def test_an_item_says_what_is_legal(item):
    entry = ITEMS[item]
    assert entry["kind"] in ("number", "category", "drug")
    assert entry["words"].strip()
    if entry["kind"] == "number":
        low, high = entry["range"]
        assert low < high
    else:
        assert all(isinstance(value, str) and value == value.lower() for value in entry["values"])
    if entry["kind"] == "drug":
        assert entry["drug_class"] in CLASSES


def test_ice_is_the_sum_of_its_parts():
    assert [ITEMS[part]["range"][1] for part in ICE_PARTS] == [4, 3, 1, 1, 1]
    assert ITEMS["ice_score"]["range"] == [0, sum(ITEMS[part]["range"][1] for part in ICE_PARTS)]


# ---- table schemas -------------------------------------------------------------------------------


def both(*clocks: str) -> list[str]:
    return [f"{clock}_{suffix}" for clock in clocks for suffix in ("hours", "at", "days")]


INPUT_COLUMNS = {
    "patients": [
        "patient_id", "infusion_time", "episode", "product", "site", "age_years", "sex", "disease",
        "dose_cells", "n_prior_lines",
        *both("record_end", "followed_until", "death", "second_infusion", "new_therapy"),
    ],
    "labs": [
        "patient_id", "analyte", "value", "unit", *both("collected", "resulted"), "loinc",
        "specimen", "status", "lloq", "uloq", "ref_low", "ref_high", "assay",
    ],
    "treatments": ["patient_id", "drug", *both("given"), "dose", "unit", "route", "intent"],
    "observations": ["patient_id", "item", "value", *both("observed")],
    "assessments": ["patient_id", "scale", "grade", *both("assessed"), "grading_system"],
}  # fmt: skip
REQUIRED_COLUMNS = {
    "patients": ["patient_id"],
    "labs": ["patient_id", "analyte", "value", "unit"],
    "treatments": ["patient_id", "drug"],
    "observations": ["patient_id", "item", "value"],
    "assessments": ["patient_id", "scale", "grade"],
}
CLOCKS = {
    "patients": ([], ["record_end", "followed_until", "death", "second_infusion", "new_therapy"]),
    "labs": (["collected"], ["resulted"]),
    "treatments": (["given"], []),
    "observations": (["observed"], []),
    "assessments": (["assessed"], []),
}
OUTPUT_COLUMNS = {
    "predictions": [
        "patient_id",
        "landmark_hours",
        "landmark_at",
        "infusion_day",
        "outcome",
        "horizon_h",
        "status",
        "status_reason",
        "risk",
        "risk_lo",
        "risk_hi",
        "interval_level",
        "base_rate",
        "base_rate_n",
        "ratio_to_base",
        "state_used",
        "n_labs_24h",
        "analytes_present",
        "analytes_stale",
        "newest_lab_hours",
        "out_of_range",
        "top_1",
        "top_2",
        "top_3",
        "model_name",
        "model_version",
        "bundle_sha",
        "schema_version",
    ],
    "explanations": [
        "patient_id",
        "landmark_hours",
        "outcome",
        "horizon_h",
        "level",
        "name",
        "pathway",
        "points",
        "reference_risk",
        "risk",
        "value",
        "unit",
        "collected_hours",
        "sentence",
    ],
    "rejects": ["file", "row", "column", "value", "code", "reason", "remedy"],
}
FIELD_TYPES = {"string", "number", "integer", "boolean", "datetime"}


def columns(table: str) -> list[str]:
    return [field["name"] for field in read(f"{table}.json")["fields"]]


@pytest.mark.parametrize("table", [*INPUT_COLUMNS, *OUTPUT_COLUMNS])
def test_a_schema_lists_the_agreed_columns_in_order(table):
    assert columns(table) == {**INPUT_COLUMNS, **OUTPUT_COLUMNS}[table]
    content = read(f"{table}.json")
    assert content["title"]
    assert content["description"]
    for field in content["fields"]:
        assert field["type"] in FIELD_TYPES
        assert field["description"]
        enum = field.get("constraints", {}).get("enum", [])
        assert all(value == value.lower() for value in enum)


@pytest.mark.parametrize("table", INPUT_COLUMNS)
def test_required_columns_and_clocks_are_the_agreed_ones(table):
    content = read(f"{table}.json")
    fields = {field["name"]: field for field in content["fields"]}
    required = [
        name for name, field in fields.items() if field.get("constraints", {}).get("required")
    ]
    assert required == REQUIRED_COLUMNS[table]
    needed, optional = CLOCKS[table]
    assert (content["requiredClocks"], content["optionalClocks"]) == (needed, optional)
    clocked = {name: field["clock"] for name, field in fields.items() if "clock" in field}
    assert clocked == {name: name.rsplit("_", 1)[0] for name in both(*needed, *optional)}
    for name in clocked:
        assert fields[name]["type"] == ("datetime" if name.endswith("_at") else "number")


def test_only_lab_values_and_units_may_be_blank():
    blank = {
        (table, field["name"])
        for table in INPUT_COLUMNS
        for field in read(f"{table}.json")["fields"]
        if field.get("mayBeBlank")
    }
    assert blank == {("labs", "value"), ("labs", "unit")}


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("labs", "status", ["preliminary", "final", "corrected", "cancelled", "entered-in-error"]),
        ("treatments", "intent", ["prophylaxis", "therapy"]),
        ("assessments", "grading_system", ["astct", "lee2014", "penn", "ctcae"]),
        ("predictions", "status", ["ok", "abstained", "event_present", "rejected"]),
        ("explanations", "level", ["pathway", "analyte", "contrast"]),
    ],
)
def test_words_that_a_column_may_hold(table, column, values):
    field = next(item for item in read(f"{table}.json")["fields"] if item["name"] == column)
    assert field["constraints"]["enum"] == values


def test_patients_and_scales():
    assert read("patients.json")["primaryKey"] == ["patient_id", "episode"]
    assert read("assessments.json")["scales"] == {
        "crs": [0, 1, 2, 3, 4, 5],
        "icans": [0, 1, 2, 3, 4, 5],
        "hlh": [0, 1],
        "iec_hs": [0, 1, 2, 3, 4, 5],
        "death": [0, 1],
    }
