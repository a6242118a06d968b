"""Batches whose text cells are hostile strings, and what went wrong in the outputs of one.

``benchmarks/faults_strings.py`` runs thousands of strings, ``tests/commands`` a few.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

from pipeline.cohort.patient_ids import shown_id

STRINGS = [
    "=cmd|'/C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", "+1+1", "-2+3", "\t=1", "＝1+1", "'=1",
    " =1", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "'\"><svg onload=alert(1)>", "<b>x", "javascript:alert(1)", "</title><script>x</script>",
    "--><script>1", "]]>", "&lt;b&gt;", "&#60;b&#62;", "../../x", "/etc/passwd", "..", ".",
    "index", "INDEX", "con", "CON", "aux", "nul.txt", "a/b", "a\\b", "a:b", "a*b", "%2e%2e",
    "{{7*7}}", "{% raw %}", "{x}", "{0}", "%s", "$(id)", "`id`", "${x}", "#{x}", "\u202egnp.exe",
    "a\x00b", "a\rb", "a\x1b[31mred", "\x7f", "\x85", "a\u2028b", "a\u2029b", "\ufeffz", "\u200b",
    "a\u200db", "a\u2066b", "a\xadb", "a\xa0b", "\ufffd", "a\u3164", "a\ufe0f", "\x1c", "a\tb",
    "ä", "Ä", "ß", "SS", "ss", "é", "e\u0301", "患者", "😀", "\U000e0041", "A" * 300, "a b", "a  b",
    "-", "_", "a|severe_crs", "P-1", "p-1", "a;=1", "a,b", 'a"b', '"', "NaN", "null", "None",
    "true", "007", "7", "1e5", "0x1F", r"a\u{d}b", "nan", "inf", "-0.67", "~", "!", "^", "a=b",
    "[x](javascript:1)", "\\N",
]  # fmt: skip
_HARMFUL_TAGS = {"script", "img", "iframe", "object", "embed", "form", "input"}
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_OF_BATCH = re.compile(r"index(\.\d)?\.html|model\..*")  # ward lists, evaluation and card
_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]+\.html")
_FORMULA = re.compile(r"\s*[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d[\d.,]*(e[+-]?\d+)?")
_AT = "2024-03-03T08:00:00+01:00"
_RESULTED = "2024-03-03T09:00:00+01:00"
_NUMBERS = (("crp", "120", "mg/L"), ("ferritin", "2200", "ng/mL"), ("il6", "300", "pg/mL"))


def hostile_string(chance: random.Random) -> str:
    """One string of the list, or two of them joined, so that there are thousands."""
    text = chance.choice(STRINGS)
    if chance.random() < 0.7:
        text += chance.choice(["", " ", "-", "\u200b", "'", ";"]) + chance.choice(STRINGS)
    return text if chance.random() < 0.5 else f"{text}{chance.randrange(10_000)}"


def write_batch(
    folder: Path, ids: Sequence[str], chance: random.Random, product: str, *, parquet: bool
) -> int:
    """Write a batch of these patients, other cells hostile as well; returns the strings used."""
    folder.mkdir(parents=True)
    used = len(ids)
    rows: dict[str, list[list[str]]] = {"patients": [], "labs": [], "treatments": []}

    def text() -> str:
        nonlocal used
        used += 1
        return hostile_string(chance)

    for name in ids:
        named = product if chance.random() < 0.7 else text()
        rows["patients"].append([name, "2024-03-01T10:00:00+01:00", named, text(), text()])
        for analyte, value, unit in _NUMBERS:
            rows["labs"].append([name, analyte, value, unit, _AT, _RESULTED])
        odd = chance.choice([(text(), "1", "mg/L"), ("crp", text(), "mg/L"), ("crp", "12", text())])
        rows["labs"].append([name, *odd, _AT, _RESULTED])
        rows["treatments"].append([name, text(), _AT, "8", "mg"])
    columns = {
        "patients": ["patient_id", "infusion_time", "product", "site", "disease"],
        "labs": ["patient_id", "analyte", "value", "unit", "collected_at", "resulted_at"],
        "treatments": ["patient_id", "drug", "given_at", "dose", "unit"],
    }
    for name, cells in rows.items():
        if parquet:
            frame = pd.DataFrame(cells, columns=columns[name], dtype="str")
            frame.to_parquet(folder / f"{name}.parquet", index=False)
            continue
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([columns[name], *cells])
    return used


class _Tags(HTMLParser):
    """Collects what a page must not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.harmful: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HARMFUL_TAGS or any(name.startswith("on") for name, _ in attrs):
            self.harmful.append(f"<{tag} {attrs}>")
        for name, value in attrs:
            if name in ("href", "src"):
                self.links.append(value or "")


def problems_of(out: Path, ids: Sequence[str]) -> Iterator[str]:
    """What is wrong with the outputs of a batch of these patients, one line each."""
    wanted = {shown_id(name.strip(" ")) for name in ids}
    with (out / "predictions.csv").open(newline="", encoding="utf-8") as file:
        got = {row["patient_id"] for row in csv.DictReader(file)}
    yield from (f"patient lost: {name!r}" for name in wanted - got)
    # of a quoted cell that holds a line end, lines like rows are rejected one by one, and each is
    # listed under its start, which then ends in the quote of the cell
    invented = {name for name in got - wanted if not name.endswith('"')}
    yield from (f"patient invented: {name!r}" for name in invented)
    read = pd.read_csv(out / "predictions.csv", dtype="str", keep_default_na=False)
    if set(read["patient_id"]) != got:
        yield "two readers of CSV find different patients"
    pages = sorted((out / "report").iterdir())
    names = [page.name for page in pages if not _OF_BATCH.fullmatch(page.name)]
    yield from (f"page name {name!r}" for name in names if not _SAFE_NAME.fullmatch(name))
    if len({name.casefold() for name in names}) != len(got):
        yield f"{len(names)} pages for {len(got)} patients"
    for page in pages:
        text = page.read_text(encoding="utf-8")
        tags = _Tags()
        tags.feed(text)
        yield from (f"{page.name}: {item}" for item in tags.harmful)
        for link in tags.links:
            place = link.partition("#")[0]
            if place.startswith("data:") or place == "":
                continue
            if not (page.parent / place).exists():
                yield f"{page.name}: link to {link!r}"
        if "<b>x" in text:
            yield f"{page.name}: markup of the input"
        if _CONTROLS.search(text):
            yield f"{page.name}: a control character"
    for name in ("rejects.csv", "flags.csv"):
        with (out / name).open(newline="", encoding="utf-8") as file:
            for row in csv.reader(file):
                for cell in row:
                    if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
                        yield f"{name}: a cell that a spreadsheet runs: {cell[:40]!r}"
                    if _CONTROLS.search(cell):
                        yield f"{name}: a control character: {cell[:40]!r}"
    lines = (out / "riskassessments.ndjson").read_bytes().split(b"\n")[:-1]
    keys = [json.loads(line)["id"] for line in lines]
    if len(set(keys)) != len(keys):
        yield "two FHIR resources of one id"
    if any(_CONTROLS.search(line.decode()) for line in lines):
        yield "riskassessments.ndjson: a control character"
