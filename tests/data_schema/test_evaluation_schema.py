"""``data_schema/evaluation.json`` describes the file that a training writes.

After a change of the types, write it again with

    python -c "import json; from pipeline.model.evaluation_report import json_schema; \
print(json.dumps(json_schema(), indent=1))" > data_schema/evaluation.json
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.model.evaluation_report import json_schema
from pipeline.resources import schema_path

TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
    "object": dict,
    "array": list,
}
UNDERSTOOD = {
    *("$ref", "$defs", "$schema", "type", "anyOf", "properties", "required"),
    *("additionalProperties", "items", "description"),
}  # fmt: skip


def schema() -> dict[str, Any]:
    return json.loads(Path(schema_path("evaluation.json")).read_text(encoding="utf-8"))


def faults(
    value: Any, part: dict[str, Any] | bool, whole: dict[str, Any], at: str
) -> Iterator[str]:
    """Where a value does not follow the schema; of JSON Schema, what this schema uses."""
    if isinstance(part, bool):
        return
    assert set(part) <= UNDERSTOOD
    if "$ref" in part:
        name = part["$ref"].removeprefix("#/$defs/")
        yield from faults(value, whole["$defs"][name], whole, at)
    if "anyOf" in part and all(list(faults(value, one, whole, at)) for one in part["anyOf"]):
        yield f"{at}: {value!r} is none of the accepted kinds"
    if "type" in part:
        named = [part["type"]] if isinstance(part["type"], str) else part["type"]
        fits = any(isinstance(value, TYPES[name]) for name in named)
        if not fits or (isinstance(value, bool) and "boolean" not in named):
            yield f"{at}: {value!r} is not {' or '.join(named)}"
    if isinstance(value, dict):
        known, other = part.get("properties", {}), part.get("additionalProperties", True)
        for name in part.get("required", ()):
            if name not in value:
                yield f"{at}/{name} is missing"
        for name, inner in value.items():
            yield from faults(inner, known.get(name, other), whole, f"{at}/{name}")
            if known and name not in known and not isinstance(other, dict):
                yield f"{at}/{name} is not described"
    if isinstance(value, list) and "items" in part:
        for number, inner in enumerate(value):
            yield from faults(inner, part["items"], whole, f"{at}/{number}")


def test_the_schema_is_that_of_the_types():
    assert schema() == json_schema()


def test_the_evaluation_of_a_training_follows_the_schema(mini):
    content = json.loads((mini.bundle / "evaluation.json").read_text(encoding="utf-8"))
    assert list(faults(content, schema(), schema(), "")) == []


@pytest.mark.parametrize(
    "content",
    [
        {"kind": 3},
        {"outcomes": {"icans": {"model": {"24": {"auroc": "0.8"}}}}},
        {"outcomes": {"icans": {"model": {"24": {"auroc_low": 0.8}}}}},
        {"outcomes": {"icans": {"within_grade": {"24": {"model": [1]}}}}},
        {"models": {"crs": {"prior": False}}},
    ],
)
def test_what_does_not_follow_the_schema_is_noticed(content):
    assert list(faults(content, schema(), schema(), ""))
