"""Small inputs of every command, damaged at random: only errors meant for the user may result.

``benchmarks/fuzz_inputs.py`` runs thousands of them, ``tests/reading`` a few.
"""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from pipeline.audit.runner import audit_folder
from pipeline.commands.grade import grade_command
from pipeline.commands.import_export import import_export
from pipeline.commands.pseudonymise import pseudonymise
from pipeline.config import load_config
from pipeline.config_cohort import CohortConfig
from pipeline.errors import CytocastError
from pipeline.reading.reader import read_batch, read_cohort

Files = dict[str, bytes]
HOSTILE = [
    "", " ", '"', '""', "'", ",", ";", "\t", "|", "\r", "\n", "\x00", "\ufffd", "\u2028", "a\nb",
    "NaN", "nan", "inf", "-inf", "1e999", "-1", "0", "-0", "1e-400", "9" * 400, "0x1F", "1_000",
    "1,5", "1.234,56", "<", ">", "<<5", ">=", "±3", "½", "٣", "１２", "true", "None", "NULL", "N/A",
    "=1+1", "@SUM(A1)", "../../x", "/dev/null", "%s%n", "{}", "{0}", "[]", "\\", "\\N", "$(x)",
    "0000-00-00", "9999-12-31T23:59:59Z", "0001-01-01", "2024-02-30", "2024-03-31T02:30:00",
    "2024-03-01T25:61:00", "24:00", "1/1/1", "2024-03-01T08:00:00+99:99", "1e300", "2262-04-12",
    "crp", "ＣＲＰ", "µg/L", "μg/L", "10*9/L", "10^9999/L", "patient_id", "P1", "axi-cel", "5",
    "<script>", "é" * 50, "x" * 5000, "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
]  # fmt: skip
COHORT = {
    "patients": "patient_id,infusion_time,age_years,sex,product,site,death_at\n"
    "P1,2024-03-01T08:00:00Z,61,F,axi-cel,north,\n"
    "P2,2024-03-02T08:00:00Z,44,M,tisa-cel,south,2024-03-20T08:00:00Z\n",
    "labs": "patient_id,analyte,value,unit,collected_at,resulted_at,status,lloq,loinc,specimen\n"
    "P1,CRP,12,mg/L,2024-03-02T06:00:00Z,2024-03-02T08:00:00Z,final,,1988-5,serum\n"
    'P1,ferritin,"1,200",ng/mL,2024-03-02T06:00:00Z,,final,,2276-4,\n'
    "P2,IL-6,<1.5,pg/mL,2024-03-04T06:00:00Z,,final,1.5,,\n"
    "P2,D-dimer,0.8,mg/L FEU,2024-03-04T06:00:00Z,,corrected,,,plasma\n"
    "P2,CRP,40,mg/L,2024-03-04T06:00:00Z,,final,,,\n",
    "treatments": "patient_id,drug,given_at,dose,unit,route,intent\n"
    "P1,tocilizumab,2024-03-03T06:00:00Z,560,mg,iv,therapy\n"
    "P2,dexamethasone,2024-03-04T06:00:00Z,10,mg,iv,prophylaxis\n",
    "observations": "patient_id,item,value,observed_at\n"
    "P1,temperature_c,39.1,2024-03-02T06:00:00Z\n"
    "P2,systolic_bp,88,2024-03-04T06:00:00Z\n",
    "assessments": "patient_id,scale,grade,assessed_at,grading_system\n"
    "P1,crs,1,2024-03-02T12:00:00Z,astct\n"
    "P2,icans,2,2024-03-04T12:00:00Z,astct\n",
}
WIDE = (
    "Patient;Draw;Age;CRP (mg/L);IL-6 (pg/mL);CRS\n"
    "P1;2024-03-02 06:00;61;12;<1.5;1\n"
    'P2;2024-03-03 06:00;44;"40";9,5;0\n'
)
WIDE_MAPPING = {
    "confirmed": True,
    "patient_id": "Patient",
    "collected": {"column": "Draw", "reads": "at"},
    "patients": {"Age": "age_years"},
    "labs": {
        "CRP (mg/L)": {"analyte": "crp", "unit": "mg/L"},
        "IL-6 (pg/mL)": {"analyte": "il6", "unit": "pg/mL"},
    },
    "grades": {"CRS": "crs"},
    "ignored": [],
}
OMOP = {
    "person": "person_id,year_of_birth,gender_concept_id,birth_datetime\n1,1960,8507,\n",
    "procedure_occurrence": "person_id,procedure_concept_id,procedure_datetime,"
    "procedure_source_value\n1,0,2024-03-01 10:00:00,CART\n",
    "measurement": "person_id,measurement_concept_id,measurement_datetime,operator_concept_id,"
    "value_as_number,unit_concept_id,unit_source_value,measurement_source_value,"
    "value_source_value\n"
    "1,0,2024-03-02 06:00:00,,12,,mg/L,1988-5,\n"
    "1,3020460,2024-03-03 06:00:00,4171756,5,,mg/L,CRP,<5\n",
    "observation": "person_id,observation_concept_id,observation_datetime,"
    "observation_source_value,value_as_number\n1,0,2024-03-02 12:00:00,grade of crs,2\n",
    "concept": "concept_id\tconcept_name\tvocabulary_id\tconcept_code\n"
    '3020460\tCRP "high" 5" tube\tLOINC\t1988-5\n',
    "death": "person_id,death_datetime\n1,2024-06-01 00:00:00\n",
    "observation_period": "person_id,observation_period_start_date,observation_period_end_date\n"
    "1,2020-01-01,2024-06-01\n",
}
OMOP_MAPPING = {
    "confirmed": True,
    "infusion": [{"table": "procedure_occurrence", "codes": ["CART"], "product": "axi-cel"}],
    "grades": [{"table": "observation", "codes": ["grade of crs"], "scale": "crs"}],
}
_PATIENT = {"reference": "Patient/1"}
FHIR = [
    {"resourceType": "Patient", "id": "1", "gender": "male", "birthDate": "1960-01-01"},
    {"resourceType": "Procedure", "status": "completed", "subject": _PATIENT,
     "code": {"text": "CART"}, "performedDateTime": "2024-03-01T10:00:00Z"},
    {"resourceType": "Observation", "id": "o1", "status": "final", "subject": _PATIENT,
     "code": {"coding": [{"system": "http://loinc.org", "code": "1988-5"}], "text": "CRP"},
     "effectiveDateTime": "2024-03-02T06:00:00Z", "issued": "2024-03-02T08:00:00Z",
     "valueQuantity": {"value": 12.5, "unit": "mg/L", "comparator": "<"},
     "referenceRange": [{"low": {"value": 0, "unit": "mg/L"}, "high": {"value": 5}}],
     "specimen": {"display": "serum"}},
    {"resourceType": "MedicationAdministration", "status": "completed", "subject": _PATIENT,
     "medicationCodeableConcept": {"text": "tocilizumab"},
     "effectivePeriod": {"start": "2024-03-03T06:00:00Z"},
     "dosage": {"dose": {"value": 560, "unit": "mg"}, "route": {"text": "iv"}}},
]  # fmt: skip
FHIR_MAPPING = {
    "confirmed": True,
    "infusion": [{"table": "Procedure", "codes": ["CART"], "product": "axi-cel"}],
}
AS_OF = "2024-03-09T08:00:00Z"
HOURS = CohortConfig(extra_analytes="accept", time_zone="Europe/Berlin")


def clean_inputs() -> dict[str, Files]:
    """Files of the smallest legal input of each command."""
    cohort = {f"in/{name}.csv": text.encode() for name, text in COHORT.items()}
    omop = {f"in/{name}.csv": text.encode() for name, text in OMOP.items()}
    lines = "\n".join(map(json.dumps, FHIR)) + "\n"
    bundle = {"resourceType": "Bundle", "entry": [{"resource": item} for item in FHIR]}
    key = {"secret/key": bytes(range(7, 71)).hex().encode()}
    return {
        "audit": dict(cohort),
        "train": dict(cohort),
        "predict": {name: cohort[name] for name in cohort if "assess" not in name},
        "monitor": dict(cohort),
        "grade": {name: cohort[name] for name in cohort if "labs" not in name},
        "pseudonymise": cohort | key,
        "import wide": {"in/sheet.csv": WIDE.encode(), "map.yaml": _yaml(WIDE_MAPPING)},
        "import omop": omop | {"map.yaml": _yaml(OMOP_MAPPING)},
        "import fhir ndjson": {"in/all.ndjson": lines.encode(), "map.yaml": _yaml(FHIR_MAPPING)},
        "import fhir bundle": {
            "in/all.json": json.dumps(bundle).encode(), "map.yaml": _yaml(FHIR_MAPPING)
        },
    }  # fmt: skip


def outcome_of(command: str, files: Mapping[str, bytes], folder: Path) -> str:
    """Run a command's reader on files: ``read``, or the name of the error meant for the user."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)
    try:
        READERS[command](folder)
    except CytocastError as error:
        return type(error).__name__
    return "read"


def _import(folder: Path, source: str, shape: str) -> None:
    import_export(
        folder / "in" / source, folder / "out", folder / "map.yaml", shape=shape, time_zone="UTC"
    )


READERS: Mapping[str, Callable[[Path], object]] = {
    "audit": lambda folder: audit_folder(folder / "in", load_config([])),
    "train": lambda folder: read_cohort(folder / "in", HOURS),
    "predict": lambda folder: read_batch(
        folder / "in", CohortConfig(), {}, as_of="2024-03-09T08:00:00Z"
    ),
    "monitor": lambda folder: read_batch(folder / "in", CohortConfig(), {}),
    "grade": lambda folder: grade_command(
        folder / "in", folder / "grades.csv", [], time_zone=None, force=False
    ),
    "pseudonymise": lambda folder: pseudonymise(
        folder / "in", folder / "out", folder / "secret" / "key", time_zone="UTC"
    ),
    "import wide": lambda folder: _import(folder, "sheet.csv", "wide"),
    "import omop": lambda folder: _import(folder, "", "omop"),
    "import fhir ndjson": lambda folder: _import(folder, "all.ndjson", "fhir"),
    "import fhir bundle": lambda folder: _import(folder, "all.json", "fhir"),
}


def damaged(files: Mapping[str, bytes], chance: random.Random) -> tuple[str, Files]:
    """One to three damages of one kind to one file."""
    name = chance.choice([*files])
    kinds = [*_OF_BYTES, *(_OF_JSON if "json" in name else _OF_TABLES if "csv" in name else ())]
    kind = chance.choice(kinds)
    content = files[name]
    for _ in range(chance.randint(1, 3)):
        content = (_OF_BYTES | _OF_JSON | _OF_TABLES)[kind](content, chance)
    return kind, {**files, name: content}


def _yaml(content: object) -> bytes:
    return yaml.safe_dump(content).encode()


def _bytes_flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _text_put_in(content: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(content))
    return content[:at] + _hostile(chance).encode("utf-8", "replace") + content[at:]


def _lines_cut(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    start = chance.randint(0, len(lines))
    return b"".join([*lines[:start], *lines[start + chance.randint(1, 3) :]])


def _lines_repeated(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines, *(chance.choices(lines, k=3) if lines else [])])


def _end_cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randint(0, len(content))]


def _encoded(content: bytes, chance: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(chance.choice(["utf-16", "utf-32", "utf-16-be", "cp037"]), "replace")


def _of_rows(change: Callable[[list[list[str]], random.Random], None]):
    def mutate(content: bytes, chance: random.Random) -> bytes:
        text = content.decode("utf-8", "replace")
        mark = max(",;\t", key=text.partition("\n")[0].count)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark))
        if rows and rows[0]:
            change(rows, chance)
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=mark, lineterminator="\n").writerows(rows)
        return out.getvalue().encode("utf-8", "replace")

    return mutate


def _cells_replaced(rows: list[list[str]], chance: random.Random) -> None:
    for _ in range(chance.randint(1, 4)):
        row = chance.choice(rows[1:] or rows)
        if row:
            row[chance.randrange(len(row))] = _hostile(chance)


def _column_replaced(rows: list[list[str]], chance: random.Random) -> None:
    place, text = chance.randrange(len(rows[0])), _hostile(chance)
    for row in rows[1:]:
        row[place : place + 1] = [text]


def _column_dropped(rows: list[list[str]], chance: random.Random) -> None:
    place = chance.randrange(len(rows[0]))
    for row in rows:
        del row[place : place + 1]


def _column_doubled(rows: list[list[str]], chance: random.Random) -> None:
    place, own = chance.randrange(len(rows[0])), chance.random() < 0.5
    for row in rows:
        row.extend(row[place : place + 1])
    if own:
        rows[0][-1] = _hostile(chance)


def _column_renamed(rows: list[list[str]], chance: random.Random) -> None:
    names = [name for text in COHORT.values() for name in text.partition("\n")[0].split(",")]
    rows[0][chance.randrange(len(rows[0]))] = chance.choice([_hostile(chance), *names])


def _node_replaced(content: bytes, chance: random.Random) -> bytes:
    lines = content.decode("utf-8", "replace").splitlines()
    place = chance.randrange(len(lines)) if lines else 0
    try:
        holder = {"": json.loads(lines[place])}
    except (ValueError, IndexError):
        return content
    node, key = holder, ""
    while isinstance(node[key], (dict, list)) and node[key] and chance.random() < 0.85:
        node = node[key]
        key = chance.choice([*node] if isinstance(node, dict) else range(len(node)))
    node[key] = chance.choice(
        [None, True, 0, -1.5, 1e308, [], {}, [[]], [None], {"": {}}, [node[key]], _hostile(chance)]
    )
    lines[place] = json.dumps(holder[""])
    return "\n".join(lines).encode("utf-8", "replace")


def _hostile(chance: random.Random) -> str:
    return chance.choice(HOSTILE)


_OF_BYTES = {
    "bytes flipped": _bytes_flipped,
    "text put in": _text_put_in,
    "lines cut": _lines_cut,
    "lines repeated": _lines_repeated,
    "end cut": _end_cut,
    "another encoding": _encoded,
}
_OF_TABLES = {
    "cells replaced": _of_rows(_cells_replaced),
    "cells replaced twice": _of_rows(_cells_replaced),
    "column replaced": _of_rows(_column_replaced),
    "column dropped": _of_rows(_column_dropped),
    "column doubled": _of_rows(_column_doubled),
    "column renamed": _of_rows(_column_renamed),
}
_OF_JSON = {"node replaced": _node_replaced, "nodes replaced": _node_replaced}
