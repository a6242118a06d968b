"""Converts a cohort folder into an OMOP or FHIR export."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import yaml

from pipeline.cohort.analytes import dictionary, find_key

OPERATORS = {"<": "4171756", "<=": "4171754", "": "", ">": "4172704", ">=": "4171755"}
NUMBER = re.compile(r"(<=|>=|<|>|)\s*(\d+(?:\.\d+)?)")
SITES = {"north": "1", "south": "2"}


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    names = ("patients", "labs", "treatments", "assessments")
    return {
        name: pd.read_csv(folder / f"{name}.csv", dtype="str", keep_default_na=False)
        for name in names
        if (folder / f"{name}.csv").exists()
    }


def plain(folder: Path, out: Path) -> Path:
    """The same cohort without columns that OMOP and FHIR lack, and with numbers for patients."""
    tables = read_tables(folder)
    people = tables["patients"].drop_duplicates("patient_id", keep=False)
    ids = {name: str(1000 + place) for place, name in enumerate(sorted(people["patient_id"]))}
    keep = {
        "patients": ["infusion_time", "product", "site", "age_years", "sex", "followed_until_at",
                     "death_at"],
        "labs": ["analyte", "value", "unit", "collected_at", "resulted_at", "loinc", "status"],
        "treatments": ["drug", "given_at", "dose", "unit", "route"],
        "assessments": ["scale", "grade", "assessed_at"],
    }  # fmt: skip
    out.mkdir(parents=True)
    for name, table in tables.items():
        table = table.loc[table["patient_id"].isin(ids)]
        columns = [column for column in keep[name] if column in table]
        table = table[["patient_id", *columns]]
        table = table.assign(patient_id=table["patient_id"].map(ids))
        if name == "assessments":
            table = table.loc[table["scale"].isin(["crs", "icans", "death"])]
        if name == "patients":
            table = table.assign(
                site=table["site"].map(SITES) if "site" in table else "1",
                sex=table["sex"].map({"M": "male", "F": "female"}),
            )
            if "followed_until_at" in table:
                days = table["followed_until_at"].str.slice(0, 10)
                table = table.assign(followed_until_at=days)
        table.to_csv(out / f"{name}.csv", index=False)
    return out


def without_result_times(folder: Path, out: Path) -> Path:
    """OMOP has neither result times nor versions: final results only, collection time only."""
    out.mkdir(parents=True)
    for name, table in read_tables(folder).items():
        if name == "labs":
            if "status" in table:
                table = table.loc[table["status"] == "final"]
            table = table.drop(columns=["resulted_at", "status", "loinc"], errors="ignore")
        table.to_csv(out / f"{name}.csv", index=False)
    return out


def free_codes(key: str) -> list[str]:
    """LOINC codes of an analyte that prescribe no unit."""
    analyte = dictionary().get(key)
    return [code for code in analyte.loinc if code not in analyte.loinc_units] if analyte else []


def birth(row) -> str:
    day = row.infusion_time[4:10].replace("-02-29", "-02-28")
    return f"{int(row.infusion_time[:4]) - int(row.age_years)}{day}"


def to_omop(folder: Path, out: Path, *, concepts: bool = True, parquet: bool = False) -> Path:
    tables = read_tables(folder)
    people, labs = tables["patients"], tables["labs"]
    person = [
        (row.patient_id, {"male": "8507", "female": "8532"}[row.sex], f"{birth(row)} 00:00:00",
         row.site)
        for row in people.itertuples()
    ]  # fmt: skip
    found = labs["analyte"].map(lambda name: find_key(name) or name)
    numbers = {key: str(3000001 + place) for place, key in enumerate(sorted(set(found)))}
    known = {key: free_codes(key) for key in numbers}
    split = [NUMBER.fullmatch(text) for text in labs["value"]]
    coded = sorted(key for key, codes in known.items() if concepts and codes)
    frames = {
        "person": pd.DataFrame(
            person, columns=["person_id", "gender_concept_id", "birth_datetime", "care_site_id"]
        ),
        "measurement": pd.DataFrame(
            {
                "measurement_id": range(len(labs)),
                "person_id": labs["patient_id"],
                "measurement_concept_id": found.map(
                    lambda key: numbers[key] if key in coded else "0"
                ),
                "measurement_date": labs["collected_at"].str.slice(0, 10),
                "measurement_datetime": labs["collected_at"],
                "operator_concept_id": [OPERATORS[hit[1]] if hit else "0" for hit in split],
                "value_as_number": [hit[2] if hit else "" for hit in split],
                "unit_source_value": labs["unit"],
                "measurement_source_value": labs["analyte"],
                "value_source_value": labs["value"],
            }
        ),
        "procedure_occurrence": pd.DataFrame(
            {
                "person_id": people["patient_id"],
                "procedure_concept_id": "0",
                "procedure_datetime": people["infusion_time"],
                "procedure_source_value": people["product"],
            }
        ),
    }
    if "followed_until_at" in people:
        frames["observation_period"] = pd.DataFrame(
            {
                "person_id": people["patient_id"],
                "observation_period_start_date": "2000-01-01",
                "observation_period_end_date": people["followed_until_at"],
            }
        )
    if "death_at" in people:
        dead = people.loc[people["death_at"] != ""]
        frames["death"] = pd.DataFrame(
            {"person_id": dead["patient_id"], "death_datetime": dead["death_at"]}
        )
    if "treatments" in tables:
        doses = tables["treatments"]
        frames["drug_exposure"] = pd.DataFrame(
            {
                "person_id": doses["patient_id"],
                "drug_concept_id": "0",
                "drug_exposure_start_datetime": doses["given_at"],
                "drug_source_value": doses["drug"],
                "quantity": doses.get("dose", ""),
                "dose_unit_source_value": doses.get("unit", ""),
                "route_source_value": doses.get("route", ""),
            }
        )
    if "assessments" in tables:
        grades = tables["assessments"]
        frames["observation"] = pd.DataFrame(
            {
                "person_id": grades["patient_id"],
                "observation_concept_id": "0",
                "observation_datetime": grades["assessed_at"],
                "observation_source_value": "grade of " + grades["scale"],
                "value_as_number": grades["grade"],
            }
        )
    if concepts:
        rows = [(numbers[key], "LOINC", known[key][0], dictionary()[key].name) for key in coded]
        frames["concept"] = pd.DataFrame(
            rows, columns=["concept_id", "vocabulary_id", "concept_code", "concept_name"]
        )
    out.mkdir(parents=True)
    for name, frame in frames.items():
        if parquet:
            frame.to_parquet(out / f"{name}.parquet", index=False)
        else:
            frame.to_csv(out / f"{name}.csv", index=False)
    return out


def to_fhir(folder: Path, out: Path, *, bundle: bool = False) -> Path:
    """Bulk ndjson, one file per type, or one Bundle."""
    resources = [*_fhir_people(folder), *_fhir_labs(folder), *_fhir_events(folder)]
    out.mkdir(parents=True)
    if bundle:
        entries = [{"resource": resource} for resource in resources]
        content = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        (out / "export.json").write_text(json.dumps(content), encoding="utf-8")
        return out / "export.json"
    for kind in sorted({resource["resourceType"] for resource in resources}):
        lines = [json.dumps(item) for item in resources if item["resourceType"] == kind]
        (out / f"{kind}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return out


def _fhir_people(folder: Path):
    for row in read_tables(folder)["patients"].itertuples():
        dead = {"deceasedDateTime": row.death_at} if getattr(row, "death_at", "") else {}
        yield {
            "resourceType": "Patient", "id": row.patient_id, "gender": row.sex,
            "birthDate": birth(row), **dead,
            "managingOrganization": {"reference": f"Organization/{row.site}"},
        }  # fmt: skip
        yield {
            "resourceType": "Procedure", "status": "completed", "code": {"text": row.product},
            "subject": {"reference": f"Patient/{row.patient_id}"},
            "performedDateTime": row.infusion_time,
        }  # fmt: skip


def quantity(value: str, unit: str) -> dict[str, object]:
    hit = NUMBER.fullmatch(value)
    if hit is None:
        return {"valueString": value} if value else {}
    number: object = float(hit[2]) if "." in hit[2] else int(hit[2])
    found: dict[str, object] = {"value": number, "unit": unit}
    return {"valueQuantity": {**found, **({"comparator": hit[1]} if hit[1] else {})}}


def _fhir_labs(folder: Path):
    for row in read_tables(folder)["labs"].itertuples():
        code = getattr(row, "loinc", "")
        coding = [{"system": "http://loinc.org", "code": code}] if code else []
        yield {
            "resourceType": "Observation", "status": getattr(row, "status", "") or "final",
            "code": {"coding": coding, "text": row.analyte},
            "subject": {"reference": f"Patient/{row.patient_id}"},
            "effectiveDateTime": row.collected_at, "issued": row.resulted_at,
            **quantity(row.value, row.unit),
        }  # fmt: skip


def _fhir_events(folder: Path):
    tables = read_tables(folder)
    for row in tables["assessments"].itertuples() if "assessments" in tables else ():
        yield {
            "resourceType": "Observation", "status": "final",
            "code": {"text": f"grade of {row.scale}"},
            "subject": {"reference": f"Patient/{row.patient_id}"},
            "effectiveDateTime": row.assessed_at, "valueQuantity": {"value": float(row.grade)},
        }  # fmt: skip
    for row in tables["treatments"].itertuples() if "treatments" in tables else ():
        dose = {"value": float(row.dose), "unit": row.unit} if getattr(row, "dose", "") else {}
        yield {
            "resourceType": "MedicationAdministration", "status": "completed",
            "medicationCodeableConcept": {"text": row.drug},
            "subject": {"reference": f"Patient/{row.patient_id}"},
            "effectiveDateTime": row.given_at,
            "dosage": {"dose": dose, "route": {"text": getattr(row, "route", "")}},
        }  # fmt: skip


def mapping_for(folder: Path, path: Path, shape: str = "omop", **changes: object) -> Path:
    """A confirmed mapping."""
    done, seen = {
        "omop": ("procedure_occurrence", "observation"),
        "fhir": ("Procedure", "Observation"),
    }[shape]
    tables = read_tables(folder)
    products = sorted(set(tables["patients"]["product"]))
    scales = sorted(set(tables["assessments"]["scale"])) if "assessments" in tables else []
    content = {
        "confirmed": True,
        "infusion": [
            {"table": done, "codes": [name], "product": name}
            for name in products
        ],
        "grades": [
            {"table": seen, "codes": [f"grade of {scale}"], "scale": scale}
            for scale in scales
        ],
        **changes,
    }  # fmt: skip
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path
