"""Calibration of the model at each site: observed to expected, slope and intercept."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.evaluate import metrics
from pipeline.evaluate.intervals import estimate, ratio
from pipeline.evaluate.scored_rows import HorizonRows, ScoredRows
from pipeline.evaluate.subgroups import Mask
from pipeline.model.evaluation_cells import CalibrationBySite, SiteCalibration


def calibration_by_site(
    scores: ScoredRows, sites: Mapping[str, Mask]
) -> dict[str, CalibrationBySite]:
    """Calibration per horizon of the sites with enough event patients; the others are counted.

    Heterogeneity between sites is hidden by the calibration of all patients together (Riley et
    al., 10.1136/bmj.i3140).

    Parameters
    ----------
    scores : ScoredRows
        With bootstrap draws.
    sites : mapping of ndarray of bool, shape (n_rows,)
        Rows of each site.

    Returns
    -------
    dict
        Empty with fewer than two sites.
    """
    if len(sites) < 2:
        return {}
    return {hours: _sites(rows, sites) for hours, rows in scores.by_horizon()}


def _sites(rows: HorizonRows, sites: Mapping[str, Mask]) -> CalibrationBySite:
    parts = {name: rows.among(mask) for name, mask in sites.items()}
    cells = {name: _cell(part) for name, part in parts.items() if part.is_estimable}
    return CalibrationBySite(sites=cells, too_few=len(parts) - len(cells))


def _cell(rows: HorizonRows) -> SiteCalibration:
    label, risk, weight = rows.label, rows.risks["model"], rows.weight
    intercept, slope = metrics.calibration_line(label, risk, weight)
    return SiteCalibration(
        **rows.counts(),
        **estimate(ratio(label @ weight, risk @ weight), "observed_to_expected"),
        **estimate(slope, "cal_slope"),
        **estimate(intercept, "cal_intercept"),
    )
