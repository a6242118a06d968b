"""Parts of a cohort: who is in them, what is told of them, and what is withheld."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.evaluate.subgroups import (
    by_day,
    site_masks,
    subgroup_masks,
    subgroup_table,
    within_grade,
    within_levels,
)
from pipeline.model.evaluation_cells import PartCell
from tests.builders import make_cohort
from tests.evaluate.scored import make_scores


def simulated(n=600, seed=0, **more):
    random = np.random.default_rng(seed)
    risk = random.uniform(0.05, 0.7, n)
    label = (random.random(n) < risk).astype(float)
    noisy = np.clip(risk + random.normal(0, 0.3, n), 0.01, 0.99)
    return make_scores(
        {"model": risk, "grade_and_day": noisy},
        label,
        patient=np.arange(n) // 5,
        day=np.arange(n) % 5 + 1,
        **more,
    )


def test_masks_follow_the_patients_and_the_first_dose():
    cohort = make_cohort(
        4,
        treatments=[(0, "tocilizumab", 30.0), (1, "dexamethasone", 10.0), (0, "tocilizumab", 70.0)],
        patients={
            "age_years": [12.0, 40.0, np.nan, 70.0],
            "sex": ["F", "M", "M", None],
            "site": ["", "", "", ""],
        },
    )
    scores = make_scores(
        {"model": np.full(8, 0.1)},
        np.zeros(8),
        patient=np.repeat(np.arange(4), 2),
        day=np.tile([1, 2], 4),
    )
    masks = subgroup_masks(cohort, scores, (18, 40, 65))
    assert set(masks) == {"age", "sex", "tocilizumab"}
    assert list(masks["age"]) == ["under 18", "40 to 64", "65 and over"]
    assert masks["age"]["under 18"].tolist() == [True] * 2 + [False] * 6
    assert masks["sex"]["M"].tolist() == [False] * 2 + [True] * 4 + [False] * 2
    assert np.flatnonzero(masks["tocilizumab"]["after"]).tolist() == [1]


def test_every_site_has_a_mask_however_many_there_are():
    names = [f"S{number:02}" for number in range(20)]
    scores = make_scores({"model": np.full(20, 0.1)}, np.zeros(20))
    masks = site_masks(make_cohort(20, patients={"site": names}), scores)
    assert list(masks) == names
    assert masks["S07"].sum() == 1
    assert site_masks(make_cohort(2), make_scores({"model": np.full(2, 0.1)}, np.zeros(2))) == {}


def test_a_cohort_without_attributes_has_no_subgroups():
    scores = make_scores({"model": np.full(2, 0.1)}, np.zeros(2))
    assert subgroup_masks(make_cohort(2), scores, (18,)) == {}


def test_a_subgroup_is_scored_like_a_cohort_of_its_own_and_small_ones_are_withheld():
    scores = simulated()
    big, small = scores.patient < 60, scores.patient < 4
    masks = {"site": {"big": big, "small": small}}
    table = subgroup_table(scores.resampled(40, 0, 5), masks)["site"]
    cell = table["big"]["24"]
    label, risk = scores.label[big, 0], scores.risks["model"][big, 0]
    assert cell.auroc == pytest.approx(roc_auc_score(label, risk), abs=1e-6)
    assert cell.auroc_lo < cell.auroc < cell.auroc_hi
    assert cell.observed == pytest.approx(label.mean(), abs=1e-6)
    assert cell.observed_to_expected == pytest.approx(label.sum() / risk.sum(), abs=1e-6)
    withheld = table["small"]["24"]
    assert withheld.n_event_patients <= 4
    figures = ("auroc", "auroc_lo", "observed", "mean_risk", "observed_to_expected")
    assert all(getattr(withheld, name) is None for name in figures)


def test_within_grade_compares_landmarks_of_equal_grade_only():
    random = np.random.default_rng(1)
    grade = random.integers(0, 3, 900).astype(float)
    label = (random.random(900) < 0.1 + 0.3 * grade).astype(float)
    scores = make_scores(
        {"model": grade + 0.001 * random.random(900), "grade_and_day": grade},
        label,
        patient=np.arange(900) // 3,
        grade=grade,
    )
    cell = within_grade(scores.resampled(30, 0, 5)).by_horizon()["24"]
    assert cell.grade_and_day.auroc == 0.5
    assert abs(cell.model.auroc - 0.5) < 0.1
    assert set(cell.by_grade) == {"0", "1", "2"}
    pooled = roc_auc_score(label, scores.risks["model"][:, 0])
    assert pooled > cell.model.auroc + 0.1
    blind = make_scores({"model": label}, label, grade=np.full(900, np.nan))
    assert within_grade(blind).reason


def test_every_day_and_horizon_has_a_cell():
    scores = simulated()
    table = by_day(scores.resampled(20, 0, 5))
    assert set(table["24"]) == {"1", "2", "3", "4", "5"}
    assert sum(cell.n for cell in table["24"].values()) == 600


def test_within_levels_weighs_pairs_and_needs_two_levels():
    def cell(area, events, n=100):
        return {"72": PartCell(auroc=area, n=n, n_events=events)}

    made = within_levels({"a": cell(0.5, 10), "b": cell(0.8, 50), "c": cell(None, 1)}, "72")
    assert made.mean == pytest.approx((0.5 * 900 + 0.8 * 2500) / 3400, abs=1e-6)
    assert (made.lowest, made.highest, made.levels) == (0.5, 0.8, 2)
    assert within_levels({"a": cell(0.5, 10), "c": cell(None, 1)}, "72") is None
    assert within_levels({"a": cell(0.5, 10), "b": cell(0.8, 50)}, "24") is None
