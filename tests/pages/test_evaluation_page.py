"""The evaluation page is whole, safe and honest for complete, poor and hostile input."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pages.evaluations import (
    FIGURES,
    METRICS,
    SHARES,
    curves,
    evaluation,
    labs_answer,
    metrics,
    read,
    render_evaluation,
    whole_evaluation,
)


def test_complete_page_shows_every_part_in_order():
    page = render_evaluation(evaluation(metrics()), curves(), title="Evaluation")
    reader = read(page)
    text = " ".join(reader.text)
    parts = ["Research use only", "fitted without that patient", "Headline horizon of each", "ROC"]
    parts += ["Verdicts use", "Next 24 h", "Next 72 h", "Observed rate", "At 900 landmarks"]
    parts += ["sound in this respect", "Pitfalls", "ab" * 32]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    # ROC, calibration and differences on the first screen; three charts per horizon
    assert [tag for tag, _ in reader.tags].count("svg") == 3 + 2 * 3
    assert "within the next 24 and 72 hours" in text
    assert "SYNTHETIC" not in text


def test_tables_have_captions_and_scopes():
    reader = read(render_evaluation(evaluation(metrics()), curves(), title="Evaluation"))
    tags = [tag for tag, _ in reader.tags]
    # the scorecard, both horizons, days, labs and other ways of counting
    assert tags.count("table") == tags.count("caption") == 6
    links = [a for tag, a in reader.tags if tag == "a" and "download" in a]
    assert len(links) == tags.count("table") - 1
    assert len({link["download"] for link in links}) == len(links)
    assert all(tag != "details" or "open" not in attrs for tag, attrs in reader.tags)
    assert all("scope" in attrs for tag, attrs in reader.tags if tag == "th")


@pytest.mark.parametrize("missing", [None, math.nan])
def test_unestimable_figures_become_dashes_with_a_footnote(missing):
    poor = dict.fromkeys(FIGURES, missing)
    text = " ".join(read(render_evaluation(evaluation(poor), {}, title="Poor")).text)
    assert "fewer than 5 patients with, or without, the event, or not estimable" in text
    assert "could not be estimated" in text


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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


def test_days_are_in_numeric_order():
    text = " ".join(read(render_evaluation(evaluation({}), {}, title="Days")).text)
    days = text[text.index("Observed rate") :].split()
    assert days.index("3") < days.index("10")


def test_every_part_of_an_evaluation_is_on_the_page():
    reader = read(render_evaluation(whole_evaluation(metrics()), curves(), title="Whole"))
    text = " ".join(reader.text)
    for part in (
        "labs are not shown to add",
        "What this page cannot show",
        "NfL for age (z) (no NfL in this cohort)",
        "What do the labs add?",
        "Equal weight per patient",
        "Only landmarks of equal current grade",
        "Without onsets within 12 h (4 landmarks excluded)",
        "Each site by a model of the other sites",
        "not done, because no infusion time",
        "Alerts per true alert",
        "30 h [20, 44]",
        "true positives per 1,000 landmarks",
        "Never charted after a landmark at risk: IEC-HS",
        "AUROC by day of the landmark and horizon",
        "sex: F",
        "What drives the contrast",
        "above 0: ranking falls without it (one of 1 compared)",
        "no estimate at 3 of 50 landmarks",
        "cytocast train --cohort COHORT --config config.json --out OUT",
    ):
        assert part in text, part
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("table") == tags.count("caption")
    assert all("scope" in attrs for tag, attrs in reader.tags if tag == "th")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(m=METRICS, shares=st.lists(SHARES, max_size=5))
def test_every_part_survives_any_figures(m, shares):
    read(render_evaluation(whole_evaluation(m), curves(shares), title="Any"))


def test_a_warning_stands_unfolded_on_the_card_of_its_outcome():
    content = whole_evaluation(metrics())
    content["warnings"] = ["severe_crs: 9 event patients.", "other: kept as it is."]
    content["cohort"] |= {"event_patients": {"severe_crs": 44}}
    page = render_evaluation(content, {}, title="Any")
    card = page[page.index('class="about warned"') : page.index('<section class="outcome"')]
    text = " ".join(read(page).text)
    assert "9 event patients." in card[: card.index("</tr>")]
    assert {"41", "44"} <= set(card[: card.index("Caution")].replace(">", " ").split())
    assert "other: kept as it is." in card
    assert "<details" not in card
    assert "severe_crs" not in text


def test_differences_carry_a_real_minus():
    bar = {"72": {"diff_auroc": 0.003, "diff_lo": -0.011, "diff_hi": 0.014}}
    said = labs_answer({"comparators": {"grade_and_day": bar}}, "72")
    assert "+0.003 [−0.011, +0.014]" in said


def test_the_training_patients_judge_nothing():
    content = whole_evaluation(metrics(diff_lo=0.1, diff_auroc=0.2, diff_hi=0.3))
    content |= {"kind": "apparent"}
    page = render_evaluation(content, {}, title="Any")
    text = " ".join(" ".join(read(page).text).split())
    short = text[: text.index("Verdicts use")]
    assert "nothing is judged here" in short
    assert short.count("Not judged") == 4
    assert "AUROC 0.250 (95% interval 0.250–0.250) on its own training patients." in short
    for verdict in ("labs are", "higher", "told from chance", "Calibration within", "warned"):
        assert verdict not in short, verdict
    bar = {"72": {"diff_auroc": 0.2, "diff_lo": 0.1, "diff_hi": 0.3}}
    told = labs_answer({"comparators": {"grade_and_day": bar}}, "72", apparent=True)
    assert "training patients cannot show what labs add" in told
    assert "+0.200 [+0.100, +0.300], optimistic by" in told
