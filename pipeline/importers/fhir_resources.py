"""Reads FHIR resources from Bundles and ndjson files, each with its file and line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.cohort.ledger import Ledger
from pipeline.errors import InputError
from pipeline.importers.json_values import is_by_line, json_values, read_text
from pipeline.input_files import refuse_irregular
from pipeline.redaction import TEXT, hide
from pipeline.resources import schema_yaml

LINED = (".ndjson", ".jsonl")
SUFFIXES = (".json", *LINED)  # each also with .gz
DEEPEST = 8  # levels of folders and of Bundles
_NO_TYPE = "no resourceType"


class LocatedResource(NamedTuple):
    """A resource, its file, and its line (ndjson) or number (json) in the file."""

    file: str
    line: int
    resource: dict[str, Any]


def fhir_files(source: Path) -> list[Path]:
    """List the FHIR files of an export by their names.

    Parameters
    ----------
    source : Path
        A file, or a folder that is searched with its subfolders; hidden files are left out.

    Returns
    -------
    list of Path
        Sorted; empty if no file ends in .json, .ndjson or .jsonl, with or without .gz.

    Examples
    --------
    >>> fhir_files(Path("Patient.ndjson.gz")), fhir_files(Path("labs.csv"))
    ([PosixPath('Patient.ndjson.gz')], [])
    """
    if source.is_dir():
        paths = (path for path in source.rglob("*") if _is_fhir(path))
        visible = sorted(path for path in paths if _is_visible(path.relative_to(source)))
        for path in visible:
            refuse_irregular(path)
        return visible
    return [source] if _is_fhir(source) else []


def read_resources(source: Path, types: tuple[str, ...], ledger: Ledger) -> list[LocatedResource]:
    """Read the resources of the given types, with one id per resource in every reference.

    Bundles, lists and ``Parameters`` are opened, also nested. Numbers stay text and keep their
    digits.

    Parameters
    ----------
    source : Path
        File or folder.
    types : tuple of str
        Values of ``resourceType``.
    ledger : Ledger
        Receives unreadable lines, counts and remarks.

    Returns
    -------
    list of LocatedResource

    Raises
    ------
    InputError
        If a file cannot be read or is not JSON, or no file has a resource of these types.
    """
    resources: list[LocatedResource] = []
    others: Counter[str] = Counter()
    opened = OpenedContainers()
    for path in fhir_files(source):
        name = path.relative_to(source).as_posix() if source.is_dir() else path.name
        for placed in _of_file(path, name, ledger, opened):
            kind = text_at(placed.resource, "resourceType")
            if kind in types:
                resources.append(placed)
                ledger.read[placed.file] += 1
            else:
                others[kind or _NO_TYPE] += 1
    ledger.remarks += opened.remarks()
    hide(set(others) - {*schema_yaml("exchange.yaml")["fhir"]["not_read"], *types, _NO_TYPE}, TEXT)
    if not resources:
        listed = ", ".join(f"{number} {kind}" for kind, number in others.most_common())
        raise InputError(
            f"{source} has no resource of type {', '.join(types)}; give Bundles (.json), .ndjson "
            f"files (either also .gz) or a folder of them. Found: {listed or 'nothing'}"
            + (f" in {opened.bundles} Bundles" if opened.bundles else "")
        )
    if others:
        listed = ", ".join(f"{number} {kind}" for kind, number in others.most_common())
        ledger.remarks.append(f"resources of other types, which are not read: {listed}")
    return [item._replace(resource=opened.renamed(item.resource)) for item in resources]


def text_at(node: Any, *path: str | int) -> str:
    """Text at a path of keys and positions, "" if there is none.

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
    """Objects of the list at a path of keys; a single object counts as a list of one.

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
    """Id at the end of a reference.

    Examples
    --------
    >>> reference_id("https://example.org/fhir/Patient/7/_history/2"), reference_id("urn:uuid:a-b")
    ('7', 'a-b')
    """
    plain = reference.split("/_history/")[0]
    return plain.rsplit("/", 1)[-1].removeprefix("urn:uuid:").removeprefix("urn:oid:")


def codes_of(concept: Any) -> tuple[str, ...]:
    """Names for a mapping: each code, with and without its system, and the text."""
    names = [text_at(concept, "text")]
    for coding in parts_at(concept, "coding"):
        code, system = text_at(coding, "code"), text_at(coding, "system")
        names += [code, f"{system}|{code}" if system and code else ""]
    return tuple(dict.fromkeys(name for name in names if name))


def label_of(concept: Any) -> str:
    """Text of a concept, else the display or code of its first coding."""
    first = parts_at(concept, "coding")
    return text_at(concept, "text") or text_at(first, 0, "display") or text_at(first, 0, "code")


@dataclass
class OpenedContainers:
    """Counts of opened Bundles, and ids that references use.

    Attributes
    ----------
    bundles : int
    paged : Counter
        Bundles with a link to a next page, by file.
    aliases : dict
        Id that references use for a resource, to its actual id.
    """

    bundles: int = 0
    paged: Counter[str] = field(default_factory=Counter)
    aliases: dict[str, str] = field(default_factory=dict)

    def remarks(self) -> list[str]:
        """Lines for the summary."""
        lines = [f"Bundles opened: {self.bundles}"] if self.bundles > 1 else []
        for file, number in self.paged.items():
            pages = "a Bundle that links" if number == 1 else f"{number} Bundles that link"
            lines.append(f"{file} has {pages} to a next page. Export every page.")
        return lines

    def renamed(self, node: Any, depth: int = 0) -> Any:
        """Replace aliases by actual ids in the references of a resource, to a depth limit."""
        if not self.aliases or depth > DEEPEST:
            return node
        if isinstance(node, list):
            return [self.renamed(item, depth + 1) for item in node]
        if not isinstance(node, dict):
            return node
        changed = {key: self.renamed(item, depth + 1) for key, item in node.items()}
        reference = node.get("reference")
        if isinstance(reference, str) and reference in self.aliases:
            changed["reference"] = self.aliases[reference]
        return changed


def _is_fhir(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(SUFFIXES)


def _is_visible(path: Path) -> bool:
    """Whether a path has no hidden part and is not nested too deeply."""
    return len(path.parts) <= DEEPEST and not any(part.startswith(".") for part in path.parts)


def _of_file(
    path: Path, file: str, ledger: Ledger, opened: OpenedContainers
) -> Iterator[LocatedResource]:
    text = read_text(path)
    lined = path.name.lower().removesuffix(".gz").endswith(LINED)
    by_line = lined or is_by_line(text)
    number = 0
    for item in json_values(text, by_line=by_line):
        if item.problem and not by_line:
            raise InputError(
                f"{path} line {item.line} is not JSON: {item.problem}; export the file again"
            )
        if item.problem:
            ledger.read[file] += 1
            reason = f"The line is not JSON: {item.problem}."
            ledger.ragged(file, item.line, reason, remedy="Export the file again.")
            continue
        for resource in _resources(item.value, file, opened, 0):
            number += 1
            place = item.line if by_line else number
            if resource is None:
                ledger.read[file] += 1
                reason = f"Bundles are nested more than {DEEPEST} deep."
                ledger.ragged(file, place, reason, remedy="Export each resource once.")
                continue
            yield LocatedResource(file, place, resource)


def _resources(
    value: Any, file: str, opened: OpenedContainers, depth: int
) -> Iterator[dict[str, Any] | None]:
    """Resources of a value, a Bundle, a list or Parameters; None if nested too deeply."""
    if depth > DEEPEST:
        yield None
        return
    kind = text_at(value, "resourceType")
    if isinstance(value, list):
        for item in value:
            yield from _resources(item, file, opened, depth + 1)
    elif kind == "Bundle":
        opened.bundles += 1
        if any(text_at(link, "relation") == "next" for link in parts_at(value, "link")):
            opened.paged[file] += 1
        for entry in parts_at(value, "entry"):
            _set_id(entry, opened)
            yield from _resources(entry.get("resource"), file, opened, depth + 1)
    elif kind == "Parameters" and parts_at(value, "parameter"):
        for part in parts_at(value, "parameter"):
            yield from _parameter(part, file, opened, depth + 1)
    else:
        yield value if isinstance(value, dict) else {}


def _parameter(
    part: dict[str, Any], file: str, opened: OpenedContainers, depth: int
) -> Iterator[dict[str, Any] | None]:
    if depth > DEEPEST:
        yield None
        return
    if "resource" in part:
        yield from _resources(part["resource"], file, opened, depth + 1)
    for inner in parts_at(part, "part"):
        yield from _parameter(inner, file, opened, depth + 1)


def _set_id(entry: dict[str, Any], opened: OpenedContainers) -> None:
    """Give the resource of an entry its id, and record the other ids that references use."""
    url, resource = text_at(entry, "fullUrl"), entry.get("resource")
    if not url or not isinstance(resource, dict):
        return
    identity = text_at(resource, "id")
    if not identity:
        resource["id"] = reference_id(url)
    elif url.startswith("urn:") and reference_id(url) != identity:
        opened.aliases[url] = identity
