"""One patient as a line of the ward list: risks on the fixed scale, change, reason, exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from pipeline.config import OutcomeConfig
from pipeline.explain.confidence import confidence_of, unscored_reasons
from pipeline.explain.drug_caveats import drug_name
from pipeline.explain.estimate_age import EstimateAge
from pipeline.explain.estimates import Estimate, Risk
from pipeline.explain.infusion_clock import day_text, since_infusion
from pipeline.explain.model_summary import ModelSummary, graded_scales
from pipeline.explain.outcome_state import outcome_state
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import (
    age_text,
    interval_text,
    outcome_short,
    phrase,
    points_text,
    risk_text,
    section,
    whole,
)
from pipeline.explain.ranked_reasons import rank_reasons
from pipeline.format import is_missing
from pipeline.model.status import EVENT_PRESENT, OK, REJECTED
from pipeline.pages.outcome_card import unscored_text
from pipeline.pages.risk_scale import RiskMark, compact_scale, syndrome_hue
from pipeline.predict.patient_results import Patient

_NO_RISK = -1.0


@dataclass(frozen=True)
class WardCell:
    """The cell of one outcome: a risk with its bar, or the status as text."""

    label: str
    hue: str
    number: str = ""
    change: str = ""
    change_words: str = ""
    bar: Markup | None = None
    status: str = ""


@dataclass(frozen=True)
class WardPatient:
    """A patient of the list, with what its line and the order of the list need.

    Attributes
    ----------
    patient : Patient
    address : str
        Relative address of the patient's page.
    late : EstimateAge or None
        Age of the estimates; None if it is unknown.
    now : float
        Hour at which day and grades are stated for a patient without a landmark.
    """

    patient: Patient
    address: str
    summary: ModelSummary
    late: EstimateAge | None = None
    now: float = float("nan")

    @property
    def patient_id(self) -> str:
        """Id as in the input."""
        return self.patient.record.patient_id

    @cached_property
    def by_outcome(self) -> dict[str, Estimate]:
        """Estimates by outcome."""
        return {item.outcome: item for item in self.patient.estimates}

    def risk(self, outcome: str) -> float:
        """Headline risk of an outcome; -1 without an estimate."""
        item = self.by_outcome.get(outcome)
        return _NO_RISK if item is None or item.headline is None else item.headline.risk

    @property
    def _hours(self) -> float:
        landmark = self.patient.record.hours
        return self.now if is_missing(landmark) else landmark

    def has_now(self, outcome: str) -> bool:
        """Whether the newest grade reaches the threshold of an outcome."""
        config = self.summary.outcomes[outcome]
        state = outcome_state(self.patient.record, config.scale, config.threshold)
        return state is not None and state.present

    def change(self, outcome: str) -> int | None:
        """Change of the headline risk within 24 h in points; None if unknown."""
        item = self.by_outcome.get(outcome)
        before = item.day_before(self.patient.record.hours) if item else None
        if item is None or item.headline is None or before is None:
            return None
        return whole(100 * item.headline.risk) - whole(100 * before.risk)

    def leading(self, outcomes: Sequence[str]) -> Estimate | None:
        """The estimate with the largest risk among some outcomes; None without an estimate."""
        known = [name for name in outcomes if self.risk(name) >= 0]
        return self.by_outcome[max(known, key=self.risk)] if known else None

    @property
    def estimated(self) -> bool:
        """Whether any outcome has an estimate or is present."""
        return any(item.status in (OK, EVENT_PRESENT) for item in self.patient.estimates)

    @property
    def present(self) -> bool:
        """Whether any outcome is present now."""
        return any(self.has_now(name) for name in self.summary.outcomes)

    @property
    def treated_since(self) -> bool:
        """Whether a drug was given after the estimate."""
        return any(event.drug for event in self.patient.later)

    @property
    def expired(self) -> bool:
        """Whether the horizon had passed when the list was made."""
        return self.late is not None and self.late.past

    @property
    def day(self) -> str:
        """Day since infusion, or the time before it; blank if unknown."""
        hours = self._hours
        if is_missing(hours):
            return ""
        return since_infusion(hours) if hours < 0 else str(int(hours // 24))

    @property
    def grades(self) -> str:
        """Newest grade on each scale, abbreviated; blank for an unknown patient."""
        if self.patient.unknown:
            return ""
        record, valid = self.patient.record, self.summary.grade_valid_hours
        known = {
            name: record.newest_grade(name, self._hours, valid)
            for name in graded_scales(self.summary)
        }
        return " ".join(
            phrase("ward", "grade", scale=name.upper(), grade="?" if grade is None else grade)
            for name, grade in known.items()
        )

    def cells(self, outcomes: Sequence[str]) -> list[WardCell]:
        """One cell per outcome."""
        return [self._cell(name) for name in outcomes]

    @property
    def missing(self) -> str:
        """Why there is no estimate of any outcome; blank if there is one."""
        if self.estimated:
            return ""
        first = next((item for item in self.patient.estimates if item.reason), None)
        return unscored_text(first or self.patient.estimates[0])

    def reason(self, outcomes: Sequence[str]) -> str:
        """Outcome by which the line is sorted, with what raises its risk most."""
        for config in (self.summary.outcomes[name] for name in outcomes):
            state = outcome_state(self.patient.record, config.scale, config.threshold)
            if state is not None and state.present:
                scale = _scale_name(config)
                return phrase("ward", "reason_present", scale=scale, grade=state.grade)
        item = self.leading(outcomes)
        if item is None:
            return ""
        scale, ranked = _scale_name(item), rank_reasons(item.players)
        if not ranked.bars:
            return phrase("ward", "reason_none", scale=scale)
        if not (raising := ranked.along(1)):
            return ""
        name, points = raising[0]
        shown = {"name": self._player(name), "points": f"+{whole(points)}"}
        return phrase("ward", "reason", scale=scale, **shown)

    def exceptions(self) -> list[str]:
        """Facts that make this patient an exception, in a few words each."""
        items = self.patient.estimates
        estimates = [item for item in items if item.headline is not None]
        inputs = self.patient.inputs
        if inputs is None or not estimates:
            reasons = unscored_reasons(
                self.patient.record,
                self.summary,
                self.patient.refused,
                unknown=self.patient.unknown,
            )
            return [*self._since(), *(reason.flag for reason in reasons)]
        confidence = confidence_of(
            self.patient.record,
            inputs,
            estimates,
            self.summary,
            self.patient.refused,
        )
        return [*self._since(), *self._age(), *confidence.flags]

    @property
    def chips(self) -> list[str]:
        """The first exceptions; the last one counts those left out."""
        chips, most = self.exceptions(), int(section("ward")["most_exceptions"])
        if len(chips) <= most:
            return chips
        left_out = len(chips) - most + 1
        return [*chips[: most - 1], phrase("ward", "more", count=left_out)]

    def _age(self) -> list[str]:
        if self.late is None or not (self.late.past or self.late.late):
            return []
        key = "expired" if self.late.past else "late"
        return [phrase("ward", key, age=age_text(self.late.hours))]

    def _since(self) -> list[str]:
        """Drugs, grades and death after the estimate."""
        chips = []
        for event in self.patient.later:
            if event.drug:
                chips.append(phrase("ward", "drug_since", drug=drug_name(event.drug)))
            elif event.scale == "death":
                chips.append(phrase("ward", "death_since"))
            else:
                scale = event.scale.upper().replace("_", "-")
                chips.append(phrase("ward", "grade_since", scale=scale, grade=event.grade))
        return chips

    def _player(self, name: str) -> str:
        if name in self.summary.analytes:
            return self.summary.analytes[name].short
        return str(section("ward")["players"].get(name, name.replace("_", " ")))

    def _cell(self, outcome: str) -> WardCell:
        config, item = self.summary.outcomes[outcome], self.by_outcome.get(outcome)
        label, hue = column_title(outcome), syndrome_hue(config.scale, config.threshold)
        if item is None:
            return WardCell(label, hue)
        if item.status == EVENT_PRESENT:
            return WardCell(label, hue, status=occurred_since(item, self.patient.record))
        risk = item.headline
        if risk is None:
            key = "rejected" if item.status == REJECTED else "abstained"
            return WardCell(label, hue, status=phrase("ward", key))
        points = self.change(outcome)
        change, words = ("", "") if points is None else change_marks(points)
        return WardCell(label, hue, brief_risk(risk.risk), change, words, _bar(risk, hue))


def _scale_name(item: Estimate | OutcomeConfig) -> str:
    return item.scale.upper().replace("_", "-")


def _bar(risk: Risk, hue: str) -> Markup:
    """Interval and day average on the fixed scale."""
    average = risk.usual.rate if risk.usual else None
    key = "bar" if average is not None else "bar_alone"
    alternative = phrase(
        "ward",
        key,
        interval=interval_text(risk.low, risk.high),
        average="" if average is None else risk_text(average),
    )
    return compact_scale(RiskMark(hue, risk.risk, risk.low, risk.high, average, alternative))


def change_marks(points: int) -> tuple[str, str]:
    """Return the change within 24 h as arrow and points, and in words.

    Examples
    --------
    >>> change_marks(11), change_marks(0)
    (('▲ 11', 'up 11 points in 24 h'), ('±0', 'unchanged in 24 h'))
    """
    key, words = "change_none", "change_none_words"
    if points:
        up = points > 0
        key = "change_up" if up else "change_down"
        words = "change_up_words" if up else "change_down_words"
    return phrase("ward", key, points=abs(points)), phrase(
        "ward", words, points=points_text(points)
    )


def brief_risk(risk: float) -> str:
    """Format a risk for a narrow column, with signs where the text has words.

    Examples
    --------
    >>> brief_risk(0.004).replace(chr(160), " ")
    '<1%'
    """
    return risk_text(risk).replace("under ", "<").replace("over ", ">")


def column_title(outcome: str) -> str:
    """Return the short name of an outcome with a capital."""
    short = outcome_short(outcome)
    return short[:1].upper() + short[1:]


def occurred_since(item: Estimate, record: PatientRecord) -> str:
    """Return that an outcome is present or over, and since which day if known."""
    state = outcome_state(record, item.scale, item.threshold)
    if state is None:
        return phrase("ward", "present")
    key = "present_since" if state.present else "over" if state.grade else "resolved"
    day, onset = (day_text(int(hours // 24)) for hours in (state.since, state.onset))
    return phrase("ward", key, grade=state.grade, day=day, onset=onset)
