"""The report of one outcome: figures, intervals, differences, and what is withheld."""

import numpy as np
import pytest

from pipeline.config_evaluation import EvaluationConfig
from pipeline.evaluate.horizon_curves import curves
from pipeline.evaluate.outcome_report import canary_auroc, evaluate_outcome
from pipeline.evaluate.scored_rows import concatenate
from tests.evaluate.scored import make_scores


def simulated_scores(n=240, seed=0):
    random = np.random.default_rng(seed)
    parts = []
    for fold in range(4):
        risk = random.uniform(0.02, 0.8, n)
        label = (random.random(n) < risk).astype(float)
        label[:5] = np.nan
        noisy = np.clip(risk + random.normal(0, 0.3, n), 0.01, 0.99)
        lab = np.where(random.random(n) < 0.5, np.nan, risk)
        risks = {
            "model": risk,
            "model_no_state": noisy,
            "base_rate": np.full(n, 0.4),
            "grade_and_day": noisy,
            "constant": np.full(n, 0.5),
            "last_crp": lab,
        }
        parts.append(
            make_scores(
                {name: values[:, None] for name, values in risks.items()},
                label[:, None],
                horizons=(24.0,),
                patient=random.integers(0, 60, n),
                day=random.integers(1, 5, n),
                repeat=np.full(n, fold // 2),
            )
        )
    return concatenate(parts, 2)


def test_document_of_one_outcome():
    scores = simulated_scores()
    config = EvaluationConfig(bootstrap=40)
    result = evaluate_outcome(scores, config, seed=0)
    model = result.model["24"]
    assert model.n == round((~np.isnan(scores.label)).sum() / 2)
    assert model.auroc_lo < model.auroc < model.auroc_hi
    assert 0.8 < model.cal_slope < 1.2
    assert canary_auroc(scores, 5) == 0.5
    assert result.comparators["base_rate"]["24"].auroc == 0.5
    bar = result.comparators["grade_and_day"]["24"]
    assert bar.diff_auroc == pytest.approx(model.auroc - bar.auroc, abs=2e-6)
    assert bar.diff_lo > 0
    for name in ("model", "last_crp"):
        precision = result.performance(name, "24").precision
        assert precision.low < precision.value < precision.high
    assert "auprc_lo" not in model.to_dict()
    known = ~np.isnan(scores.label[:, 0])
    risk, label = scores.risks["model"][known, 0], scores.label[known, 0]
    means = curves(scores, 5)["24"].risk_distribution.means
    assert means == pytest.approx([risk[label == 1].mean(), risk[label == 0].mean()], abs=1e-6)
    crp = result.comparators["last_crp"]["24"]
    assert crp.brier is None
    assert crp.n < model.n
    assert crp.diff_auroc == 0.0
    assert evaluate_outcome(scores, config, seed=0) == result


def test_too_few_event_patients_print_counts_only():
    scores = simulated_scores()
    few = EvaluationConfig(bootstrap=20, min_event_patients=1000)
    cell = evaluate_outcome(scores, few, seed=0).model["24"]
    assert cell.n > 0
    assert cell.auroc is None
    assert cell.cal_slope_lo is None
    assert canary_auroc(scores, 1000) is None
