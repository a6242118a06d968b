"""Contents of an evaluation report with any figures, and its page as a reader of HTML sees it."""

import math
import re
from html.parser import HTMLParser

from hypothesis import strategies as st

from pipeline.evaluate import added_value
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_curves import (
    CalibrationGroups,
    HorizonCurves,
    RiskDistribution,
    RocCurve,
    SmoothCalibration,
)
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages import evaluation_page

HOURS = ("24", "72")
COUNTS = ("n", "n_patients", "n_events", "n_event_patients")
RANKING = ("auroc", "auroc_lo", "auroc_hi", "auprc", "diff_auroc", "diff_lo", "diff_hi")
SLOPE = ("cal_slope", "cal_slope_lo", "cal_slope_hi", "cal_intercept")
FIGURES = (*COUNTS, *RANKING, *SLOPE, "brier", "ipa", "ici")
VOID = {"meta", "br", "hr", "img", "link", "input"}
SHARES = st.none() | st.just(math.nan) | st.floats(0, 1)
METRICS = st.dictionaries(st.sampled_from(FIGURES), st.none() | st.floats(), max_size=18)


def with_curves(content, curves):
    """The content of an ``evaluation.json`` with curves by outcome and horizon."""
    outcomes = {
        name: outcome | ({"curves": curves[name]} if name in curves else {})
        for name, outcome in content.get("outcomes", {}).items()
    }
    return content | ({"outcomes": outcomes} if outcomes else {})


def render_evaluation(content, curves, **options):
    """Page of the content of an ``evaluation.json``."""
    report = EvaluationReport.model_validate(with_curves(content, curves))
    return evaluation_page.render_evaluation(report, **options)


def labs_answer(content, *arguments, **options):
    return added_value.labs_verdict(OutcomeReport.model_validate(content), *arguments, **options)


class Reader(HTMLParser):
    """Collect the text and tags, and check that tags close in order."""

    def __init__(self):
        super().__init__()
        self.stack, self.tags, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if "style" not in self.stack:
            self.text.append(data)


def read(page):
    """Parse a page and check what holds for every page."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.stack == []
    tags = [tag for tag, _ in reader.tags]
    assert (tags.count("main"), tags.count("h1"), tags.count("script")) == (1, 1, 0)
    policies = [a["content"] for t, a in reader.tags if t == "meta" and "http-equiv" in a]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not any({"src", "onload", "onclick"} & set(a) for _, a in reader.tags)
    links = [a["href"] for _, a in reader.tags if "href" in a]
    assert all(link.startswith(("#", "data:text/csv;charset=utf-8,")) for link in links)
    ids = [a["id"] for _, a in reader.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert not re.search(r"https?://", page.replace("http://www.w3.org/2000/svg", ""))
    assert not re.search(r"\b(nan|inf|None|NaN)\b", page)
    return reader


def metrics(**changes):
    return dict.fromkeys(FIGURES, 0.25) | {"n": 900, "n_event_patients": 41} | changes


def evaluation(m, **changes):
    by_hour = dict.fromkeys(HOURS, m)
    outcome = {
        "label": "Severe CRS (ASTCT grade 3 or more)",
        "model": by_hour,
        "model_no_state": by_hour,
        "comparators": {"grade_and_day": by_hour, "last_crp": by_hour},
        "by_day": {"10": {"n": 5}, "3": {"n": 90, "base_rate": 0.07, "mean_risk": None}},
    }
    cohort = {"name": "demo", "n_patients": 301, "n_landmarks": 900, "sha256": "ab" * 32}
    protocol = {"folds": 5, "repeats": 2, "bootstrap": 500, "horizons_h": [24, 72], "seed": 7}
    whole = {
        "cohort": cohort,
        "protocol": protocol,
        "kind": "cross-validated",
        "canary_auroc": 0.5,
        "outcomes": {"severe_crs": outcome},
        "warnings": [],
    }
    return whole | changes


def curves(shares=(0.0, 0.2, 1.0), smooth=SmoothCalibration()):  # noqa: B008
    values = list(shares)
    one = HorizonCurves(
        roc={"model": RocCurve(values, values)},
        calibration=CalibrationGroups(values, values, values, values, values),
        calibration_smooth=smooth,
        risk_distribution=RiskDistribution([0, 0.5, 1], [1, 2], [9, 0]),
    )
    return {"severe_crs": dict.fromkeys(HOURS, one)}


def whole_outcome(m):
    """One outcome with every part that an evaluation can have, all figures equal."""
    rate = {"value": 0.2, "value_lo": 0.1, "value_hi": 0.3}
    observed = {"observed": 0.1, "observed_lo": 0.05, "observed_hi": 0.2, "mean_risk": 0.12}
    alert = {
        "alert_rate": 0.1,
        "alerts_per_patient_day": 0.1,
        "false_alerts_per_patient_day": 0.08,
        "number_needed_to_alert": 4.0,
        "number_needed_to_alert_lo": 3.0,
        "number_needed_to_alert_hi": 6.0,
        "patients_warned": 0.6,
        "patients_warned_lo": 0.4,
        "patients_warned_hi": 0.8,
        "lead_hours_median": 30.0,
        "lead_hours_q1": 20.0,
        "lead_hours_q3": 44.0,
    }
    curve = {"thresholds": [0.05, 0.1, 0.2, 0.3], "treat_none": [0.0] * 4}
    names = ("model", "grade_and_day", "treat_all", "diff", "diff_lo", "diff_hi")
    curve |= {name: [0.01, 0.005, 0.0, -0.01] for name in names}
    both = {"model": dict.fromkeys(HOURS, m), "grade_and_day": dict.fromkeys(HOURS, m)}
    return {
        "label": "Severe CRS",
        **evaluation(m)["outcomes"]["severe_crs"],
        "labs_answer": "Within 72 h, labs are not shown to add.",
        "negative_control": dict.fromkeys(HOURS, m | {"n_permutations": 3}),
        "negative_control_kind": "refitted",
        "comparators_absent": {"nfl_age_z": "no NfL in this cohort"},
        "patient_weighted": both,
        "within_grade": {h: {"model": m, "grade_and_day": m, "by_grade": {}} for h in HOURS},
        "without_early_onsets": {"hours": 12, "left_out": 4, **both},
        "lost_to_follow_up": dict.fromkeys(HOURS, 0.04),
        "further_splits": {"leave_one_site_out": both, "temporal": "no infusion time"},
        "alerts": {h: {"model": {"0.1": alert, "0.2": {"reason": "none"}}} for h in HOURS},
        "net_benefit": {"24": curve, "72": {"reason": "too few event patients"}},
        "incidence": {
            "24": {**observed, "competing": 0.01, "groups": [observed] * 4},
            "72": {"reason": "too few event patients"},
        },
        "what_comes_first": {
            "incidence": {"24": {"outcome": rate, "death": rate}},
            "never_observed": ["iec_hs"],
        },
        "by_day_and_horizon": {"24": {"2": m, "11": m}},
        "calibration_by_site": {"72": {"sites": {"A": m}, "too_few": 2}},
        "subgroups": {"sex": {"F": {"72": m | observed}}},
    }


def whole_evaluation(m):
    fall = {"fall": 0.02, "fall_lo": 0.01, "fall_hi": 0.03}
    entry = {"label": "CRP", "rows": 9, "row_share": 0.5, "patients": 4, "event_patients": 5}
    used = entry | {"used": True, "why": "read by the model", "importance": {"72": fall}}
    unused = entry | {"used": False, "why": "no result", "importance": {"reason": "not used"}}
    return evaluation(
        m,
        outcomes={"severe_crs": whole_outcome(m)},
        contrast={"24": m},
        contrast_detail={
            "comparators": {"day": {"24": m}},
            "drivers": {"24": {"crp": fall}},
        },
        analyte_use={"severe_crs": {"crp": used, "nfl": unused}},
        abstention={
            "severe_crs": {
                "n": 50,
                "n_abstained": 3,
                "rate": 0.06,
                "by_reason": {"no_lab": 3},
                "n_without_lab": 3,
                "n_before_event": 1,
            }
        },
        command="cytocast train --cohort COHORT --config config.json --out OUT",
    )
