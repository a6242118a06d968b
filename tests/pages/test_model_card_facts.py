"""What a run says about itself, from a report and a cohort made by hand."""

import string

import numpy as np
import pytest

from pipeline.config import load_config
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.model.evaluation_cells import Metric
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages.model_card_facts import (
    added_value_of,
    bounds,
    brier_text,
    card_facts,
    counts_of,
    follow_up_text,
    made_of,
    notes_of,
    performance_of,
    slope_text,
)
from pipeline.resources import schema_yaml
from tests.builders import make_config, make_spec
from tests.exported import LABS, PATIENTS, read, write_export

CELL = {
    **{"n": 900, "n_events": 90, "n_patients": 140, "n_event_patients": 31},
    **{"auroc": 0.8126, "auroc_lo": 0.75, "auroc_hi": 0.87},
    **{"brier": 0.08764, "cal_slope": 0.97},
}
DIFFERENCE = {"diff_auroc": 0.0312, "diff_lo": -0.01, "diff_hi": 0.07}
STATE = {"fitted": True, "shown": "with"}


def report(**changes):
    content = {
        "cohort": {"name": "ward", "n_patients": 140, "event_patients": {"severe_crs": 31}},
        "protocol": {"folds": 5, "repeats": 1, "seed": 7, "tuning": "nothing tuned"},
        "outcomes": {
            "severe_crs": {
                "model": {"24": CELL | {"auroc": 0.7}, "72": CELL},
                "comparators": {"grade_and_day": {"72": DIFFERENCE}},
            }
        },
        "sample_size": {"severe_crs": {"n_patients": 138, "sentence": "Enough for few."}},
        "models": {"crs": {"clinical_state": STATE, "members": {"with": {"labs": 1.0}}}},
    }
    return EvaluationReport.model_validate(content | changes)


@pytest.fixture
def export(tmp_path):
    """Read two patients, of other columns where they are given."""

    def make(**columns):
        header, *people = PATIENTS
        cells = zip(*columns.values(), strict=True) if columns else ((), ())
        rows = [[*row, *more] for row, more in zip(people, cells, strict=True)]
        return read(write_export(tmp_path, patients=[[*header, *columns], *rows], labs=LABS))

    return make


def facts_of(read_result, content=None, config=None):
    return card_facts(config or make_config(), content or report(), make_spec(), read_result)


def test_every_blank_of_the_checklist_is_filled(export):
    facts = facts_of(export())
    blanks = {
        name
        for item in schema_yaml("tripod_ai.yaml")["items"]
        for _, name, _, _ in string.Formatter().parse(item["answer"])
        if name
    }
    assert blanks <= set(facts)
    phrases = {name: text for name, text in facts.items() if name != "size"}
    assert [name for name, text in phrases.items() if text.endswith(".")] == []
    assert {name for name in blanks if not facts[name]} <= {"arrival", "abstention"}


def test_counts_are_told_for_every_outcome_and_horizon():
    assert counts_of(report()) == [
        f"severe CRS within {hours} h: 90 of 900 landmarks, 31 of 140 patients"
        for hours in ("24", "72")
    ]


@pytest.mark.parametrize(("wanted", "auroc"), [(24.0, "0.70"), (60.0, "0.81"), (168.0, "0.81")])
def test_performance_is_told_at_the_horizon_of_the_gates(wanted, auroc):
    config = make_config()
    gates = config.gates.model_copy(update={"horizon_hours": wanted})
    (line,) = performance_of(config.model_copy(update={"gates": gates}), report())
    assert f"AUROC {auroc} (" in line
    assert "0.0876 (no interval)" in line
    assert "0.97 (no interval)" in line


def test_intervals_of_the_brier_score_are_those_of_its_own_table():
    content = report().to_dict()
    spread = {"model": {"72": {"brier_lo": 0.07, "brier_hi": 0.11}}}
    content["outcomes"]["severe_crs"]["probability_intervals"] = spread
    (line,) = performance_of(make_config(), EvaluationReport.model_validate(content))
    assert "0.0876 (0.0700 to 0.1100)" in line


def test_too_few_patients_give_a_reason_and_no_figure():
    bare = report(outcomes={"severe_crs": {"model": {"72": {"n": 9}}}})
    for lines in (performance_of(make_config(), bare), added_value_of(make_config(), bare)):
        assert len(lines) == 1
        assert "AUROC" not in lines[0]


def test_the_difference_from_grade_and_day_has_signs_and_its_interval():
    (line,) = added_value_of(make_config(), report())
    assert "+0.031" in line
    assert "−0.010 to +0.070" in line


def test_a_metric_without_value_or_interval_is_said_to_have_none():
    assert bounds(Metric(0.5, 0.25, 0.75), 2) == "0.25 to 0.75"
    assert bounds(Metric(0.5, 0.25)) == "no interval"
    assert brier_text(Metric()).startswith("not estimable")
    assert slope_text(Metric()).startswith("not estimable")
    assert slope_text(Metric(1.234, 0.5, 2.0)) == "1.23 (0.50 to 2.00)"


def test_the_median_follow_up_is_that_of_the_patients_table(export):
    hours = (240.0, 720.0)
    result = export(followed_until_hours=hours)
    days = np.array(hours) / 24.0
    text = follow_up_text(result)
    low, middle, high = (f"{np.quantile(days, part):.1f}" for part in (0.25, 0.5, 0.75))
    assert f"median of {middle} days" in text
    assert f"{low} and {high}" in text
    result.cohort.patients["followed_until_hours"] = np.nan
    assert "not known" in follow_up_text(result)


def test_sites_are_counted_where_they_are_named(export):
    assert facts_of(export(site=("north", "south")))["sites"].startswith("2 sites")
    assert facts_of(export(site=("", "")))["sites"].startswith("not reported")
    assert facts_of(export())["sites"].startswith("not reported")


def test_subgroups_are_told_of_the_outcomes_that_have_them(export):
    content = report().to_dict()
    content["outcomes"]["severe_crs"]["subgroups"] = {"sex": {"F": {}}}
    content["outcomes"]["icans"] = {"model": {"72": CELL}, "subgroups": {"site": {"north": {}}}}
    content["cohort"]["event_patients"] = {}
    facts = facts_of(export(), EvaluationReport.model_validate(content))
    assert facts["fairness"] == "figures by sex for severe CRS"
    assert facts["heterogeneity"] == "figures by site for ICANS"
    assert "sex and site" in facts["subgroups"]
    assert facts_of(export())["fairness"].startswith("not reported")


def test_rows_read_and_refused_are_those_of_the_export(export):
    result = export()
    facts = facts_of(result)
    for file, count in result.counts.items():
        assert (
            f"{file}: {count['read']} rows read, {count['rejected']} rejected" in facts["reading"]
        )


def test_the_flow_sets_event_patients_beside_those_at_risk(export):
    assert "severe CRS 31 of 138 at risk" in facts_of(export())["flow"]


def test_members_and_their_weights_are_named(export):
    config = load_config()
    models = {"crs": {"clinical_state": STATE, "members": {"with": {"labs": 0.5, "booster": 0.5}}}}
    content = report(models=models, prior={"cohort_name": "elsewhere"})
    text = facts_of(export(), content, config)["members"]
    assert all(part in text for part in ("ridge", "XGBoost", "'elsewhere'"))
    equal = config.model.model_copy(update={"ridge_blend": None})
    other = facts_of(export(), report(), config.model_copy(update={"model": equal}))["members"]
    assert "XGBoost" not in other
    assert "equal weights" in other


def test_what_a_model_is_made_of_is_named_by_its_scale():
    names = [name for name, _ in made_of(report())]
    assert names
    assert all(name.startswith("CRS, ") for name in names)
    assert made_of(report(models={})) == []


def test_warnings_are_notes_unless_they_stand_under_sample_size(export):
    audit = {"warnings": ["CHK107"], "acknowledged_errors": ["CHK104"]}
    content = report(warnings=["Enough for few.", "Odd."], audit=audit)
    facts = facts_of(export(), content)
    notes = notes_of(content, facts)
    assert notes[0] == "Odd."
    assert [note.split(",")[0] for note in notes[1:]] == ["Audit: CHK107"]
    limitations = evaluation_phrase("card", "limitations")
    assert facts["limitations"].startswith(limitations)
    assert all(code in facts["limitations"] for code in ("CHK104", "CHK107"))
    assert facts_of(export())["limitations"] == limitations


def test_warnings_name_the_outcome_without_its_code(export):
    content = report(warnings=["severe_crs: 9 event patients."])
    assert notes_of(content, facts_of(export(), content)) == ["severe CRS: 9 event patients."]
    size = {"severe_crs": {"n_patients": 138, "sentence": "severe_crs: 3 of 138."}}
    content = report(sample_size=size, warnings=["severe_crs: 3 of 138."])
    facts = facts_of(export(), content)
    assert facts["size"] == "severe CRS: 3 of 138."
    assert notes_of(content, facts) == []


def test_simulated_patients_are_named_in_title_and_population(export):
    config = make_config()
    cohort = config.cohort.model_copy(update={"synthetic": True})
    facts = facts_of(export(), config=config.model_copy(update={"cohort": cohort}))
    assert facts["title"].startswith("SYNTHETIC DATA")
    assert facts["population"].startswith("simulated patients")
    assert not facts_of(export())["title"].startswith("SYNTHETIC")
