"""Contributions as a ``shap.Explanation``, which the plots of SHAP take unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arrays import Floats
from pipeline.cohort.analytes import Analyte
from pipeline.explain.contributions import Contributions
from pipeline.explain.patient_record import of_analyte
from pipeline.explain.phrases import pathway_name
from pipeline.explain.result_text import plain_result
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.score_definitions import PREFIX, score_label, scores
from pipeline.features.spec import FeatureSpec

if TYPE_CHECKING:
    import shap


def shap_explanation(
    result: Contributions,
    matrix: FeatureMatrix,
    newest: pd.DataFrame,
    patient_ids: pd.Series,
    spec: FeatureSpec,
    name: str,
) -> shap.Explanation:
    """Contributions at one horizon as a ``shap.Explanation`` in percentage points.

    Parameters
    ----------
    result : Contributions
        Of one horizon.
    matrix : FeatureMatrix
        Features of the same landmarks, as measured.
    newest : DataFrame
        From :func:`pipeline.explain.patient_record.newest_results` for the same landmarks.
    patient_ids : Series of str, shape (n_landmarks,)
    spec : FeatureSpec
    name : str
        Name of the output.

    Returns
    -------
    shap.Explanation
        ``values`` (n_landmarks, n_players) in percentage points, ``base_values`` (n_landmarks,)
        in percent; the values of a row and its base value sum to the displayed risk in percent.
        ``data`` holds the newest result of an analyte in its canonical unit (NaN where it was not
        measured), and of a group the number of its known features; ``display_data`` the same as
        text. An analyte that no patient has is left out.

    Examples
    --------
    >>> from pipeline.features.spec import learn_spec
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.config import load_config
    >>> spec = learn_spec(empty_cohort(["A"]), load_config(), {})
    >>> moments = pd.DataFrame({"patient": [0], "hours": [72.0]})
    >>> matrix = FeatureMatrix(np.zeros((1, 0)), (), moments)
    >>> newest = pd.DataFrame(columns=["landmark", "analyte", "value", "side", "collected_hours"])
    >>> risk = np.array([[0.25]])
    >>> result = Contributions(("treatments",), ("treatments",), np.array([[[5.0]]]),
    ...                        np.zeros((1, 1, 1)), risk, risk - 0.05)
    >>> why = shap_explanation(result, matrix, newest, pd.Series(["A"]), spec, "ICANS")
    >>> why.values.tolist(), why.base_values.tolist()
    ([[5.0]], [20.0])
    """
    import shap

    analytes = {analyte.key: analyte for analyte in spec.analytes}
    kept, names, data, texts = [], [], [], []
    for number, player in enumerate(result.players):
        analyte = analytes.get(player)
        value, text = (
            _group_data(matrix, player)
            if analyte is None
            else _analyte_data(of_analyte(newest, player, len(result.points)))
        )
        if np.isnan(value).all():
            continue
        kept.append(number)
        names.append(group_name(player) if analyte is None else _analyte_name(analyte))
        data.append(value)
        texts.append(text)
    return shap.Explanation(
        values=result.points[:, 0, kept],
        base_values=100.0 * result.reference_risk[:, 0],
        data=np.stack(data, axis=1),
        display_data=np.stack(texts, axis=1),
        feature_names=names,
        instance_names=[str(each) for each in patient_ids],
        output_names=name,
    )


def _analyte_data(results: pd.DataFrame) -> tuple[Floats, NDArray[np.object_]]:
    """Newest results of one analyte as numbers and as text."""
    value = results["value"].to_numpy(dtype=float)
    text = [
        "not measured" if np.isnan(number) else plain_result(number, side, "")
        for number, side in zip(value, results["side"], strict=True)
    ]
    return value, np.array(text, dtype=object)


def _group_data(matrix: FeatureMatrix, player: str) -> tuple[Floats, NDArray[np.object_]]:
    """Number of known features of a group, as number and as text."""
    own = [number for number, meta in enumerate(matrix.metas) if meta.player == player]
    known = (~np.isnan(matrix.values[:, own])).sum(axis=1).astype(float)
    return known, np.array([f"{number:.0f} known" for number in known], dtype=object)


def _analyte_name(analyte: Analyte) -> str:
    unit = plain_result(0.0, 0, analyte.unit).removeprefix("0").strip()
    return f"{analyte.short} ({unit})" if unit else analyte.short


def group_name(player: str) -> str:
    """Return the name of a composite score or a group of features.

    Parameters
    ----------
    player : str
        ``score_<name>`` or the key of a group.

    Returns
    -------
    str

    Examples
    --------
    >>> group_name("clinical_state")
    'CRS/ICANS grade'
    """
    if player.startswith(PREFIX):
        return score_label(scores()[player.removeprefix(PREFIX)])
    return pathway_name(player)
