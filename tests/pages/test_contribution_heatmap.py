"""Heatmap: a column per explained estimate, sign and points in each cell."""

from pipeline.explain.phrases import signed_points
from pipeline.pages.contribution_heatmap import heatmap
from tests.pages.patients import facts, low_risk, rising_crs


def test_columns_are_the_explained_estimates_and_rows_the_largest_findings():
    patient = rising_crs()
    crs, _ = heatmap(patient.estimates, patient.record, facts())
    assert crs.days == ["d1", "now"]
    assert crs.rows[0][0] == "CRP"
    assert [cell.text for cell in crs.rows[0][1]] == ["·", signed_points(4.0)]
    assert [cell.shade for cell in crs.rows[0][1]] == [0, 2]


def test_an_estimate_without_large_contributions_has_none():
    patient = low_risk()
    found = heatmap(patient.estimates, patient.record, facts())
    assert [each.title for each in found] == ["ICANS"]
