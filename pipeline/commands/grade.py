"""``cytocast grade``: derives grades from observations and compares them with charted grades."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.cohort import events
from pipeline.cohort.episodes import patients_of_episodes
from pipeline.cohort.files import find_table, read_raw
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.patient_links import link_patients
from pipeline.cohort.patients import read_patients
from pipeline.cohort.tables import Cohort, empty_cohort
from pipeline.cohort.timestamps import year_first, zone
from pipeline.config import load_config
from pipeline.config_cohort import CohortConfig
from pipeline.csv_files import write_csv
from pipeline.errors import InputError, UsageError
from pipeline.folders.claim import claim
from pipeline.grading.derived_grades import Agreement, compare, derive_grades, gradable_scales
from pipeline.input_files import refuse_irregular

_TABLES = ("patients", "treatments", "observations", "assessments")
_ROW = "  {:6} {:>11} {:>7} {:>9} {:>8} {:>10} {:>10}"
_HEADINGS = ("scale", "assessments", "graded", "complete", "partial", "ambiguous", "no grade")


def grade_command(
    folder: Path,
    out: Path,
    config_files: Sequence[Path],
    *,
    time_zone: str | None,
    force: bool,
) -> tuple[int, str]:
    r"""Write derived grades to ``out``, and differences from charted grades next to it.

    Parameters
    ----------
    folder : Path
        Folder of the export.
    out : Path
        File to write; disagreements and rejects go to ``<stem>.disagreements.csv`` and
        ``<stem>.rejects.csv``.
    config_files : sequence of Path
    time_zone : str or None
        Zone of times without offset.
    force : bool
        Replace existing files.

    Returns
    -------
    code : int
        0.
    summary : str

    Raises
    ------
    InputError
        If the cohort has no usable observation of CRS or ICANS.
    UsageError
        If ``out`` exists, or is neither ``.csv`` nor ``.parquet``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> rows = ("A,temperature_c,39.1,20\nA,hypotension,no,20\n"
    ...         "A,oxygen_device,room_air,20\n")
    >>> with TemporaryDirectory() as place:
    ...     cohort, out = Path(place) / "cohort", Path(place) / "grades.csv"
    ...     cohort.mkdir()
    ...     _ = (cohort / "patients.csv").write_text("patient_id\nA\n")
    ...     header = "patient_id,item,value,observed_hours\n"
    ...     _ = (cohort / "observations.csv").write_text(header + rows)
    ...     _ = grade_command(cohort, out, [], time_zone=None, force=False)
    ...     pd.read_csv(out)[["scale", "grade"]].values.tolist()
    [['crs', 1]]
    """
    if out.suffix not in (".csv", ".parquet"):
        raise UsageError(
            f"--out {out} must end in .csv or .parquet; choose another name", options=("out",)
        )
    config = load_config(config_files).cohort
    if time_zone is not None:
        zone(time_zone)
        config = config.model_copy(update={"time_zone": time_zone})
    names = [out.name, *(f"{out.stem}.{part}.csv" for part in ("disagreements", "rejects"))]
    with claim(out, command="grade", reads=[folder, *config_files], force=force) as output:
        output.refuse_files(names)
        cohort, rejects = _read(folder, config)
        derived = derive_grades(cohort, config.grading)
        astct = config.grading_system == "astct"
        charted = cohort.assessments if astct else cohort.assessments.head(0)
        differing, agreement = compare(charted, derived, config.grading.together_hours)
        ids = cohort.patients["patient_id"]
        derived.insert(3, "grading_system", "astct")
        graded = _named(derived, ids).astype({"grade": "Int64"})
        tables = dict(zip(names, (graded, _named(differing, ids), rejects), strict=True))
        with output.files(names) as made:
            for name, table in tables.items():
                if len(table) or name == out.name:
                    _write(table, made / name)
            written = [out.with_name(path.name) for path in sorted(made.iterdir())]
    return 0, "\n".join(_summary(derived, agreement, written, len(rejects)))


def _read(folder: Path, config: CohortConfig) -> tuple[Cohort, pd.DataFrame]:
    """The tables that grading needs; labs are not read."""
    if not folder.is_dir():
        refuse_irregular(folder)
        raise InputError(f"{folder} is not a folder; give the folder that holds observations.csv")
    places = {name: find_table(folder, name) for name in _TABLES}
    paths = {name: path for name, path in places.items() if path is not None}
    missing = [name for name in ("patients", "observations") if name not in paths]
    if missing:
        raise InputError(
            f"{folder} lacks {', '.join(f'{name}.csv' for name in missing)} (or .parquet), which "
            "grading needs; add it with the items of data_schema/observations.yaml"
        )
    ledger = Ledger()
    raw = {}
    for name, path in paths.items():
        table = read_raw(path).record_in(ledger)
        raw[name] = ledger.remember(path.name, table, year_first(table, config.date_order))
    file = {name: path.name for name, path in paths.items()}
    patients = patients_of_episodes(
        read_patients(raw["patients"], file["patients"], config, ledger)
    )
    blank = empty_cohort([])
    frontier = np.full(len(patients), np.inf)
    tables = {name: getattr(blank, name) for name in _TABLES[1:]}
    for name in tables.keys() & paths.keys():
        placed = link_patients(raw[name], patients, name, file[name], ledger)
        tables[name] = events.READERS[name](
            placed, patients, file[name], config, ledger, frontier, ()
        )
    if not gradable_scales(tables["observations"]):
        raise InputError(
            f"no usable row of {paths['observations']} has an item of CRS or ICANS; "
            "add items of data_schema/observations.yaml"
        )
    return Cohort(patients, blank.labs, **tables), ledger.frame()


def _named(table: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    """Replace row numbers by patient ids."""
    named = table.drop(columns="patient")
    named.insert(0, "patient_id", ids.iloc[table["patient"].to_numpy(np.intp)].to_numpy())
    return named


def _write(table: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        write_csv(table, path)


def _summary(
    derived: pd.DataFrame, agreement: list[Agreement], written: list[Path], rejected: int
) -> list[str]:
    lines = ["Grades by ASTCT 2019, derived from observations", _ROW.format(*_HEADINGS)]
    for scale, rows in derived.groupby("scale", sort=True):
        graded = rows["grade"].notna()
        sure = [
            int((graded & (rows["confidence"] == level)).sum())
            for level in ("complete", "partial", "ambiguous")
        ]
        lines.append(_ROW.format(scale, len(rows), graded.sum(), *sure, (~graded).sum()))
    for part in agreement:
        if part.charted == 0:
            lines.append(f"  {part.scale}: no charted grade to compare with")
            continue
        share = f" ({100 * part.equal / part.compared:.2f}%)" if part.compared else ""
        kappa = "not defined" if math.isnan(part.kappa) else f"{part.kappa:.4f}"
        lines.append(
            f"  {part.scale}: {part.compared} of {part.charted} charted grades compared, "
            f"{part.equal} agree{share}, weighted kappa {kappa}"
        )
    compared = sum(part.compared for part in agreement)
    if compared and compared == sum(part.equal for part in agreement):
        lines.append("  no charted grade differs; no list of disagreements is written")
    if rejected:
        lines.append(f"  {rejected} rows or cells rejected")
    return [*lines, *(f"Written: {path}" for path in written)]
