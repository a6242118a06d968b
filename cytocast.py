"""Cytocast: severe CRS and ICANS risk from serial biomarkers, for notebooks.

Research use only. The command ``cytocast`` trains, predicts, monitors and registers models.

Examples
--------
Read a cohort and see what was rejected. ``simulate`` stands for ``read_cohort("exports/2026")``:

>>> import cytocast
>>> cohort = cytocast.simulate(40, seed=1)
>>> cohort
Cohort of tables in memory: 40 patients, ..., ... rejects
>>> cohort.rejects[["file", "row", "column", "code"]].columns.tolist()
['file', 'row', 'column', 'code']

Features of every landmark (a patient and an hour) as a DataFrame:

>>> X, y, groups = cytocast.landmarks(cohort, "icans", horizon_hours=72)
>>> features = cytocast.LabFeatures(cohort).set_output(transform="pandas").fit_transform(X)
>>> "crp__last" in features
True

Cross-validate the risk by patient (``quick`` only makes the example fast):

>>> from sklearn.model_selection import GroupKFold, cross_val_score
>>> quick = {"outcomes": {"icans": {"scale": "icans", "threshold": 1, "label": "ICANS"}},
...          "landmarks": {"last_hours": 96},
...          "features": {"analytes": ["crp", "il6", "ferritin"], "windows_hours": [72]},
...          "model": {"booster_rounds": 4, "inner_folds": 2, "bootstrap_members": 2,
...                    "horizons_hours": [72]},
...          "evaluation": {"folds": 2, "repeats": 1, "bootstrap": 20, "further_splits": [],
...                         "control_permutations": 0, "analyte_importance": False}}
>>> risk = cytocast.RiskEstimator("icans", 72, quick, cohort=cohort)
>>> auroc = cross_val_score(risk, X, y, groups=groups, cv=GroupKFold(2), scoring="roc_auc")

Train a bundle (``load_bundle`` opens one), predict, explain in percentage points:

>>> bundle = cytocast.train(cohort, quick)
>>> batch = cytocast.simulate(5, seed=2, batch=True)
>>> risks = bundle.predict(batch)
>>> why = bundle.explain(batch, "icans", horizon_hours=72)
>>> shown = risks.query("outcome == 'icans' and horizon_h == 72 and status == 'ok'")["risk"]
>>> bool((abs(why.values.sum(axis=1) + why.base_values - 100 * shown) < 1e-6).all())
True

``shap.plots.waterfall(why[0])``, ``shap.plots.beeswarm(why)`` and ``shap.plots.bar(why)`` draw it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.api import (
        Bundle,
        BundleError,
        Cohort,
        CytocastError,
        GateError,
        InputError,
        LabFeatures,
        RiskEstimator,
        UsageError,
        audit,
        evaluate,
        landmarks,
        load_bundle,
        read_batch,
        read_cohort,
        recalibrate,
        simulate,
        train,
    )

__all__ = [
    "Bundle",
    "BundleError",
    "Cohort",
    "CytocastError",
    "GateError",
    "InputError",
    "LabFeatures",
    "RiskEstimator",
    "UsageError",
    "audit",
    "evaluate",
    "landmarks",
    "load_bundle",
    "read_batch",
    "read_cohort",
    "recalibrate",
    "simulate",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from pipeline import __version__

        return __version__
    if name not in __all__:
        raise AttributeError(f"module 'cytocast' has no attribute '{name}'")
    from pipeline import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__version__"]
