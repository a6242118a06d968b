"""Input of every check: the raw tables, read leniently, and the accepted cohort if any."""

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
UNPLACED = 0.5  # share of draws without a readable time above which checks of times do not apply
_DAYS = 100_000  # more days than any record has, so that patient and day fit into one number


@dataclass(frozen=True)
class OutcomeLabel:
    """Patients with a configured outcome, and the hour of its first grade.

    Attributes
    ----------
    name, scale : str
        Name of the outcome and its scale.
    threshold : int
        Lowest grade that is an event.
    event : ndarray of bool, shape (n_ids,)
        By patient code.
    onset : ndarray of float, shape (n_ids,)
        Hours of the first grade at or above the threshold, inf without one.
    known : ndarray of bool, shape (n_ids,)
        Whether the outcome of the patient is known. False where no grade on the scale can be
        read and ``cohort.ungraded`` treats that as unknown; comparisons skip these patients.
    """

    name: str
    scale: str
    threshold: int
    event: np.ndarray
    onset: np.ndarray
    known: np.ndarray

    @property
    def left_out(self) -> dict[str, int]:
        """Number of patients that comparisons skip; empty if there are none."""
        unknown = int((~self.known).sum())
        return {NEVER_GRADED: unknown} if unknown else {}


class AuditContext:
    """An export as input of the checks.

    ``labs``, ``grades`` and ``people`` keep rejected rows too: a cell that cannot be read is
    NaN. A patient is a code into ``ids``.

    Parameters
    ----------
    raw : mapping of str to DataFrame
        Tables as text; ``_line`` is the line of each row in its file.
    files : mapping of str to str
        File name of each table.
    config : Config
        Configuration of the run.
    read : ReadResult, optional
        The accepted cohort.
    problem : str
        Why the export cannot be used for training; empty if it can.
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
        """Number of ids in patients; of all ids if there is no table of patients."""
        people = self.raw.get("patients")
        if people is None or "patient_id" not in people:
            return len(self.ids)
        return int(people.loc[people["patient_id"] != "", "patient_id"].nunique())

    @property
    def n_infusions(self) -> int:
        """Number of infusions of these patients; one each where ``episode`` is missing."""
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

        Grades of the accepted cohort if the configuration derives them from observations.
        """
        if self.read is not None and self.config.cohort.grades != "charted":
            return derived_grades(self.read.cohort, self.ids)
        return grade_frame(self.raw.get("assessments"), self.ids, self.people, self.config.cohort)

    @cached_property
    def labels(self) -> list[OutcomeLabel]:
        """Configured outcomes that at least one patient has."""
        labels = []
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
                labels.append(
                    OutcomeLabel(name, outcome.scale, outcome.threshold, event, onset, known)
                )
        return labels

    def known_on(self, scale: str) -> np.ndarray:
        """Whether each id has a grade on a scale, or a missing grade means no event."""
        rows = self.grades[(self.grades["scale"] == scale) & self.grades["grade"].notna()]
        rows = rows[rows["patient"] >= 0]
        graded = np.zeros(len(self.ids), dtype=bool)
        graded[rows["patient"]] = True
        zeros = int(rows.loc[rows["grade"] == 0, "patient"].nunique())
        read_as = absence_means(self.config.cohort.ungraded, int(graded.sum()), zeros)
        return graded | (scale == STATED_ELSEWHERE or read_as == "no_event")

    def n_unknown(self, scale: str) -> int:
        """Number of the :attr:`n_patients` patients with an unknown outcome on a scale."""
        unknown, listed = ~self.known_on(scale), (self.people["position"] >= 0).to_numpy()
        return int((unknown & listed).sum() if listed.any() else unknown.sum())

    def need_labels(self) -> list[OutcomeLabel]:
        """Return :attr:`labels`, or raise :class:`NotApplicable` if no outcome has events."""
        if not self.labels:
            raise NotApplicable("no configured outcome occurs in the assessments")
        return self.labels

    def need_labs(self) -> pd.DataFrame:
        """Return :attr:`labs`, or raise :class:`NotApplicable` if it is empty."""
        if self.labs.empty:
            raise NotApplicable("there are no lab rows")
        return self.labs

    def need_timed_labs(self) -> pd.DataFrame:
        """Return :attr:`labs`, or raise :class:`NotApplicable` unless they are :attr:`timed`."""
        labs = self.need_labs()
        if not self.timed:
            raise NotApplicable("most lab rows have no readable time relative to the infusion")
        return labs

    @property
    def timed(self) -> bool:
        """Whether most draws have a readable time relative to the infusion."""
        return len(self.labs) > 0 and self.labs["hours"].isna().mean() <= UNPLACED

    def lab_grade(self, scale: str) -> np.ndarray:
        """Return the worst grade charted on the day of each lab row, NaN without a grade.

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
        """Return the first rows of a frame as places in a file; ``show=False`` hides the cell."""
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
                "" if cells is None else str(cells.loc[label])[:40],
            )
            for label, line in zip(chosen.index, chosen["line"], strict=True)
        ]


def _day_code(rows: pd.DataFrame) -> np.ndarray:
    """Patient and day as one integer; -1 where either is unknown."""
    day = rows["day"].to_numpy(dtype=float)
    known = np.isfinite(day) & (rows["patient"].to_numpy() >= 0)
    whole = np.where(known, day, 0).astype(np.int64) + _DAYS // 2
    return np.where(known, rows["patient"].to_numpy(dtype=np.int64) * _DAYS + whole, -1)


def open_export(
    folder: str | Path, config: Config, *, read: ReadResult | None = None
) -> AuditContext:
    r"""Read the tables of a folder, and the cohort if it can be read.

    Parameters
    ----------
    folder : path
        Folder of an export.
    config : Config
        Configuration of the run.
    read : ReadResult, optional
        The cohort of this folder, if it has been read already.

    Returns
    -------
    AuditContext

    Raises
    ------
    InputError
        If ``folder`` is not a folder or holds no table.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pipeline.config import load_config
    >>> with TemporaryDirectory() as folder:
    ...     labs = "patient_id,analyte,value,unit\na,CRP,<9,mg/L\n"
    ...     _ = Path(folder, "labs.csv").write_text(labs)
    ...     context = open_export(folder, load_config())
    >>> context.files, context.n_patients
    ({'labs': 'labs.csv'}, 1)
    >>> context.labs[["key", "number", "side"]].to_numpy().tolist()
    [['crp', 9.0, -1]]
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give the folder that holds labs.csv")
    tables, problems = _raw_tables(folder)
    if not tables and not problems:
        names = ", ".join(sorted(item.name for item in folder.iterdir())[:10]) or "nothing"
        raise InputError(
            f"{folder} holds none of the tables {', '.join(TABLES)} (.csv or .parquet, in lower "
            f"case). Found: {names}"
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
    """Read the cohort; if it cannot be used for training, read the labs alone and return why."""
    scales = tuple(dict.fromkeys(item.scale for item in config.outcomes.values()))

    def read(chosen: Mapping[str, RawTable], remarks: Sequence[str] = ()) -> ReadResult:
        return read_tables(chosen, config.cohort, extra_scales=scales, remarks=remarks)

    try:
        paths = cohort_paths(folder, config.cohort.grades)
        return read(tables, folder_remarks(folder, paths)), ""
    except InputError as error:
        problem = _without_folder(str(error), folder)
    few = {name: tables[name] for name in ("patients", "labs") if name in tables}
    with suppress(InputError):  # the same error again, or that of another missing table
        return read(tables, folder_remarks(folder, tables_of(folder))), problem
    with suppress(InputError):
        return read(few), problem
    return None, problem


def _without_folder(message: str, folder: Path) -> str:
    """Remove the path of the folder; at the beginning of a message it becomes "The folder".

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
    """Read the tables by name; also return why others cannot be read."""
    tables, problems = {}, []
    for name in TABLES:
        try:
            path = find_table(folder, name)
            if path is not None:
                tables[name] = read_raw(path)
        except InputError as error:
            problems.append(str(error).replace(f"{folder}/", ""))
    return tables, problems
