"""Every check of the audit, in the order of its code."""

from __future__ import annotations

from pipeline.cohort.audit.check import Check
from pipeline.cohort.audit.clocks import (
    ClockChanges,
    DailyGrades,
    MixedGrading,
    OncePerPatient,
    OneClock,
    SameTimeOfDay,
)
from pipeline.cohort.audit.constants import EncodingConstants, RepeatedConstants
from pipeline.cohort.audit.course import AfterTheEnd, CutAtThePeak, PeakColumns, TellingGaps
from pipeline.cohort.audit.digits import CodeBeyondLimit, MissingDigit, Sentinels, SilentLimit
from pipeline.cohort.audit.identity import PersonsInTheExport, SamePatientTwice, TellingOrder
from pipeline.cohort.audit.leakage import ColumnsThatAreTheOutcome, OutcomeAmongInputs
from pipeline.cohort.audit.reading import (
    FewEvents,
    NeverGraded,
    PatientsWithoutLabs,
    RefusedRows,
    Unreadable,
)
from pipeline.cohort.audit.specimens import (
    Contradictions,
    ImpossibleJumps,
    TwoPopulations,
)
from pipeline.cohort.audit.units import MissingBasis, MissingUnit, ShiftedNames, UnitSlips
from pipeline.cohort.audit.zones import ForeignZone

CHECKS: tuple[type[Check], ...] = (
    Unreadable,
    RefusedRows,
    FewEvents,
    PatientsWithoutLabs,
    NeverGraded,
    EncodingConstants,
    ColumnsThatAreTheOutcome,
    OutcomeAmongInputs,
    SamePatientTwice,
    TellingOrder,
    PersonsInTheExport,
    CutAtThePeak,
    TellingGaps,
    AfterTheEnd,
    PeakColumns,
    MissingDigit,
    SilentLimit,
    CodeBeyondLimit,
    Sentinels,
    TwoPopulations,
    Contradictions,
    ImpossibleJumps,
    RepeatedConstants,
    MissingUnit,
    MissingBasis,
    UnitSlips,
    ShiftedNames,
    SameTimeOfDay,
    OneClock,
    ClockChanges,
    DailyGrades,
    MixedGrading,
    OncePerPatient,
    ForeignZone,
)

# those that may find an error; the others only warn
ERROR_CHECKS: tuple[type[Check], ...] = (
    Unreadable,
    RefusedRows,
    EncodingConstants,
    ColumnsThatAreTheOutcome,
    OutcomeAmongInputs,
    SamePatientTwice,
    PeakColumns,
    ForeignZone,
)


def by_code() -> dict[str, type[Check]]:
    """Checks by code.

    Examples
    --------
    >>> by_code()["CHK104"].title
    'The same patient under two ids'
    """
    return {check.code: check for check in CHECKS}
