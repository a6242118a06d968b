"""Contributions as rows of ``explanations.parquet``: their sentences, contrasts and top reasons."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import Analyte
from pipeline.explain.contributions import Contributions
from pipeline.explain.patient_record import of_analyte
from pipeline.explain.phrases import pathway_name, phrase, whole
from pipeline.explain.ranked_reasons import LEAST_POINTS, rank_reasons
from pipeline.explain.result_text import plain_result
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.score_definitions import PREFIX, score_label, scores
from pipeline.features.spec import FeatureSpec
from pipeline.resources import schema_json

_text = partial(phrase, "explanation_rows")
COLUMNS = [item["name"] for item in schema_json("explanations.json")["fields"]]
CONTRASTED = ("severe_crs", "icans")
SHOWN_POINTS = 0.05


def explanation_rows(
    result: Contributions,
    matrix: FeatureMatrix,
    newest: pd.DataFrame,
    patient_ids: pd.Series,
    spec: FeatureSpec,
    outcome: str,
    horizons: tuple[float, ...],
) -> pd.DataFrame:
    """Return one row per landmark, horizon and player (level ``analyte``) or pathway.

    Parameters
    ----------
    result : Contributions
        Contributions of the landmarks.
    matrix : FeatureMatrix
        Features of the landmarks.
    newest : DataFrame
        From :func:`pipeline.explain.patient_record.newest_results` for the landmarks of ``matrix``.
    patient_ids : Series of str
        One per landmark.
    spec : FeatureSpec
        Analytes of the model.
    outcome : str
        Name of the outcome.
    horizons : tuple of float
        Horizons of ``result`` in hours.

    Returns
    -------
    DataFrame
        Columns of ``explanations.parquet``.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.analytes import dictionary
    >>> points = np.array([[[6.2]]])
    >>> result = Contributions(
    ...     ("crp",), ("inflammation",), points, 0 * points, np.array([[0.2]]), np.array([[0.138]])
    ... )
    >>> matrix = FeatureMatrix(np.zeros((1, 0)), (), pd.DataFrame({"hours": [72.0]}))
    >>> newest = pd.DataFrame(
    ...     [(0, "crp", 184.0, 0, 70.0)],
    ...     columns=["landmark", "analyte", "value", "side", "collected_hours"],
    ... )
    >>> spec = SimpleNamespace(analytes=[dictionary()["crp"]])
    >>> rows = explanation_rows(
    ...     result, matrix, newest, pd.Series(["P-1"]), spec, "severe_crs", (72.0,)
    ... )
    >>> rows[["level", "name", "points"]].to_numpy().tolist()
    [['analyte', 'crp', 6.2], ['pathway', 'inflammation', 6.2]]
    """
    analytes = {analyte.key: analyte for analyte in spec.analytes}
    pathway = dict(zip(result.players, result.pathways, strict=True))
    frames = []
    for number, player in enumerate(result.players):
        results = of_analyte(newest, player, len(matrix.values))
        labels = _labels(player, results, analytes)
        points = result.points[:, :, number]
        frames.append(
            _rows(result, matrix, patient_ids, outcome, horizons, points).assign(
                level="analyte",
                name=player,
                pathway=pathway[player],
                value=np.repeat(results["value"].to_numpy(dtype=float), len(horizons)),
                unit=analytes[player].unit if player in analytes else "",
                collected_hours=np.repeat(
                    results["collected_hours"].to_numpy(dtype=float), len(horizons)
                ),
                sentence=[
                    _sentence(label, added)
                    for label, added in zip(
                        np.repeat(labels, len(horizons)), points.ravel(), strict=True
                    )
                ],
            )
        )
    for name in dict.fromkeys(pathway.values()):
        chosen = [index for index, player in enumerate(result.players) if pathway[player] == name]
        points = result.points[:, :, chosen].sum(axis=2)
        frames.append(
            _rows(result, matrix, patient_ids, outcome, horizons, points).assign(
                level="pathway",
                name=name,
                pathway=name,
                value=np.nan,
                unit="",
                collected_hours=np.nan,
                sentence="",
            )
        )
    return pd.concat(frames, ignore_index=True)[COLUMNS]


def contrast_rows(explained: pd.DataFrame, spec: FeatureSpec) -> pd.DataFrame:
    """Return the differences of contributions between severe CRS and ICANS.

    Parameters
    ----------
    explained : DataFrame
        Rows of :func:`explanation_rows` for every outcome.
    spec : FeatureSpec
        Analytes of the model.

    Returns
    -------
    DataFrame
        Level ``contrast``: points of CRS minus points of ICANS, for every pathway and analyte.
        A group that is its own pathway has one row.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> rows = pd.DataFrame({"outcome": CONTRASTED, "points": [3.0, 1.0]}).reindex(columns=COLUMNS)
    >>> rows = rows.assign(patient_id="P-1", horizon_h=72.0, level="pathway", name="inflammation")
    >>> contrast_rows(rows, SimpleNamespace(analytes=[]))[["name", "points"]].to_numpy().tolist()
    [['inflammation', 2.0]]
    """
    key = ["patient_id", "horizon_h", "level", "name"]
    first, second = (explained[explained["outcome"] == name] for name in CONTRASTED)
    both = first.merge(second[[*key, "points"]], on=key, suffixes=("", "_second"))
    both = both[(both["level"] == "pathway") | (both["name"] != both["pathway"])]
    points = both["points"] - both["points_second"]
    labels = {key: pathway_name(key) for key in both["name"].unique()}
    labels |= {analyte.key: analyte.short for analyte in spec.analytes}
    labels |= {f"{PREFIX}{key}": score_label(score) for key, score in scores().items()}
    rows = both.assign(
        outcome="_vs_".join(CONTRASTED),
        level="contrast",
        points=points,
        reference_risk=np.nan,
        risk=np.nan,
        sentence=[
            f"{labels[name]}: {_direction(added)}"
            for name, added in zip(both["name"], points, strict=True)
        ],
    )
    return rows[COLUMNS].reset_index(drop=True)


def top_reasons(
    result: Contributions, newest: pd.DataFrame, spec: FeatureSpec, count: int = 3
) -> np.ndarray:
    """Return sentences on the strongest contributions of each landmark and horizon.

    Parameters
    ----------
    result : Contributions
        Contributions of the landmarks.
    newest : DataFrame
        As in :func:`explanation_rows`.
    spec : FeatureSpec
        Analytes of the model.
    count : int
        Sentences per landmark and horizon.

    Returns
    -------
    ndarray of str, shape (n_landmarks, n_horizons, count)
        The first bars of :func:`pipeline.explain.ranked_reasons.rank_reasons`; empty where there
        are fewer.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> points = np.array([[[-3.0, 0.0]]])
    >>> result = Contributions(
    ...     ("treatments", "measurement"), ("treatments", "measurement"),
    ...     points, 0 * points, np.array([[0.2]]), np.array([[0.23]]),
    ... )
    >>> newest = pd.DataFrame(
    ...     [(0, "crp", 184.0, 0, 70.0)],
    ...     columns=["landmark", "analyte", "value", "side", "collected_hours"],
    ... )
    >>> top_reasons(result, newest, SimpleNamespace(analytes=[]), 2).tolist()
    [[['Drugs given: lowers the estimate by 3 percentage points', '']]]
    """
    analytes = {analyte.key: analyte for analyte in spec.analytes}
    size = len(result.points)
    labels = [
        _labels(player, of_analyte(newest, player, size), analytes) for player in result.players
    ]
    number = {player: place for place, player in enumerate(result.players)}
    reasons = np.full((*result.points.shape[:2], count), "", dtype=object)
    for row, column in np.ndindex(result.points.shape[:2]):
        points = dict(zip(result.players, result.points[row, column].tolist(), strict=True))
        for place, (player, value) in enumerate(rank_reasons(points).bars[:count]):
            reasons[row, column, place] = _sentence(labels[number[player]][row], value)
    return reasons


def _rows(
    result: Contributions,
    matrix: FeatureMatrix,
    patient_ids: pd.Series,
    outcome: str,
    horizons: tuple[float, ...],
    points: np.ndarray,
) -> pd.DataFrame:
    count = len(horizons)
    return pd.DataFrame(
        {
            "patient_id": np.repeat(patient_ids.to_numpy(), count),
            "landmark_hours": np.repeat(matrix.landmarks["hours"].to_numpy(dtype=float), count),
            "outcome": outcome,
            "horizon_h": np.tile(np.asarray(horizons, dtype=float), len(matrix.values)),
            "points": points.ravel(),
            "reference_risk": result.reference_risk.ravel(),
            "risk": result.risk.ravel(),
        }
    )


def _labels(player: str, results: pd.DataFrame, analytes: dict[str, Analyte]) -> list[str]:
    """Label of a player at each landmark: an analyte with its newest result, a score or a group."""
    if player.startswith(PREFIX):
        return [score_label(scores()[player.removeprefix(PREFIX)])] * len(results)
    if player not in analytes:
        return [pathway_name(player)] * len(results)
    analyte = analytes[player]
    return [
        _text("not_measured", name=analyte.short)
        if np.isnan(value)
        else f"{analyte.short} {plain_result(value, side, analyte.unit)}"
        for value, side in zip(results["value"], results["side"], strict=True)
    ]


def _sentence(label: str, points: float) -> str:
    if abs(points) < LEAST_POINTS:
        if points == 0 and label.endswith(_text("not_measured", name="")):
            return label
        return _text("small", label=label, points=f"{LEAST_POINTS:g}")
    verb = "raises" if points > 0 else "lowers"
    return _text(verb, label=label, points=whole(abs(points)))


def _direction(points: float) -> str:
    if abs(points) < SHOWN_POINTS:
        return _text("no_direction")
    first, second = ("CRS", "ICANS") if points > 0 else ("ICANS", "CRS")
    return _text("direction", first=first, second=second)
