"""What training says of the tables it has read, and which of them it does not train on."""

from __future__ import annotations

from pathlib import Path

from pipeline import log
from pipeline.cohort.reader import ReadResult
from pipeline.cohort.refusals import accepting, too_many_refused
from pipeline.config import Config
from pipeline.errors import InputError, UsageError


def report_reading(read: ReadResult) -> None:
    """Log what became of the rows of every file, and why rows are refused."""
    for file, count in read.counts.items():
        log.info(
            f"{file}: {count['read']} rows read, {count['accepted']} accepted, "
            f"{count['rejected']} rejected, {count['collapsed']} repeated, "
            f"{count['withdrawn']} withdrawn"
        )
    for remark in read.remarks:
        log.info(remark)
    for file, flags in read.flags.items():
        said = ", ".join(f"{number} {code}" for code, number in sorted(flags.items()))
        log.info(f"{file}: rows used but flagged: {said}")
    read.report_refusals()
    if read.turnaround_imputed:
        log.info(f"result time imputed from the turnaround for {read.turnaround_imputed} lab rows")


def refuse_unusable(read: ReadResult, config: Config) -> None:
    """Refuse a cohort most of whose results are refused, or of whom nobody has a grade.

    What is left of most is no sample of it, and without a grade there is nothing to learn.
    """
    refused, usable = read.refused_share()
    found = too_many_refused(refused, usable, config.cohort.max_rejected_share)
    if found:
        raise InputError(
            f"{found}; a model of the rest would describe the export, not the patients. Correct "
            f"the causes listed above, or accept the share in the config: "
            f"{accepting(refused, usable)}"
        )
    scales = {item.scale for item in config.outcomes.values()}
    if ungraded := read.about_no_grades(scales, config.cohort):
        raise InputError(
            f"{ungraded}. Export every charted grade, 0 included, or derive grades from the "
            "observations with cohort.grades: derived"
        )


def write_rows(read: ReadResult, out: Path) -> None:
    """List refused and flagged rows beside the bundle, whatever becomes of the training."""
    for table, name in ((read.rejects, "rejects"), (read.notes, "flags")):
        path = out.with_name(f"{out.name}.{name}.csv")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if len(table):
                table.to_csv(path, index=False, lineterminator="\n")
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error}") from error
        if len(table):
            log.info(f"{len(table)} entries in {path}")
