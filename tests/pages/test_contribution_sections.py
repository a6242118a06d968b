"""The section on contributions has a beeswarm, bars and a table, or does not exist."""

import numpy as np

from pipeline.explain.prototype_contributions import PrototypeContributions
from pipeline.pages.contribution_sections import contribution_sections, swarm_rows
from tests.pages.evaluations import evaluation, metrics, read, render_evaluation

EXPLAINED = PrototypeContributions(
    horizon=72.0,
    keys=("crp", "clinical_state"),
    players=("CRP", "CRS/ICANS grade"),
    pathways=("crp", "clinical_state"),
    reference=np.array([5.0, 6.0, 7.0]),
    points=np.array([[3.0, 0.5], [-1.0, 0.1], [0.5, -0.2]]),
    values=np.array([[9.0, np.nan], [1.0, np.nan], [4.0, np.nan]]),
    patients=np.array([5.0, 5.0, 10.0]),
    largest_gap=1e-15,
)


def test_figures_table_and_sentences():
    (section,) = contribution_sections("icans", "ICANS", EXPLAINED)
    assert section.key == "icans-contributions"
    assert len(section.figures) == 2
    (grid,) = section.grids
    assert grid.rows[0] == ("CRP", "1.25", "−1.00", "+3.00")
    assert contribution_sections("icans", "ICANS", None) == []


def test_thirds_of_the_newest_values_and_no_level_for_a_group():
    crp, grade = swarm_rows(EXPLAINED)
    assert [level for _, level in crp.marks] == ["high", "low", "middle"]
    assert {level for _, level in grade.marks} == {"middle"}


def test_the_page_has_the_section_folded():
    explained = {"severe_crs": EXPLAINED}
    page = render_evaluation(evaluation(metrics()), {}, title="Any", explained=explained)
    ids = {attributes.get("id") for _, attributes in read(page).tags}
    assert "severe_crs-contributions" in ids
    assert "severe_crs-contributions" not in render_evaluation(
        evaluation(metrics()), {}, title="Any"
    )
