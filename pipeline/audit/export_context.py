"""What every check looks at: the raw tables, read leniently, and the accepted cohort if any."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.audit.finding import Example, NotApplicable
from pipeline.audit.lenient_tables import derived_grades, grade_frame, lab_frame, people_frame
from pipeline.cohort.files import RawTable, find_table, read_raw
from pipeline.cohort.tables import TABLES
from pipeline.cohort.timestamps import year_first
from pipeline.cohort.ungraded import STATED_ELSEWHERE, absence_means
from pipeline.config import Config
from pipeline.errors import InputError
from pipeline.reading.paths import cohort_paths, folder_remarks, tables_of
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import read_tables

NEVER_GRADED = "never graded, left out"
UNPLACED = 0.5  # share of draws without a readable time above which times tell nothing
_DAYS = 100_000  # more days than any record has, so that patient and day fit into one number


@dataclass(frozen=True)
class OutcomeLabel:
    """Who has a configured outcome, and when it was first charted.

    Attributes
    ----------
    event : ndarray of bool, shape (n_ids,)
        By patient code.
    onset : ndarray of float, shape (n_ids,)
        Hours of the first grade at or above the threshold, inf without one.
    known : ndarray of bool, shape (n_ids,)
        Whether anything is known of the patient on the scale. False where no grade of it can be
        read and ``cohort.ungraded`` reads that as unknown; he is then neither with nor without.
    """

    name: str
    scale: str
    threshold: int
    event: np.ndarray
    onset: np.ndarray
    known: np.ndarray

    @property
    def left_out(self) -> dict[str, int]:
        """How many patients a comparison of with and without leaves out; empty without any."""
        unknown = int((~self.known).sum())
        return {NEVER_GRADED: unknown} if unknown else {}


class AuditContext:
    """An export as the checks see it.

    Rows that reading rejects are still here: ``labs``, ``grades`` and ``people`` hold
    whatever can be read of every row, NaN where it cannot. A patient is a code into ``ids``.
    """

    def __init__(
        self,
        raw: Mapping[str, pd.DataFrame],
        files: Mapping[str, str],
        config: Config,
        *,
        read: ReadResult | None = None,
        problem: str = "",
    ) -> None:
        self.raw = dict(raw)
        self.files = dict(files)
        self.config = config
        self.read = read
        self.problem = problem
        known: list[str] = []
        for table in ("patients", *TABLES[1:]):
            if "patient_id" in self.raw.get(table, ()):
                known += self.raw[table]["patient_id"].unique().tolist()
        self.ids = pd.Index(dict.fromkeys(item for item in known if item), dtype="str")

    @property
    def n_patients(self) -> int:
        """Ids with a row in patients, each once; every id where there is no such table."""
        people = self.raw.get("patients")
        if people is None or "patient_id" not in people:
            return len(self.ids)
        return int(people.loc[people["patient_id"] != "", "patient_id"].nunique())

    @property
    def n_infusions(self) -> int:
        """Infusions of these patients; each patient has one where none is numbered."""
        people = self.raw.get("patients")
        if people is None or not {"patient_id", "episode"} <= set(people):
            return self.n_patients
        stated = people.loc[people["patient_id"] != "", ["patient_id", "episode"]]
        return len(stated.replace({"episode": {"": "1"}}).drop_duplicates())

    @cached_property
    def people(self) -> pd.DataFrame:
        """One row per id, in code order; see ``lenient_tables.people_frame``."""
        return people_frame(self.raw.get("patients"), self.ids, self.config.cohort)

    @cached_property
    def labs(self) -> pd.DataFrame:
        """Every lab row; see :func:`~pipeline.audit.lenient_tables.lab_frame`."""
        return lab_frame(self.raw.get("labs"), self.ids, self.people, self.config.cohort)

    @cached_property
    def grades(self) -> pd.DataFrame:
        """Every assessment; see :func:`~pipeline.audit.lenient_tables.grade_frame`.

        Where the configuration derives grades from observations, those of the accepted cohort.
        """
        if self.read is not None and self.config.cohort.grades != "charted":
            return derived_grades(self.read.cohort, self.ids)
        return grade_frame(self.raw.get("assessments"), self.ids, self.people, self.config.cohort)

    @cached_property
    def labels(self) -> list[OutcomeLabel]:
        """Configured outcomes that at least one patient has."""
        found = []
        for name, outcome in self.config.outcomes.items():
            rows = self.grades[
                (self.grades["scale"] == outcome.scale)
                & (self.grades["grade"] >= outcome.threshold)
                & (self.grades["patient"] >= 0)
            ]
            onset = np.full(len(self.ids), np.inf)
            np.minimum.at(onset, rows["patient"], rows["hours"].fillna(np.inf))
            event = np.zeros(len(self.ids), dtype=bool)
            event[rows["patient"]] = True
            if event.any():
                known = self.known_on(outcome.scale)
                found.append(
                    OutcomeLabel(name, outcome.scale, outcome.threshold, event, onset, known)
                )
        return found

    def known_on(self, scale: str) -> np.ndarray:
        """Whether each id is graded on a scale, or its silence tells that nothing happened."""
        rows = self.grades[(self.grades["scale"] == scale) & self.grades["grade"].notna()]
        rows = rows[rows["patient"] >= 0]
        graded = np.zeros(len(self.ids), dtype=bool)
        graded[rows["patient"]] = True
        zeros = int(rows.loc[rows["grade"] == 0, "patient"].nunique())
        read_as = absence_means(self.config.cohort.ungraded, int(graded.sum()), zeros)
        return graded | (scale == STATED_ELSEWHERE or read_as == "no_event")

    def n_unknown(self, scale: str) -> int:
        """Patients of whom nothing is known on a scale, of :attr:`n_patients`."""
        unknown, listed = ~self.known_on(scale), (self.people["position"] >= 0).to_numpy()
        return int((unknown & listed).sum() if listed.any() else unknown.sum())

    def need_labels(self) -> list[OutcomeLabel]:
        """Outcomes with events; a check that needs one does not apply without."""
        if not self.labels:
            raise NotApplicable("no configured outcome happens in the assessments")
        return self.labels

    def need_labs(self) -> pd.DataFrame:
        """Lab rows; a check that needs them does not apply without."""
        if self.labs.empty:
            raise NotApplicable("there are no lab rows")
        return self.labs

    def need_timed_labs(self) -> pd.DataFrame:
        """Lab rows; a check of their times does not apply where most draws cannot be placed."""
        labs = self.need_labs()
        if not self.timed:
            raise NotApplicable("the times of most lab rows cannot be read or placed")
        return labs

    @property
    def timed(self) -> bool:
        """Whether most draws can be placed, so that what is said of their times holds."""
        return len(self.labs) > 0 and self.labs["hours"].isna().mean() <= UNPLACED

    def lab_grade(self, scale: str) -> np.ndarray:
        """Worst grade charted on the day of each lab row, NaN where none was.

        Returns
        -------
        ndarray of float, shape (n_lab_rows,)
        """
        if scale not in self._lab_grades:
            rows = self.grades[(self.grades["scale"] == scale) & self.grades["day"].notna()]
            worst = rows.groupby(_day_code(rows))["grade"].max()
            days = pd.Series(_day_code(self.labs))
            self._lab_grades[scale] = days.map(worst).to_numpy(dtype=float)
        return self._lab_grades[scale]

    @cached_property
    def _lab_grades(self) -> dict[str, np.ndarray]:
        return {}

    def examples(
        self, table: str, rows: pd.DataFrame, column: str, *, limit: int = 3, show: bool = True
    ) -> list[Example]:
        """First rows of a frame as places in a file; ``show=False`` leaves the cell out."""
        if rows.empty:
            return []
        raw = self.raw[table]
        chosen = rows.head(limit)
        cells = raw[column] if show and column in raw else None
        return [
            Example(
                self.files[table],
                int(line),
                column,
                "" if cells is None else str(cells.loc[position])[:40],
            )
            for position, line in zip(chosen.index, chosen["line"], strict=True)
        ]


def _day_code(rows: pd.DataFrame) -> np.ndarray:
    """Patient and day as one number; -1 where either is unknown."""
    day = rows["day"].to_numpy(dtype=float)
    known = np.isfinite(day) & (rows["patient"].to_numpy() >= 0)
    whole = np.where(known, day, 0).astype(np.int64) + _DAYS // 2
    return np.where(known, rows["patient"].to_numpy(dtype=np.int64) * _DAYS + whole, -1)


def open_export(
    folder: str | Path, config: Config, *, read: ReadResult | None = None
) -> AuditContext:
    """Read whatever tables a folder has, and the cohort if it can be read.

    Parameters
    ----------
    folder : path
        Folder of an export.
    config : Config
    read : ReadResult, optional
        The cohort, where it has been read already.

    Raises
    ------
    InputError
        If ``folder`` is no folder or holds no table at all.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give the folder that holds labs.csv, ...")
    tables, problems = _raw_tables(folder)
    if not tables and not problems:
        found = ", ".join(sorted(item.name for item in folder.iterdir())[:10]) or "nothing"
        raise InputError(
            f"{folder} holds none of the tables {', '.join(TABLES)} (.csv or .parquet, lower "
            f"case). Found: {found}"
        )
    problem = " ".join(problems)
    if read is None and not problem:
        read, problem = _read(folder, tables, config)
    return context_of(tables, config, read, problem)


def context_of(
    tables: Mapping[str, RawTable], config: Config, read: ReadResult | None, problem: str = ""
) -> AuditContext:
    """What the checks see of tables that are open already.

    Parameters
    ----------
    tables : mapping of str to RawTable
        By table name.
    config : Config
    read : ReadResult or None
        The cohort; None where it cannot be read.
    problem : str
        Why not.

    Returns
    -------
    AuditContext

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> context_of({}, load_config(), None, "labs.csv is missing").problem
    'labs.csv is missing'
    """
    raw = {
        name: year_first(table.frame, config.cohort.date_order) for name, table in tables.items()
    }
    files = {name: table.file for name, table in tables.items()}
    return AuditContext(raw, files, config, read=read, problem=problem)


def _read(
    folder: Path, tables: Mapping[str, RawTable], config: Config
) -> tuple[ReadResult | None, str]:
    """The cohort and why it cannot train; without grades the labs are still judged."""
    scales = tuple(dict.fromkeys(item.scale for item in config.outcomes.values()))

    def read(chosen: Mapping[str, RawTable], remarks: Sequence[str] = ()) -> ReadResult:
        return read_tables(chosen, config.cohort, extra_scales=scales, remarks=remarks)

    try:
        paths = cohort_paths(folder, config.cohort.grades)
        return read(tables, folder_remarks(folder, paths)), ""
    except InputError as error:
        problem = _without_folder(str(error), folder)
    few = {name: tables[name] for name in ("patients", "labs") if name in tables}
    with suppress(InputError):  # the same words again, or those of a table that is missing too
        return read(tables, folder_remarks(folder, tables_of(folder))), problem
    with suppress(InputError):
        return read(few), problem
    return None, problem


def _without_folder(message: str, folder: Path) -> str:
    """Message with file names only; a folder at its beginning becomes "The folder".

    Examples
    --------
    >>> _without_folder("cohort/labs.csv: state cohort.date_order", Path("cohort"))
    'labs.csv: state cohort.date_order'
    >>> _without_folder("cohort holds no table", Path("cohort"))
    'The folder holds no table'
    """
    place = re.escape(str(folder))
    named = re.sub(rf"(?<![\w./-]){place}/", "", message)
    return re.sub(rf"^{place}(?=[ :,])", "The folder", named)


def _raw_tables(folder: Path) -> tuple[dict[str, RawTable], list[str]]:
    """Tables by name, and why the others cannot be read."""
    tables, problems = {}, []
    for name in TABLES:
        try:
            path = find_table(folder, name)
            if path is not None:
                tables[name] = read_raw(path)
        except InputError as error:
            problems.append(str(error).replace(f"{folder}/", ""))
    return tables, problems
