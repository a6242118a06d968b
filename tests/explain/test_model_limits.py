"""Limits of a model: named for the outcomes shown, the same for every patient."""

from dataclasses import replace

from pipeline.explain.model_limits import model_limits
from pipeline.explain.phrases import phrase, sentence
from tests.pages.patients import facts, icans_only, rising_crs, validation


def limits(model, patient=None):
    return model_limits((patient or rising_crs()).estimates, model)


def test_a_sound_model_has_only_the_general_limits():
    sure = facts(validation={}, event_patients={})
    assert limits(sure) == [phrase("limits", "interval"), sentence("unseen")]
    assert len(limits(replace(sure, synthetic=True))) == 3


def test_an_outcome_at_chance_or_no_better_than_grade_and_day_is_named():
    def skill(**low):
        return " ".join(limits(facts(validation={"icans": validation(**low)})))

    chance, known = (phrase("limits", key, outcomes="ICANS") for key in ("chance", "known"))
    assert chance in skill(auroc_lo=0.5)
    assert chance not in skill(auroc_lo=0.51)
    assert known in skill(auroc_lo=0.6, added=0.0)
    assert known not in skill(auroc_lo=0.6, added=0.01)
    assert known not in skill(auroc_lo=0.5, added=-0.1)


def test_without_grades_the_figures_of_the_variant_without_grades_count():
    model = facts(validation={"icans": validation(auroc_lo=0.7, added=-0.1, no_state=0.48)})
    text = " ".join(limits(model, icans_only()))
    assert phrase("limits", "chance", outcomes="ICANS") in text
    assert phrase("limits", "known", outcomes="ICANS") not in text


def test_few_training_events_are_counted():
    assert "12 severe CRS" in " ".join(limits(facts(event_patients={"severe_crs": 12})))
    assert "severe CRS" not in " ".join(limits(facts(event_patients={"severe_crs": 120})))
