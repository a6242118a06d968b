"""Metrics and tables that a training logs to MLflow, taken from the evaluation report.

Metrics of the training are named ``<outcome>/h<hours>/<metric>``; those of the run of one outcome
lack the first part, so that outcomes can be compared too. ``headline/<outcome>_<metric>`` repeats
the metrics of the horizon of the gates under names that do not depend on it. ``no_state`` is the
variant without grades, which a model loaded from the registry uses: lab rows hold no grades.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from pipeline.evaluate.decision_curve import net_benefit_at
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import AreaCell, Metric, Number, PerformanceCell
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.outcomes import nearest_horizon

THRESHOLD = 0.1  # of the net benefit, as in net_benefit_p10
_OF_ALL = ("auroc", "auroc_lo", "auroc_hi", "auprc", "brier", "cal_slope")
_ESTIMATES = ("auroc", "auprc", "brier", "ipa", "cal_slope", "cal_intercept")
_OF_OTHERS = ("brier", "cal_slope")
_COUNTS = ("n", "n_patients", "n_events", "n_event_patients")


def training_metrics(evaluation: EvaluationReport, horizon_hours: float) -> dict[str, float]:
    """Metrics of a whole training.

    Parameters
    ----------
    evaluation : EvaluationReport
    horizon_hours : float
        Horizon of the gates; ``headline`` metrics are of the nearest one.

    Returns
    -------
    dict of float
        By name; what cannot be estimated is absent.

    Examples
    --------
    >>> from pipeline.model.evaluation_cells import PerformanceCell
    >>> outcome = OutcomeReport(model={"72": PerformanceCell(auroc=0.8, n_events=9)})
    >>> training_metrics(EvaluationReport(outcomes={"icans": outcome}), 72)
    {'icans/h72/auroc': 0.8, 'headline/icans_auroc': 0.8, 'headline/icans_n_events': 9.0}
    """
    result: dict[str, float] = {}
    for name, outcome in evaluation.outcomes.items():
        for hours, cell in outcome.model.items():
            own = {metric: getattr(cell, metric) for metric in _OF_ALL}
            own["net_benefit_p10"] = _net_benefit(outcome, hours)
            own["no_state/auroc"] = outcome.performance("model_no_state", hours).auroc
            result |= _known({f"{name}/h{hours}/{key}": value for key, value in own.items()})
        if outcome.model:
            hours = nearest_horizon(outcome.model, horizon_hours)
            headline = _headline(outcome, hours)
            result |= _known({f"headline/{name}_{key}": value for key, value in headline.items()})
    return result


def outcome_metrics(outcome: OutcomeReport) -> dict[str, float]:
    """Metrics of one outcome: estimates with 95 % intervals, counts, and paired differences.

    Parameters
    ----------
    outcome : OutcomeReport

    Returns
    -------
    dict of float
        Named ``h<hours>/<metric>``, ``h<hours>/<comparator>/<metric>``, and
        ``h<hours>/minus_<comparator>/auroc`` for the AUROC of the model minus that of a comparator.
    """
    result: dict[str, Number] = {}
    for hours in outcome.model:
        cell = outcome.performance("model", hours)
        metrics = {
            f"{metric}{end}": getattr(cell, f"{metric}{end}", None)
            for metric in _ESTIMATES
            for end in ("", "_lo", "_hi")
        }
        metrics |= {name: getattr(cell, name) for name in _COUNTS}
        metrics |= {"ici": cell.ici, "net_benefit_p10": _net_benefit(outcome, hours)}
        result |= {f"h{hours}/{name}": value for name, value in metrics.items()}
        for name, compared in _compared(outcome, hours):
            result |= _ends(f"h{hours}/{name}/auroc", compared.area)
            if isinstance(compared, PerformanceCell):
                result |= {f"h{hours}/{name}/{key}": getattr(compared, key) for key in _OF_OTHERS}
            result |= _ends(f"h{hours}/minus_{name}/auroc", compared.difference)
    return _known(result)


def comparator_table(evaluation: EvaluationReport) -> pd.DataFrame:
    """One row per outcome, horizon and predictor: the model, its variants and comparators.

    Parameters
    ----------
    evaluation : EvaluationReport

    Returns
    -------
    DataFrame
    """
    rows = [
        {"outcome": name, "horizon_h": float(hours), "predictor": predictor}
        | _of_cell(outcome.performance(predictor, hours))
        for name, outcome in evaluation.outcomes.items()
        for predictor in ("model", "model_no_state", *outcome.comparators)
        for hours in outcome.model
    ]
    return pd.DataFrame(rows)


def subgroup_table(evaluation: EvaluationReport) -> pd.DataFrame:
    """One row per outcome, attribute, level and horizon.

    Parameters
    ----------
    evaluation : EvaluationReport

    Returns
    -------
    DataFrame
    """
    columns = ("auroc", "auroc_lo", "auroc_hi", "observed", "mean_risk", "observed_to_expected")
    rows = [
        {"outcome": name, "attribute": attribute, "level": level, "horizon_h": float(hours)}
        | {key: getattr(cell, key) for key in (*_COUNTS, *columns)}
        for name, outcome in evaluation.outcomes.items()
        for attribute, levels in outcome.subgroups.items()
        for level, cells in levels.items()
        for hours, cell in cells.items()
    ]
    return pd.DataFrame(rows)


def _headline(outcome: OutcomeReport, hours: str) -> dict[str, Number]:
    cell = outcome.performance("model", hours)
    result: dict[str, Number] = {
        **_ends("auroc", cell.area),
        **_ends("no_state_auroc", outcome.performance("model_no_state", hours).area),
        "brier": cell.brier,
        **_ends("cal_slope", cell.slope),
        "cal_intercept": cell.cal_intercept,
        "net_benefit_p10": _net_benefit(outcome, hours),
        "n_events": cell.n_events,
        "n_event_patients": cell.n_event_patients,
    }
    for name, compared in _compared(outcome, hours):
        if name in ("grade_and_day", "negative_control"):
            result |= _ends(f"minus_{name}", compared.difference)
    return result


def _compared(outcome: OutcomeReport, hours: str) -> Iterator[tuple[str, AreaCell]]:
    """Comparators of the model at a horizon, with the difference from each."""
    tables: Mapping[str, Mapping[str, AreaCell]] = {
        "no_state": outcome.model_no_state,
        **outcome.comparators,
        "negative_control": outcome.negative_control,
    }
    for name, table in tables.items():
        if hours in table and table[hours].is_compared:
            yield name, table[hours]


def _of_cell(cell: PerformanceCell) -> dict[str, Number]:
    names = [f"{metric}{end}" for metric in _ESTIMATES for end in ("", "_lo", "_hi")]
    shown = ["n", "n_events", "n_event_patients", *names, "ici", "diff_auroc", "diff_lo", "diff_hi"]
    return {name: getattr(cell, name, None) for name in shown}


def _net_benefit(outcome: OutcomeReport, hours: str) -> Number:
    cell = outcome.net_benefit.get(hours)
    return None if cell is None else net_benefit_at(cell, THRESHOLD)


def _ends(name: str, metric: Metric) -> dict[str, Number]:
    return {name: metric.value, f"{name}_lo": metric.low, f"{name}_hi": metric.high}


def _known(metrics: Mapping[str, Number]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items() if value is not None}
