"""FHIR resources from a Bundle or from ndjson files, with the place each stands at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.cohort.ledger import Ledger
from pipeline.errors import InputError

SUFFIXES = (".json", ".ndjson")


class LocatedResource(NamedTuple):
    """A resource, its file, and its line there (ndjson) or the number of its entry (Bundle)."""

    file: str
    line: int
    resource: dict[str, Any]


def fhir_files(source: Path) -> list[Path]:
    """Files of an export: the one that is given, or those of a folder, by name."""
    if source.is_dir():
        return sorted(path for path in source.iterdir() if path.suffix.lower() in SUFFIXES)
    return [source] if source.suffix.lower() in SUFFIXES else []


def read_resources(source: Path, types: tuple[str, ...], ledger: Ledger) -> list[LocatedResource]:
    """Resources of the given types; the ids that other resources call them by are made uniform.

    Numbers stay the text that the file has, so that no digit is lost.

    Raises
    ------
    InputError
        If a file cannot be read, is not JSON, or no file holds a resource.
    """
    found: list[LocatedResource] = []
    others: Counter[str] = Counter()
    names: dict[str, str] = {}
    for path in fhir_files(source):
        for placed in _of_file(path, ledger, names):
            kind = text_at(placed.resource, "resourceType")
            if kind in types:
                found.append(placed)
                ledger.read[placed.file] += 1
            else:
                others[kind or "no resourceType"] += 1
    if not found:
        raise InputError(
            f"{source} holds no resource of type {', '.join(types)}; give a Bundle (.json), an "
            ".ndjson file, or a folder of them. Found: "
            + (", ".join(f"{number} {kind}" for kind, number in others.items()) or "nothing")
        )
    if others:
        listed = ", ".join(f"{number} {kind}" for kind, number in others.most_common())
        ledger.remarks.append(f"resources of other types, which are not read: {listed}")
    for placed in found:
        identity = text_at(placed.resource, "id")
        placed.resource["id"] = identity or names.get(f"{placed.file}:{placed.line}", "")
    return found


def text_at(node: Any, *path: str | int) -> str:
    """Text at a path of keys and positions, "" where there is none.

    Examples
    --------
    >>> text_at({"coding": [{"code": "1988-5"}]}, "coding", 0, "code"), text_at({}, "coding", 0)
    ('1988-5', '')
    """
    for step in path:
        if isinstance(step, int):
            node = node[step] if isinstance(node, list) and step < len(node) else None
        else:
            node = node.get(step) if isinstance(node, dict) else None
    if isinstance(node, bool):
        return str(node).lower()
    return node.strip() if isinstance(node, str) else ""


def parts_at(node: Any, *path: str) -> list[dict[str, Any]]:
    """Objects of the list at a path of keys; an object that stands alone counts as a list of one.

    Examples
    --------
    >>> parts_at({"code": {"coding": [{"code": "1"}, None]}}, "code", "coding")
    [{'code': '1'}]
    """
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    listed = node if isinstance(node, list) else [node]
    return [item for item in listed if isinstance(item, dict)]


def reference_id(reference: str) -> str:
    """Id that a reference ends in.

    Examples
    --------
    >>> reference_id("https://example.org/fhir/Patient/7/_history/2"), reference_id("urn:uuid:a-b")
    ('7', 'a-b')
    """
    plain = reference.split("/_history/")[0]
    return plain.rsplit("/", 1)[-1].removeprefix("urn:uuid:").removeprefix("urn:oid:")


def codes_of(concept: Any) -> tuple[str, ...]:
    """What a mapping may name: each code, with and without its system, and the text."""
    names = [text_at(concept, "text")]
    for coding in parts_at(concept, "coding"):
        code, system = text_at(coding, "code"), text_at(coding, "system")
        names += [code, f"{system}|{code}" if system and code else ""]
    return tuple(dict.fromkeys(name for name in names if name))


def label_of(concept: Any) -> str:
    """Text of a concept, else the display or the code of its first coding."""
    first = parts_at(concept, "coding")
    return text_at(concept, "text") or text_at(first, 0, "display") or text_at(first, 0, "code")


def _of_file(path: Path, ledger: Ledger, names: dict[str, str]) -> Iterator[LocatedResource]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if path.suffix.lower() == ".ndjson":
        yield from _of_lines(path, text, ledger)
        return
    try:
        content = _parsed(text)
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if text_at(content, "resourceType") != "Bundle":
        yield LocatedResource(path.name, 1, content if isinstance(content, dict) else {})
        return
    if any(text_at(link, "relation") == "next" for link in parts_at(content, "link")):
        ledger.remarks.append(
            f"{path.name} is one page of several: it links to a next one. Export every page."
        )
    for number, entry in enumerate(parts_at(content, "entry"), start=1):
        names[f"{path.name}:{number}"] = reference_id(text_at(entry, "fullUrl"))
        resource = entry.get("resource")
        yield LocatedResource(path.name, number, resource if isinstance(resource, dict) else {})


def _of_lines(path: Path, text: str, ledger: Ledger) -> Iterator[LocatedResource]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            resource = _parsed(line)
        except ValueError as error:
            ledger.read[path.name] += 1
            ledger.ragged(path.name, number, f"The line is not JSON: {error}.")
            continue
        yield LocatedResource(path.name, number, resource if isinstance(resource, dict) else {})


def _parsed(text: str) -> Any:
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
