"""The cohort of the Python API: its tables, its rejects, and the settings it was read with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.cohort.analytes import Analyte
from pipeline.cohort.files import RawTable, raw_from_frame
from pipeline.cohort.tables import TABLES
from pipeline.cohort.tables import Cohort as Tables
from pipeline.config import Config
from pipeline.config_cohort import READING
from pipeline.errors import UsageError
from pipeline.format import counted
from pipeline.reading.paths import batch_paths, cohort_paths, folder_remarks
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import raw_tables, read_tables

Source = str | Path | Mapping[str, pd.DataFrame]


@dataclass(frozen=True, repr=False, eq=False)
class Cohort(Tables):
    """Five clean tables, with the rows that were rejected.

    Made by :func:`cytocast.read_cohort`, :func:`cytocast.read_batch` and
    :func:`cytocast.simulate`. The five tables hold accepted rows only; all times are hours since
    infusion and all values are in the canonical unit of their analyte.

    Attributes
    ----------
    patients : DataFrame
        One row per infusion: ``patient_id``, host columns such as ``age_years`` and ``product``,
        and hours (NaN where unknown): ``record_end_hours``, ``followed_until_hours``, ...
    labs : DataFrame
        ``patient`` (row number in ``patients``), ``analyte``, ``value``, ``side`` (-1 below a
        detection limit, 1 above one, 0 exact), ``collected_hours``, ``resulted_hours``, ...
    treatments : DataFrame
        ``patient, drug, given_hours, intent, dose_mg``.
    observations : DataFrame
        ``patient, item, value, observed_hours``.
    assessments : DataFrame
        ``patient, scale, grade, assessed_hours``.
    config : Config
        The settings it was read with.
    source : str
        The folder, or ``tables in memory``.
    as_of : str or None
        Cut-off of a batch, as given.

    Examples
    --------
    >>> import cytocast
    >>> labs = {"patient_id": ["A", "A"], "analyte": ["CRP", "CRP"], "value": ["12", "n/a"],
    ...         "unit": "mg/L", "collected_hours": [20, 30]}
    >>> grades = {"patient_id": ["A"], "scale": "crs", "grade": 1, "assessed_hours": 24}
    >>> tables = {"patients": {"patient_id": ["A"]}, "labs": labs, "assessments": grades}
    >>> cohort = cytocast.read_cohort({name: pd.DataFrame(t) for name, t in tables.items()})
    >>> cohort
    Cohort of tables in memory: 1 patient, 1 lab row, 1 reject
    >>> cohort.rejects[["file", "row", "value", "code"]].values.tolist()
    [['labs', 2, 'n/a', 'no_result']]
    """

    read: ReadResult = field(kw_only=True)
    raw: Mapping[str, RawTable] = field(kw_only=True)
    config: Config = field(kw_only=True)
    source: str = field(kw_only=True)
    as_of: str | None = field(kw_only=True, default=None)

    @property
    def rejects(self) -> pd.DataFrame:
        """Rows and cells that are not used: ``file, row, column, value, code, reason, remedy``.

        ``row`` is the line of a file (its header is line 1), or the row of a DataFrame from 1.
        """
        return self.read.rejects

    @property
    def flags(self) -> pd.DataFrame:
        """Rows that are used although they are odd, in the columns of :attr:`rejects`."""
        return self.read.notes

    @property
    def remarks(self) -> list[str]:
        """Sentences on whole files: encoding, separator, renamed columns."""
        return self.read.remarks

    @property
    def local(self) -> Mapping[str, Analyte]:
        """Analytes outside the dictionary, by key."""
        return self.read.local

    def reading_settings(self) -> dict[str, Any]:
        """Reading settings that were stated when the cohort was read.

        Returns
        -------
        dict
            As in a settings file: ``{"cohort": {...}}``.
        """
        stated = self.config.cohort.model_dump(mode="json", exclude_unset=True)
        return {"cohort": {name: stated[name] for name in READING if name in stated}}

    def source_tables(self) -> dict[str, pd.DataFrame]:
        """The tables as they were given, all cells as text, for example to write them to CSV.

        Returns
        -------
        dict of DataFrame
            By table name.
        """
        return {name: table.frame.drop(columns="_line") for name, table in self.raw.items()}

    def summary(self) -> pd.DataFrame:
        """Rows of every file: read, accepted, rejected, collapsed (repeats), withdrawn.

        Returns
        -------
        DataFrame
            One row per file.
        """
        return pd.DataFrame.from_dict(self.read.counts, orient="index").rename_axis("file")

    def __repr__(self) -> str:
        return (
            f"Cohort of {self.source}: {counted(self.n_patients, 'patient')}, "
            f"{counted(len(self.labs), 'lab row')}, {counted(len(self.rejects), 'reject')}"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.summary().to_html()}"


def export_tables(source: Source, config: Config) -> tuple[dict[str, RawTable], list[str]]:
    """Tables of a training export as text, and remarks on the folder.

    Parameters
    ----------
    source : path or mapping of str to DataFrame
        Folder, or tables by name.
    config : Config

    Returns
    -------
    tables : dict of RawTable
    remarks : list of str

    Raises
    ------
    InputError
        If a required table is missing or cannot be read.
    UsageError
        If ``source`` is of another type.

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> tables, _ = export_tables({"labs": pd.DataFrame({"value": [5.0]})}, load_config())
    >>> tables["labs"].frame["value"].tolist()
    ['5']
    """
    if isinstance(source, Mapping):
        return tables_in_memory(source), []
    refuse_other_sources(source)
    paths = cohort_paths(Path(source), config.cohort.grades)
    return raw_tables(paths), folder_remarks(Path(source), paths)


def batch_tables(source: Source | pd.DataFrame) -> tuple[dict[str, RawTable], list[str]]:
    """Tables of a batch as text, and remarks on the folder.

    Parameters
    ----------
    source : path, DataFrame or mapping of str to DataFrame
        Folder or labs file, lab rows, or tables by name.

    Returns
    -------
    tables : dict of RawTable
    remarks : list of str

    Raises
    ------
    InputError
        If there is no labs table or it cannot be read.
    UsageError
        If ``source`` is of another type.

    Examples
    --------
    >>> [*batch_tables(pd.DataFrame({"value": [5.0]}))[0]]
    ['labs']
    """
    if isinstance(source, pd.DataFrame):
        return tables_in_memory({"labs": source}), []
    if isinstance(source, Mapping):
        return tables_in_memory(source), []
    refuse_other_sources(source)
    paths = batch_paths(source)
    return raw_tables(paths), folder_remarks(Path(source), paths)


def refuse_other_sources(source: object) -> None:
    """Refuse a source that is not a path.

    Parameters
    ----------
    source : object

    Raises
    ------
    UsageError

    Examples
    --------
    >>> refuse_other_sources("exports/2026")
    """
    if not isinstance(source, str | Path):
        raise UsageError(
            f"the source is a {type(source).__name__}; give a folder, a dict of DataFrames by "
            "table name, or a cohort from cytocast.read_cohort"
        )


def tables_in_memory(tables: Mapping[str, pd.DataFrame]) -> dict[str, RawTable]:
    """DataFrames as tables of text, by name.

    Parameters
    ----------
    tables : mapping of str to DataFrame

    Returns
    -------
    dict of RawTable

    Raises
    ------
    UsageError
        If a name is not that of a table, or a value is not a DataFrame.

    Examples
    --------
    >>> tables_in_memory({"labs": pd.DataFrame({"value": ["<5"]})})["labs"].frame["value"][0]
    '<5'
    """
    for name, table in tables.items():
        if name not in TABLES or not isinstance(table, pd.DataFrame):
            raise UsageError(
                f"tables are DataFrames named {', '.join(TABLES)}; got a {type(table).__name__} "
                f"named '{name}'"
            )
    return {name: raw_from_frame(table, name) for name, table in tables.items()}


def name_of(source: object) -> str:
    """Name of a source in a repr: its path, or ``tables in memory``.

    Parameters
    ----------
    source : path, DataFrame, mapping or Cohort

    Returns
    -------
    str

    Examples
    --------
    >>> name_of("exports/2026"), name_of({})
    ('exports/2026', 'tables in memory')
    """
    if isinstance(source, Cohort):
        return source.source
    return str(source) if isinstance(source, str | Path) else "tables in memory"


def read_export(source: Source | Cohort, config: Config) -> Cohort:
    """Read a training export; a cohort is read again from its raw tables.

    Parameters
    ----------
    source : path, mapping of str to DataFrame, or Cohort
    config : Config

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        If a required table or column is missing, or no lab row can be used.

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> rows = {"patient_id": ["A"], "analyte": "CRP", "value": "9", "unit": "mg/L",
    ...         "collected_hours": 5}
    >>> read_export({"labs": pd.DataFrame(rows)}, load_config()).labs["value"].tolist()
    [9.0]
    """
    if isinstance(source, Cohort):
        raw, remarks = dict(source.raw), list[str]()
    else:
        raw, remarks = export_tables(source, config)
    read = read_tables(raw, config.cohort, extra_scales=config.scales, remarks=remarks)
    return with_tables(read, raw, config, name_of(source))


def with_tables(
    read: ReadResult,
    raw: Mapping[str, RawTable],
    config: Config,
    source: str,
    as_of: str | None = None,
) -> Cohort:
    """Cohort of the API from what reading returned.

    Parameters
    ----------
    read : ReadResult
    raw : mapping of str to RawTable
        The tables it was read from.
    config : Config
    source : str
        Name in the repr.
    as_of : str, optional
        Cut-off of a batch.

    Returns
    -------
    Cohort

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> config = load_config()
    >>> labs = pd.DataFrame({"patient_id": ["A"], "analyte": "CRP", "value": "9", "unit": "mg/L",
    ...                      "collected_hours": 5})
    >>> raw = tables_in_memory({"labs": labs})
    >>> with_tables(read_tables(raw, config.cohort), raw, config, "a test")
    Cohort of a test: 1 patient, 1 lab row, 0 rejects
    """
    tables = read.cohort
    return Cohort(
        tables.patients,
        tables.labs,
        tables.treatments,
        tables.observations,
        tables.assessments,
        read=read,
        raw=raw,
        config=config,
        source=source,
        as_of=as_of,
    )
