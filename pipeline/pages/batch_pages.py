"""Writes the pages of a scored batch: one per patient, a ward list, and copies of reports."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.phrases import phrase
from pipeline.pages.patient_page import patient_page
from pipeline.pages.ward_list import ward_pages
from pipeline.pages.ward_order import INDEX
from pipeline.predict.patient_results import Patient

_RESERVED = {"index", "con", "prn", "aux", "nul"}
_RESERVED |= {f"{device}{number}" for device in ("com", "lpt") for number in range(10)}
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


# reports of a bundle that the ward list links to, the first of each kind that exists
_REPORTS = {
    "link_evaluation": ("evaluation.html",),
    "link_card": ("model_card.html", "model_card.md"),
}


def write_pages(
    folder: Path,
    patients: Sequence[Patient],
    summary: ModelSummary,
    *,
    made: datetime,
    bundle: Path | None = None,
) -> None:
    """Write the ward list in every order and one page per patient into a new folder.

    The evaluation and the model card of the bundle are copied, so that the folder is complete
    when it is moved. Names of other files have two dots, so no patient page has the same name.

    Parameters
    ----------
    folder : pathlib.Path
        Created; must not exist.
    patients : sequence of Patient
        From :func:`pipeline.predict.patient_results.patient_results`.
    summary : ModelSummary
        The model that scored the batch.
    made : datetime
        Printed as the time of writing.
    bundle : pathlib.Path, optional
        Folder of the bundle.

    Examples
    --------
    >>> from datetime import UTC
    >>> from tempfile import TemporaryDirectory
    >>> counts = (60, {"icans": 12}, {}, {}, {}, {}, {}, "", {})
    >>> summary = ModelSummary("demo", "1", "ab12", "ward", False, *counts, 72.0, 0.8, 24.0, 36.0)
    >>> with TemporaryDirectory() as name:
    ...     folder = Path(name) / "report"
    ...     write_pages(folder, [], summary, made=datetime(2026, 1, 2, tzinfo=UTC))
    ...     [path.name for path in sorted(folder.iterdir())][-1]
    'index.html'
    """
    names = page_names(patient.record.patient_id for patient in patients)
    folder.mkdir()
    listed = []
    for patient in patients:
        address = f"{names[patient.record.patient_id]}.html"
        page = patient_page(patient, summary, made=made, back=INDEX)
        (folder / address).write_text(page, encoding="utf-8")
        listed.append((patient, address))
    links = [(phrase("ward", "link_csv"), "../predictions.csv"), *_copied(bundle, folder)]
    for name, page in ward_pages(listed, summary, made=made, links=links).items():
        (folder / name).write_text(page, encoding="utf-8")


def _copied(bundle: Path | None, folder: Path) -> list[tuple[str, str]]:
    """Copy the reports of a bundle; return name and relative address of each."""
    links = []
    for key, names in _REPORTS.items():
        found = [bundle / name for name in names if (bundle / name).is_file()] if bundle else []
        if found:
            address = f"model.{found[0].name}"
            shutil.copyfile(found[0], folder / address)
            links.append((phrase("ward", key), address))
    return links


def page_names(patient_ids: Iterable[str]) -> dict[str, str]:
    """Return a unique file name without suffix for each patient, safe on every system.

    An id of letters, digits, ``-`` and ``_`` is its own name. Other ids, and ids that differ only
    in case, get their safe characters plus a digest of the id.

    Parameters
    ----------
    patient_ids : iterable of str

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> page_names(["P-1", "../etc"])
    {'P-1': 'P-1', '../etc': 'etc-f7f9121fdb53'}
    """
    ids = list(dict.fromkeys(patient_ids))
    folded = Counter(item.casefold() for item in ids)
    names = {
        item: item
        for item in ids
        if _SAFE.fullmatch(item)
        and folded[item.casefold()] == 1
        and item.casefold() not in _RESERVED
    }
    taken = {name.casefold() for name in names.values()}
    for item in ids:
        if item in names:
            continue
        digest = hashlib.sha256(item.encode("utf-8", "surrogatepass")).hexdigest()
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", item).strip("-_")[:40] or "patient"
        length = 12
        while f"{plain}-{digest[:length]}".casefold() in taken:
            length += 1
        names[item] = f"{plain}-{digest[:length]}"
        taken.add(names[item].casefold())
    return names
