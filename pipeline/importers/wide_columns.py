"""Roles of the columns of a wide sheet in a mapping."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

# clock of each group of columns
CLOCKS = {
    "labs": "collected",
    "grades": "assessed",
    "doses": "given",
    "observations": "observed",
}


def _as_clock(value: Any) -> Any:
    """Read a column name alone as a clock with the reading 'at'."""
    return {"column": value, "reads": "at"} if isinstance(value, str) else value


def _as_code(value: Any) -> str:
    if isinstance(value, bool):
        raise ValueError("YAML reads yes and no as true and false; quote the code")
    return "" if value is None else str(value).strip()


class StrictModel(BaseModel):
    """Base of every mapping: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TimeColumn(StrictModel):
    """A column of times, its reading, and the column with the time of day, if any."""

    column: str
    reads: Literal["at", "hours", "days"]
    time: str | None = None


Clock = Annotated[TimeColumn, BeforeValidator(_as_clock)]
Code = Annotated[str, BeforeValidator(_as_code)]
Values = dict[Code, Code]


class DataColumn(StrictModel):
    """A column with its own clock, if any, and the translation of the codes of its cells."""

    at: Clock | None = Field(default=None, repr=False)
    values: Values | None = Field(default=None, repr=False)


class LabColumn(DataColumn):
    """A column with the results of one analyte in one unit."""

    analyte: str
    unit: str = ""


class GradeColumn(DataColumn):
    """A column with the grades of one scale."""

    scale: str


class DoseColumn(DataColumn):
    """A column with doses of a drug in a unit; without ``drug``, names of drugs.

    For a column of names, ``dose`` is the column of the doses.
    """

    drug: str = ""
    unit: str = ""
    dose: str | None = None


class ObservationColumn(DataColumn):
    """A column with one item of ``observations.yaml``."""

    item: str


class PatientColumn(StrictModel):
    """A column with one value per patient, and the translation of the codes of its cells."""

    to: str
    values: Values | None = None


class WideMapping(StrictModel):
    """Roles of the columns of a wide sheet.

    Attributes
    ----------
    collected, assessed, given, observed : TimeColumn
        Clock of labs, grades, doses and observations without a clock of their own. If missing,
        ``collected`` is used, unless the sheet has another column of times.
    specimen : str or None
        Column with the specimen of every result of the row.
    patients : dict
        Column to field of ``patients.json``; one value per patient.
    grades, doses, observations : dict
        Column to scale, drug, item.
    ignored : tuple of str
        Columns left out on purpose.
    date_order : {"day_first", "month_first"} or None
        Order of numeric dates with the year last; None leaves them unchanged.
    """

    confirmed: bool = False
    patient_id: str
    collected: Clock
    resulted: Clock | None = None
    specimen: str | None = None
    assessed: Clock | None = None
    given: Clock | None = None
    observed: Clock | None = None
    labs: dict[str, LabColumn]
    patients: dict[str, str | PatientColumn] = Field(default_factory=dict)
    grades: dict[str, str | GradeColumn] = Field(default_factory=dict)
    doses: dict[str, DoseColumn] = Field(default_factory=dict)
    observations: dict[str, str | ObservationColumn] = Field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    date_order: Literal["day_first", "month_first"] | None = None

    @model_validator(mode="after")
    def _each_column_once(self) -> WideMapping:
        names = self.columns()
        data = self.data_columns()
        clocks = {name for name in self.clock_names() if name in data}
        repeated = sorted({name for name in names if name and names.count(name) > 1} | clocks)
        if repeated:
            raise ValueError(
                f"columns with two roles: {', '.join(repeated)}; name each column once, and remove "
                "columns with a role from 'ignored'"
            )
        targets = [item.to for item in self.patient_columns().values()]
        twice = sorted({name for name in targets if targets.count(name) > 1})
        if twice:
            raise ValueError(f"two columns for one field of patients: {', '.join(twice)}; keep one")
        return self

    def columns(self) -> list[str]:
        """Every column that has a role; a clock of several groups counts once."""
        times = [item.column for item in (self.collected, self.resulted) if item is not None]
        fixed = [name for name in (*times, *self.data_columns()) if name]
        further = [*self.clock_names(), *(item.dose or "" for item in self.doses.values())]
        further = [name for name in dict.fromkeys(further) if name and name not in fixed]
        return [*fixed, *further, *(name for name in self.ignored if name not in further)]

    def data_columns(self) -> list[str]:
        """Columns with a role, without times."""
        specimen = [self.specimen] if self.specimen else []
        return [self.patient_id, *specimen, *self.labs, *self.patients, *self.grades, *self.doses,
                *self.observations]  # fmt: skip

    def times_of(self, header: Iterable[str]) -> list[str]:
        """Columns of a header that may have times: all without data."""
        data = set(self.data_columns())
        return [name for name in header if name not in data and name != "_line"]

    def clock_names(self) -> list[str]:
        """Columns with times and times of day, each once."""
        names = [name for clock in self.clocks() for name in (clock.column, clock.time) if name]
        return list(dict.fromkeys(names))

    def patient_columns(self) -> dict[str, PatientColumn]:
        """Columns of patients, each with its field."""
        return {
            name: PatientColumn(to=item) if isinstance(item, str) else item
            for name, item in self.patients.items()
        }

    def grade_columns(self) -> dict[str, GradeColumn]:
        """Columns of grades, each with its scale."""
        return {
            name: GradeColumn(scale=item) if isinstance(item, str) else item
            for name, item in self.grades.items()
        }

    def observation_columns(self) -> dict[str, ObservationColumn]:
        """Columns of observations, each with its item."""
        return {
            name: ObservationColumn(item=item) if isinstance(item, str) else item
            for name, item in self.observations.items()
        }

    def columns_of(self, group: str) -> dict[str, DataColumn]:
        """Columns of a group of :data:`CLOCKS`."""
        groups: dict[str, dict[str, DataColumn]] = {
            "labs": dict(self.labs),
            "grades": dict(self.grade_columns()),
            "doses": dict(self.doses),
            "observations": dict(self.observation_columns()),
        }
        return groups[group]

    def clocks(self) -> list[TimeColumn]:
        """Every clock of the mapping, each once."""
        own = [item.at for group in CLOCKS for item in self.columns_of(group).values()]
        stated = [*self._group_clocks(), *own]
        return list(dict.fromkeys(clock for clock in stated if clock is not None))

    def clock_of(self, group: str, column: str) -> TimeColumn | None:
        """Clock of a column of a group, None if the mapping has none.

        A clock shared with a group has the reading of the group.
        """
        own = self.columns_of(group)[column].at
        if own is None:
            stated: TimeColumn | None = getattr(self, CLOCKS[group])
            return stated
        same = [clock for clock in self._group_clocks() if clock and clock.column == own.column]
        return same[0] if same else own

    def _group_clocks(self) -> list[TimeColumn | None]:
        return [self.collected, self.resulted, self.assessed, self.given, self.observed]
