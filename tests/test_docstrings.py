"""Docstrings of what other rooms and notebooks call are complete in the style of numpydoc."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections import defaultdict
from pathlib import Path

import pytest
from numpydoc.validate import validate

import cytocast
from pipeline import errors

PIPELINE = Path(__file__).parent.parent / "pipeline"
# missing docstring, undocumented or unknown parameter, parameter without type, no Returns
REQUIRED = {"GL08", "PR01", "PR02", "PR04", "RT01"}
EXAMPLE = "EX01"
RAISED = {
    name
    for name, item in vars(errors).items()
    if inspect.isclass(item) and issubclass(item, errors.CytocastError)
}
# an example would train or need a trained model, start a server, or need a tracking store
NO_EXAMPLE = {
    "pipeline.evaluate.external_validation.evaluate_bundle",
    "pipeline.evaluate.scoring_protocol.score_scale",
    "pipeline.explain.contributions.contributions",
    "pipeline.explain.model_summary.summarise_model",
    "pipeline.model.registry.connect",
    "pipeline.model.registry.store_errors",
    "pipeline.predict.lab_rows.score_lab_rows",
    "pipeline.predict.score.score_batch",
    "pipeline.serve.scoring_server.run_server",
    "pipeline.simulate.calibration_report.compare",
    "pipeline.evaluate.local_updates.cross_fitted",
    "pipeline.evaluate.local_updates.fit_updates",
    "pipeline.evaluate.local_updates.local_log_odds",
    "pipeline.evaluate.local_updates.with_mean_variances",
    "pipeline.evaluate.local_updates.with_updates",
    "pipeline.train.fit.train",
    "pipeline.train.recalibrated_bundle.recalibrate",
    "pipeline.train.tracking.log_tracked",
    "pipeline.train.tracking.log_training",
    "pipeline.train.tracking.logging_to_store",
    "pipeline.train.tracking.opened_run",
    "pipeline.train.tracking_checks.registered_version",
    "pipeline.train.tracking_checks.tracking_ready",
}


def imported_across_rooms() -> dict[str, set[str]]:
    """Module to the public names that modules of other rooms import from it."""
    names: dict[str, set[str]] = defaultdict(set)
    for path in PIPELINE.rglob("*.py"):
        room = path.relative_to(PIPELINE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = (
                (getattr(node, "module", None) or "") if isinstance(node, ast.ImportFrom) else ""
            )
            if module.startswith("pipeline.") and module.split(".")[1] != room:
                names[module].update(alias.name for alias in node.names)
    return names


def documented() -> dict[str, object]:
    """Functions to be checked, by dotted name."""
    found: dict[str, object] = {}
    for module, names in imported_across_rooms().items():
        content = importlib.import_module(module)
        for name in names:
            item = getattr(content, name, None)
            if inspect.isfunction(item) and item.__module__ == module:
                found[f"{module}.{name}"] = item
    for name in cytocast.__all__:
        item = getattr(cytocast, name)
        if inspect.isfunction(item):
            found[f"{item.__module__}.{item.__name__}"] = item
        for method, function in vars(item).items() if inspect.isclass(item) else ():
            if inspect.isfunction(function) and not method.startswith("_"):
                found[f"{item.__module__}.{item.__name__}.{method}"] = function
    return found


DOCUMENTED = documented()
# their examples are those of the command line and of cytocast
COMMANDS = {name for name in DOCUMENTED if name.startswith("pipeline.commands.")}
METHODS = {name for name in DOCUMENTED if name.split(".")[-2][:1].isupper()}


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_sections_are_complete(name: str) -> None:
    wanted = REQUIRED if name in METHODS | COMMANDS | NO_EXAMPLE else {*REQUIRED, EXAMPLE}
    missing = [text for code, text in validate(name)["errors"] if code in wanted]
    source = ast.parse(textwrap.dedent(inspect.getsource(DOCUMENTED[name])))
    raised = {
        ast.unparse(node.exc.func)
        for node in ast.walk(source)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    }
    if raised & RAISED and "Raises\n" not in (DOCUMENTED[name].__doc__ or ""):
        missing.append(f"no Raises section for {', '.join(sorted(raised & RAISED))}")
    assert missing == []


@pytest.mark.parametrize("name", cytocast.__all__)
def test_a_public_class_or_function_says_what_it_is(name: str) -> None:
    item = getattr(cytocast, name)
    codes = {code for code, _ in validate(f"{item.__module__}.{item.__name__}")["errors"]}
    assert not codes & {"GL08", "SS01", "PR02"}


def test_exceptions_are_needed() -> None:
    assert set(DOCUMENTED) >= NO_EXAMPLE
    assert [name for name in NO_EXAMPLE if ">>>" in (DOCUMENTED[name].__doc__ or "")] == []
