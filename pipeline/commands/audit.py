"""``cytocast audit``: audits an export; writes a page and a JSON file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline import log
from pipeline.audit.runner import BLOCKED, AuditReport, as_json, audit_folder, describe
from pipeline.cohort.timestamps import zone
from pipeline.config import Config, load_config
from pipeline.csv_files import write_csv
from pipeline.folders.claim import Claim, claim
from pipeline.pages.audit_page import render_audit


def audit_command(
    cohort: Path,
    out: Path,
    config_files: Sequence[Path],
    *,
    time_zone: str | None,
    force: bool,
) -> tuple[int, str]:
    r"""Audit an export; write ``audit.html``, ``audit.json`` and, if any, ``rejects.csv``.

    Parameters
    ----------
    cohort : Path
        Folder of the export.
    out : Path
        Folder to write.
    config_files : sequence of Path
    time_zone : str or None
        Zone of times without offset.
    force : bool
        Replace the existing content of ``out``.

    Returns
    -------
    code : int
        3 if an error blocks, 0 otherwise.
    summary : str
        One line per finding.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     cohort, out = Path(place) / "cohort", Path(place) / "audit"
    ...     cohort.mkdir()
    ...     _ = (cohort / "patients.csv").write_text("patient_id\nA\n")
    ...     header = "patient_id,analyte,value,unit,collected_hours\n"
    ...     _ = (cohort / "labs.csv").write_text(header + "A,CRP,9,mg/L,30\n")
    ...     _ = (cohort / "assessments.csv").write_text("patient_id,scale,grade,assessed_hours\n")
    ...     code, summary = audit_command(cohort, out, [], time_zone=None, force=False)
    ...     code, sorted(path.name for path in out.glob("audit.*"))
    (3, ['audit.html', 'audit.json'])
    """
    config = load_config(config_files)
    if time_zone is not None:
        zone(time_zone)
        reading = config.cohort.model_copy(update={"time_zone": time_zone})
        config = config.model_copy(update={"cohort": reading})
    with claim(out, command="audit", reads=[cohort, *config_files], force=force) as output:
        output.refuse_occupied()
        log.info("auditing the export")
        report = audit_folder(cohort, config)
        write_audit(report, output, title=f"Audit of {cohort.resolve().name}", config=config)
    return BLOCKED if report.blocking else 0, audit_summary(report, out)


def write_audit(report: AuditReport, output: Claim, *, title: str, config: Config) -> None:
    """Write page, JSON file and rejected rows of an audit to the claimed output.

    Parameters
    ----------
    report : AuditReport
    output : Claim
    title : str
        Of the page.
    config : Config
    """
    with output.folder() as folder:
        page = render_audit(report, title=title, synthetic=config.cohort.synthetic)
        (folder / "audit.html").write_text(page, encoding="utf-8")
        (folder / "audit.json").write_text(as_json(report), encoding="utf-8")
        if len(report.rejects):
            write_csv(report.rejects, folder / "rejects.csv")


def audit_summary(report: AuditReport, out: Path) -> str:
    """One line per finding, and where the page is."""
    pages = f"Page: {out / 'audit.html'}"
    if len(report.rejects):
        pages += f"; rejected rows: {out / 'rejects.csv'}"
    return f"{describe(report)}\n{pages}"
