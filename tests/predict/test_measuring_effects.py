"""What measuring a missing analyte could change: ends of draws, for shown estimates only."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.features.matrix import FeatureMatrix
from pipeline.model.background import Background, Prototypes
from pipeline.predict import measuring_effects
from pipeline.predict.measuring_effects import _draws, _middle


class Matrix:
    """Two landmarks with an unmeasured NfL."""

    def __init__(self, metas):
        self.metas = metas
        self.values = np.array([[1.0, np.nan, 0.0], [2.0, np.nan, 0.0]])
        self.landmarks = {"hours": np.array([30.0, 60.0])}


class Meta:
    def __init__(self, name, analyte):
        self.name, self.analyte = name, analyte


METAS = (Meta("crp__last", "crp"), Meta("nfl__last", "nfl"), Meta("nfl__ever_measured", "nfl"))
BACKGROUND = Background(
    ("crp__last", "nfl__last", "nfl__ever_measured"),
    {
        1: Prototypes(
            np.array([5.0, 10.0, 5.0]),
            np.array([[9.0, 3.0, 1.0], [9.0, 4.0, 1.0], [9.0, np.nan, 0.0]]),
        )
    },
)


def test_the_columns_of_the_analyte_come_from_prototypes_that_have_it_and_others_stay():
    draws = list(_draws(Matrix(METAS), np.array([1]), {0: ["nfl"], 1: ["nfl"]}, BACKGROUND))
    [(row, key, drawn, weight)] = draws
    assert (row, key) == (1, "nfl")
    np.testing.assert_array_equal(drawn, [[2.0, 3.0, 1.0], [2.0, 4.0, 1.0]])
    assert weight.tolist() == [5.0, 10.0]


def test_an_analyte_that_hardly_anybody_has_is_not_drawn():
    assert list(_draws(Matrix(METAS), np.array([0]), {0: ["crp2"]}, BACKGROUND)) == []
    one = Background(BACKGROUND.columns, {1: Prototypes(np.ones(1), np.array([[9.0, 3.0, 1.0]]))})
    assert list(_draws(Matrix(METAS), np.array([0]), {0: ["nfl"]}, one)) == []


def test_the_ends_hold_the_middle_of_the_weighted_draws():
    risk = np.linspace(0.0, 1.0, 101)
    low, high = _middle(risk[::-1], np.ones(101))
    assert (low, high) == (pytest.approx(0.1, abs=0.01), pytest.approx(0.9, abs=0.01))
    heavy = np.where(risk > 0.5, 100.0, 1.0)
    assert _middle(risk, heavy)[0] > 0.5


@pytest.mark.parametrize(
    ("ends", "present", "analytes"),
    [
        ((0.3, 0.4), 0.35, ["nfl"]),
        ((0.3, 0.4), 0.3, ["nfl"]),
        # the present risk is outside
        ((0.3, 0.4), 0.2, []),
        ((0.3, 0.4), 0.45, []),
        # both ends are within two points, as printed
        ((0.05, 0.08), 0.065, []),
        ((0.066, 0.091), 0.068, []),
        ((0.05, 0.08), 0.05, ["nfl"]),
    ],
)
def test_only_a_range_around_the_present_risk_that_moves_it_is_returned(
    monkeypatch, ends, present, analytes
):
    """``ends`` are the risks with NfL of 3 and 4."""

    def risk(matrix, threshold, horizons):
        nfl = matrix.values[:, [1]]
        return np.where(np.isnan(nfl), present, np.interp(nfl, (3, 4), ends))

    values = np.array([[2.0, np.nan, 0.0]])
    matrix = FeatureMatrix(values, METAS, pd.DataFrame({"patient": [0], "hours": [30.0]}))
    bundle = SimpleNamespace(
        config=SimpleNamespace(outcomes={"icans": SimpleNamespace(scale="icans", threshold=1)}),
        reference=SimpleNamespace(background={"icans": BACKGROUND}),
        models={"icans": SimpleNamespace(risk=risk)},
    )
    prepared = SimpleNamespace(
        bundle=bundle,
        matrix=matrix,
        patient_ids=pd.Series(["P"]),
        shown_estimates=lambda name: np.array([0]),
    )
    monkeypatch.setattr(measuring_effects, "_lacking", lambda _: {0: ["nfl"]})
    found = measuring_effects.measuring_effects(prepared, 72.0)
    assert [effect.analyte for effect in found.values()] == analytes
    assert all(effect.low <= present <= effect.high for effect in found.values())
