"""The evaluation page is whole, safe and honest for complete, poor and hostile input."""

import math
import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
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
from pipeline.pages import calibration_sentences, evaluation_page, headline_sentences

HOURS = ("24", "72")
COUNTS = ("n", "n_patients", "n_events", "n_event_patients")
RANKING = ("auroc", "auroc_lo", "auroc_hi", "auprc", "diff_auroc", "diff_lo", "diff_hi")
SLOPE = ("cal_slope", "cal_slope_lo", "cal_slope_hi", "cal_intercept")
FIGURES = (*COUNTS, *RANKING, *SLOPE, "brier", "ipa", "ici")
VOID = {"meta", "br", "hr", "img", "link", "input"}
SHARES = st.none() | st.just(math.nan) | st.floats(0, 1)
METRICS = st.dictionaries(st.sampled_from(FIGURES), st.none() | st.floats(), max_size=18)


def render_evaluation(content, curves, **options):
    """Page of the content of an ``evaluation.json``."""
    return evaluation_page.render_evaluation(
        EvaluationReport.model_validate(content), curves, **options
    )


def labs_answer(content, *arguments, **options):
    return added_value.labs_verdict(OutcomeReport.model_validate(content), *arguments, **options)


def headline(label, content):
    return headline_sentences.headline(label, OutcomeReport.model_validate(content))


def alert_words(content):
    return headline_sentences.alert_text(OutcomeReport.model_validate(content))


def weighted_words(content):
    return headline_sentences.weighted_text(OutcomeReport.model_validate(content))


def calibration_words(content, hours):
    return calibration_sentences.calibration_text(OutcomeReport.model_validate(content), hours)


def limits(content, kind, minimum):
    outcomes = EvaluationReport.model_validate({"outcomes": content}).outcomes
    return headline_sentences.limits(outcomes, kind, minimum)


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
    assert not any({"src", "href", "onload", "onclick"} & set(a) for _, a in reader.tags)
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


def test_complete_page_shows_every_part_in_order():
    page = render_evaluation(evaluation(metrics()), curves(), title="Evaluation")
    reader = read(page)
    text = " ".join(reader.text)
    parts = ["Research use only", "fitted without that patient", "In short", "What was predicted"]
    parts += ["Next 24 h", "Next 72 h", "By day", "Canary", "How to read", "Pitfalls", "ab" * 32]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert [tag for tag, _ in reader.tags].count("svg") == 7
    assert "within the next 24 and 72 hours" in text
    assert "SYNTHETIC" not in text


def test_tables_have_captions_and_scopes():
    reader = read(render_evaluation(evaluation(metrics()), curves(), title="Evaluation"))
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("table") == tags.count("caption") == 5
    assert all("scope" in attrs for tag, attrs in reader.tags if tag == "th")


@pytest.mark.parametrize("missing", [None, math.nan])
def test_unestimable_figures_become_dashes_with_a_footnote(missing):
    poor = dict.fromkeys(FIGURES, missing)
    text = " ".join(read(render_evaluation(evaluation(poor), {}, title="Poor")).text)
    assert "fewer than 5 patients with, or without, the event, or not estimable" in text
    assert "could not be estimated" in text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(m=METRICS, shares=st.lists(SHARES, max_size=5), canary=SHARES, rate=SHARES)
def test_any_figures_give_a_clean_page(m, shares, canary, rate):
    whole = evaluation(m, canary_auroc=canary, contrast={"24": m | {"auroc": None}})
    whole["outcomes"]["severe_crs"]["by_day"] = {"1": {"base_rate": rate, "mean_risk": rate}}
    whole["outcomes"]["severe_crs"]["subgroups"] = {"product": {"x": {"24": m}}}
    read(render_evaluation(whole, curves(shares), title="Any"))


def test_hostile_names_are_text():
    name = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    whole = evaluation(metrics(), cohort={"name": name, "note": name}, warnings=[name], kind=name)
    whole["outcomes"]["severe_crs"]["label"] = name
    whole["outcomes"]["severe_crs"]["comparators"] = {name: {"24": metrics()}}
    page = render_evaluation(whole, curves(), title=name)
    tags = {tag for tag, _ in read(page).tags}
    assert "img" not in tags
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("apparent", "scored on its own training patients: optimistic"),
        ("external", "patients of another cohort"),
        ("guessed", "an unknown kind of evaluation"),
    ],
)
def test_kind_is_said_in_words(kind, words):
    assert words in render_evaluation(evaluation(metrics(), kind=kind), {}, title="Kind")


@pytest.mark.parametrize(
    ("canary", "words"),
    [(0.5, "must read 0.50"), (0.61, "Do not use these figures"), (None, "unchecked")],
)
def test_canary_is_judged(canary, words):
    assert words in render_evaluation(evaluation({}, canary_auroc=canary), {}, title="Canary")


@pytest.mark.parametrize("argument", [True, False])
def test_synthetic_data_are_labelled(argument):
    whole = evaluation({}, cohort={"synthetic": not argument})
    assert "SYNTHETIC DATA" in render_evaluation(whole, {}, title="S", synthetic=argument)


@pytest.mark.parametrize("whole", [{}, {"outcomes": {"icans": {}}}, {"outcomes": {}}])
def test_an_empty_evaluation_still_gives_a_page(whole):
    read(render_evaluation(whole, {}, title="Empty"))


@pytest.mark.parametrize(
    ("lo", "diff", "hi", "words"),
    [
        (-0.02, 0.001, 0.02, "the model is not shown to differ (difference −0.02 to 0.02)."),
        (0.001, 0.004, 0.008, "the model is apart by less than 0.01 (difference 0.00 to 0.01)."),
        (0.01, 0.06, 0.11, "the model is 0.06 higher (difference 0.01 to 0.11)."),
        (-0.02, 0.03, 0.08, "so no difference is shown."),
        (-0.09, -0.05, -0.01, "the model is 0.05 lower (difference −0.09 to −0.01)."),
        (None, 0.03, None, "the model is 0.03 higher."),
        (None, None, None, "could not be estimated."),
    ],
)
def test_headline_weighs_the_difference(lo, diff, hi, words):
    other = {"72": {"auroc": 0.75, "diff_auroc": diff, "diff_lo": lo, "diff_hi": hi}}
    model = {"72": {"auroc": 0.75 + (diff or 0.05)}}
    outcome = {"model": model, "comparators": {"grade_and_day": other}}
    assert headline("ICANS", outcome).endswith(words)


def test_the_printed_difference_is_that_of_the_printed_figures():
    other = {"72": {"auroc": 0.7451, "diff_auroc": 0.0698, "diff_lo": 0.01, "diff_hi": 0.11}}
    outcome = {"model": {"72": {"auroc": 0.8149}}, "comparators": {"grade_and_day": other}}
    said = headline("ICANS", outcome)
    assert "AUROC 0.815." in said
    assert "reach 0.745; the model is 0.070 higher (difference 0.010 to 0.110)" in said


def test_a_slope_whose_interval_holds_one_is_not_called_right():
    cell = {"cal_slope": 1.4, "cal_slope_lo": 0.6, "cal_slope_hi": 2.3}
    said = calibration_words({"model": {"72": cell}}, "72")
    assert "not shown to differ from 1, with an interval 1.70 wide" in said
    assert "about right" not in said


def test_a_figure_at_the_end_of_its_interval_is_named():
    at_end = {"auroc": 0.9, "auroc_lo": 0.8, "auroc_hi": 0.9}
    inside = {"auroc": 0.9, "auroc_lo": 0.8, "auroc_hi": 0.95}
    told = limits({"icans": {"model": {"24": at_end, "72": inside}}}, "cross-validated", 5)
    assert any("within 24 h lies at an end of its interval" in line for line in told)


def test_days_are_in_numeric_order():
    text = " ".join(read(render_evaluation(evaluation({}), {}, title="Days")).text)
    days = text[text.index("Observed rate") :].split()
    assert days.index("3") < days.index("10")


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
        "time_dependent": dict.fromkeys(HOURS, m),
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


def test_every_part_of_an_evaluation_is_on_the_page():
    reader = read(render_evaluation(whole_evaluation(metrics()), curves(), title="Whole"))
    text = " ".join(reader.text)
    for part in (
        "labs are not shown to add",
        "What this page cannot show",
        "NfL for age (z) (no NfL in this cohort)",
        "What do the labs add?",
        "Every patient counts the same",
        "Only landmarks of equal current grade",
        "Without onsets within 12 h (4 landmarks left out)",
        "Each site by a model of the other sites",
        "not done, because no infusion time",
        "Alerts per true alert",
        "30 h [20, 44]",
        "true positives per 1,000 landmarks",
        "Never charted after a landmark at risk: IEC-HS",
        "AUROC by day of the landmark and horizon",
        "sex: F",
        "What drives the contrast",
        "above 0: ranking falls without it (one of 1 looked at)",
        "no estimate at 3 of 50 landmarks",
        "cytocast train --cohort COHORT --config config.json --out OUT",
    ):
        assert part in text, part
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("table") == tags.count("caption")
    assert all("scope" in attrs for tag, attrs in reader.tags if tag == "th")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(m=METRICS, shares=st.lists(SHARES, max_size=5))
def test_every_part_survives_any_figures(m, shares):
    read(render_evaluation(whole_evaluation(m), curves(shares), title="Any"))


def test_sentences_say_nothing_where_nothing_is_known():
    assert calibration_words({"model": {"72": {}}}, "72") == ""
    assert alert_words({"model": {"72": {}}}) == ""
    slope = {"cal_slope": 0.5, "cal_slope_lo": 0.3, "cal_slope_hi": 0.8}
    assert "too extreme" in calibration_words({"model": {"72": slope}}, "72")
    outcome = whole_outcome(metrics())
    assert "60 % of event patients would be warned" in alert_words(outcome)


def alerting(**changes):
    cell = {"patients_warned": 1.0, "n_warned": 19.0, "n_event_patients": 19.0}
    cell |= {"lead_hours_median": 36.2, "number_needed_to_alert": 2.5, **changes}
    return {"model": {"72": {}}, "alerts": {"72": {"model": {"0.1": cell}}}}


def test_alerts_are_told_with_counts_lead_time_and_what_they_cost():
    assert alert_words(alerting()) == (
        "If the highest 10 % of risks within 72 h raised an alert: 100 % of event patients "
        "(19 of 19) would be warned, the first alert a median of 36 h before onset; about 40 of "
        "100 alerts would be followed by the event."
    )
    mean = alert_words(alerting(patients_warned=0.889, n_warned=27.6, n_event_patients=31.0))
    assert "89 % of event patients (27.6 of 31, a mean over the rounds) would be warned" in mean
    rare = alert_words(alerting(number_needed_to_alert=400.0))
    assert "; fewer than 1 of 100 alerts would be followed" in rare
    for unknown in (None, 0.0):
        said = alert_words(alerting(number_needed_to_alert=unknown))
        assert "; an unknown share of alerts would be followed" in said
    assert alert_words(alerting(lead_hours_median=None)) == ""
    assert alert_words(alerting(patients_warned=None)) == ""


def test_warnings_name_an_outcome_by_its_label_and_differences_carry_a_real_minus():
    content = whole_evaluation(metrics())
    content["warnings"] = ["severe_crs: 9 event patients.", "other: kept as it is."]
    text = read(render_evaluation(content, {}, title="Any")).text
    label = content["outcomes"]["severe_crs"]["label"]
    assert f"{label}: 9 event patients." in " ".join(text)
    assert "severe_crs" not in " ".join(text)
    assert "other: kept as it is." in " ".join(text)
    bar = {"72": {"diff_auroc": 0.003, "diff_lo": -0.011, "diff_hi": 0.014}}
    said = labs_answer({"comparators": {"grade_and_day": bar}}, "72")
    assert "AUROC +0.003 [−0.011, +0.014]" in said


@pytest.mark.parametrize(
    ("kind", "words"),
    [("cross-validated", "Another hospital"), ("apparent", "Anything about new patients")],
)
def test_limits_depend_on_the_kind(kind, words):
    bar = {"72": {"diff_lo": -0.02, "diff_hi": 0.04, "n_event_patients": 31}}
    outcome = {"label": "X", "model": {"72": {}}, "comparators": {"grade_and_day": bar}}
    told = " ".join(limits({"x": outcome, "y": {}}, kind, 5))
    assert words in told
    half = "31 event patients, the AUROC within 72 h must differ from that of grade and day by"
    assert (f"{half} about 0.03" in told) is (kind != "apparent")
    assert "y: too few patients with, or without" in told


def test_alerts_of_grade_and_day_stand_beside_those_of_the_model():
    outcome = alerting(alert_rate=0.03)
    table = outcome["alerts"]["72"]
    bar = table["model"]["0.1"] | {"alert_rate": 0.1, "patients_warned": 0.5, "n_warned": 9.5}
    table["grade_and_day"] = {"0.1": bar}
    said = alert_words(outcome)
    assert "raised an alert (here 3 % of landmarks reach the cut-off): 100 %" in said
    assert said.endswith(
        "By grade and day at the same rate: 50 % of event patients (9.5 of 19, a mean over the "
        "rounds) warned, a median of 36 h before onset; about 40 of 100 alerts true."
    )
    bar |= {"n_alerts": 0.0, "patients_warned": 0.0}
    assert "no alert is raised, because too many landmarks share" in alert_words(outcome)


def calibrated(slope, intercept, hours="72"):
    names = ("cal_slope", "cal_slope_lo", "cal_slope_hi")
    ends = dict(zip(("cal_intercept_lo", "cal_intercept_hi"), intercept[1:], strict=True))
    cell = dict(zip(names, slope, strict=True)) | {"cal_intercept": intercept[0]}
    return {"model": {hours: cell}, "probability_intervals": {"model": {hours: ends}}}


@pytest.mark.parametrize(
    ("intercept", "words"),
    [
        (
            (1.01, 0.52, 1.37),
            "intercept +1.01 (95 % interval +0.52 to +1.37), the risks are too low",
        ),
        ((-0.4, -0.7, -0.1), "the risks are too high on average"),
        ((0.3, -0.1, 0.7), "the risks are not shown to be too high or too low on average"),
    ],
)
def test_the_level_of_the_risks_is_judged_with_its_interval(intercept, words):
    outcome = calibrated((1.0, 0.8, 1.2), intercept)
    outcome["incidence"] = {"72": {"observed": 0.09, "mean_risk": 0.04}}
    said = calibration_words(outcome, "72")
    assert said.startswith("Calibration within 72 h: mean risk 4 %, observed 9 %; ")
    assert words in said


def test_a_slope_is_judged_by_the_interval_as_printed():
    said = calibration_words(calibrated((0.66, 0.48, 0.996), (0.0, -1.0, 1.0)), "72")
    assert "0.48 to 1.00), the spread of the risks is not shown to be wrong" in said


def test_a_fault_at_another_horizon_is_named():
    outcome = calibrated((1.0, 0.8, 1.2), (0.0, -0.3, 0.3))
    early = calibrated((1.46, 1.17, 1.93), (0.5, 0.2, 0.8), hours="24")
    outcome["model"] |= early["model"]
    outcome["probability_intervals"]["model"] |= early["probability_intervals"]["model"]
    said = calibration_words(outcome, "72")
    assert "Other horizons: within 24 h risks too low (intercept +0.50" in said
    assert said.endswith("a spread not extreme enough (slope 1.46, 95 % interval 1.17 to 1.93).")


def test_a_difference_that_many_landmarks_make_is_named():
    bar = {"diff_auroc": 0.05, "diff_lo": 0.01, "diff_hi": 0.09}

    def said(value, low, high):
        weighted = {"diff_auroc": value, "diff_lo": low, "diff_hi": high}
        return weighted_words(
            {
                "model": {"72": {}},
                "comparators": {"grade_and_day": {"72": bar}},
                "patient_weighted": {"grade_and_day": {"72": weighted}},
            }
        )

    assert "within 72 h is not shown: +0.020 (95 % interval −0.030" in said(0.02, -0.03, 0.06)
    assert "has the other sign and is not shown: −0.010" in said(-0.01, -0.03, 0.06)
    assert "has the other sign: −0.040" in said(-0.04, -0.06, -0.01)
    assert said(0.04, 0.01, 0.06) == ""


def test_the_training_patients_judge_nothing():
    content = whole_evaluation(metrics(diff_lo=0.1, diff_auroc=0.2, diff_hi=0.3))
    content |= {"kind": "apparent"}
    page = render_evaluation(content, {}, title="Any")
    text = " ".join(" ".join(read(page).text).split())
    short = text[text.index("In short") : text.index("What was predicted")]
    assert "nothing is judged here" in short
    assert "AUROC 0.25 (95 % interval 0.25 to 0.25) on its own training patients." in short
    for verdict in ("labs are", "higher", "told from chance", "Calibration within", "warned"):
        assert verdict not in short, verdict
    bar = {"72": {"diff_auroc": 0.2, "diff_lo": 0.1, "diff_hi": 0.3}}
    told = labs_answer({"comparators": {"grade_and_day": bar}}, "72", apparent=True)
    assert "training patients cannot show what labs add" in told
    assert "labs add to grade and day: AUROC +0.200 [+0.100, +0.300], too good by" in told
