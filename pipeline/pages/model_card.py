"""Writes the model card as Markdown and HTML, ``card.json`` (CHAI) and ``tripod_ai.md``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.config import Config
from pipeline.errors import visible
from pipeline.explain.phrases import outcome_short
from pipeline.features.spec import FeatureSpec
from pipeline.model.evaluation_cells import Metric
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages.csv_links import data_link
from pipeline.pages.evaluation_tables import Grid
from pipeline.pages.html import render
from pipeline.pages.model_card_facts import (
    USERS,
    added_value_of,
    bounds,
    brier_text,
    card_facts,
    made_of,
    notes_of,
    performance_of,
    slope_text,
)
from pipeline.reading.read_result import ReadResult
from pipeline.resources import schema_yaml

FILES = ("model_card.md", "model_card.html", "card.json", "tripod_ai.md")
OPEN = "not reported"
USE = "Research use only."
_ITEM = ("number", "section", "asks", "answer", "where")
_PERFORMANCE = (
    "Outcome",
    "Within",
    "Landmarks with event",
    "Patients with event",
    "AUROC",
    "Grade and day",
    "Brier",
    "Calibration slope",
)
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_TEMPLATES = Path(__file__).parent / "templates"


def write_card(
    folder: Path,
    config: Config,
    report: EvaluationReport,
    spec: FeatureSpec,
    read: ReadResult,
) -> None:
    """Write model card, Applied Model Card and TRIPOD+AI checklist into a bundle folder.

    Parameters
    ----------
    folder : pathlib.Path
        Existing bundle folder.
    config : Config
        Settings of the training.
    report : EvaluationReport
        Evaluation of the training, with ``sample_size`` and ``abstention``.
    spec : FeatureSpec
        Analytes and drug classes of the model.
    read : ReadResult
        The training cohort as read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from numpy import full, inf
    >>> from pandas import DataFrame
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.config import load_config
    >>> from pipeline.features.spec import learn_spec
    >>> config, cohort = load_config(), empty_cohort(["P1"])
    >>> spec, report = learn_spec(cohort, config, {}), EvaluationReport(kind="cross-validated")
    >>> read = ReadResult(cohort, DataFrame(), {}, {}, {}, ["P1"], {}, "", 0, full(1, inf))
    >>> with TemporaryDirectory() as folder:
    ...     write_card(Path(folder), config, report, spec, read)
    ...     print(sorted(path.name for path in Path(folder).iterdir()))
    ['card.json', 'model_card.html', 'model_card.md', 'tripod_ai.md']
    """
    phrases = card_facts(config, report, spec, read)
    items = checklist(phrases, config.card.items)
    card = chai_card(config, report, phrases)
    title = f"Model card: {phrases['title']}"
    context = {
        "card": {"title": title, "use": USE},
        "facts": phrases,
        "uses": card["UsesAndDirections"],
        "rows": _rows(report),
        "made": made_of(report),
        "notes": notes_of(report, phrases),
        "items": items,
        "open": [item for item in items if item["answer"] == OPEN],
        "answered": sum(item["answer"] != OPEN for item in items),
    }
    (folder / "model_card.md").write_text(_rendered("model_card.md.j2", context), encoding="utf-8")
    page = render(_TEMPLATES, "model_card.html.j2", **_page_context(context, config))
    (folder / "model_card.html").write_text(page, encoding="utf-8")
    (folder / "tripod_ai.md").write_text(_rendered("tripod_ai.md.j2", context), encoding="utf-8")
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    (folder / "card.json").write_text(text, encoding="utf-8")


def checklist(phrases: Mapping[str, str], stated: Mapping[str, str]) -> list[dict[str, str]]:
    """List every TRIPOD+AI item with its answer and location, or ``not reported``.

    Parameters
    ----------
    phrases : mapping
        From ``card_facts``; they fill the answers of ``tripod_ai.yaml``.
    stated : mapping
        Answers of the configuration by item number; they take precedence.
    """
    result = []
    for item in schema_yaml("tripod_ai.yaml")["items"]:
        number, where = item["number"], item.get("where", "")
        answer = stated.get(number) or item["answer"].format(**phrases)
        if number in stated:
            where = "config.json card"
        answer = OPEN if not answer or answer.startswith(OPEN) else answer
        cells = {**item, "answer": answer, "where": "" if answer == OPEN else where}
        result.append({key: str(value) for key, value in cells.items()})
    return result


def chai_card(
    config: Config, report: EvaluationReport, phrases: Mapping[str, str]
) -> dict[str, Any]:
    """Applied Model Card of the Coalition for Health AI (schema 0.2)."""
    stated = config.card
    performance, added = performance_of(config, report), added_value_of(config, report)
    notes = notes_of(report, phrases)
    process = (
        f"{phrases['folds']}-fold cross-validation over patients, {phrases['repeats']}; "
        "evaluation.json"
    )
    common = {
        "TestType": "internal, cross-validated",
        "TestingDataDescription": phrases["flow"],
        "ValidationProcessAndJustification": process,
    }
    fair = phrases["fairness"]
    return {
        "BasicInfo": {
            "ModelName": phrases["title"],
            "ModelDeveloper": stated.developer or OPEN,
            "DeveloperContact": stated.contact or OPEN,
        },
        "ReleaseInfo": {
            "ReleaseStage": "research",
            "ReleaseDate": stated.release_date or OPEN,
            "ReleaseVersion": f"cytocast {__version__}, settings {config.sha256()[:12]}",
            "GlobalAvailability": OPEN,
            "RegulatoryApproval": "none; not a medical device",
        },
        "ModelSummary": {
            "Summary": phrases["summary"],
            "Keywords": ["CAR-T", "CRS", "ICANS", "biomarkers", "risk prediction"],
        },
        "UsesAndDirections": {
            "IntendedUseAndWorkflow": f"{USE} Risks with the base rate of the day, once per "
            "batch of results, read together with the evaluation",
            "PrimaryIntendedUsers": USERS,
            "HowToUse": "cytocast predict; docs/operations.md",
            "TargetedPatientPopulation": phrases["population"],
            "CautionedOutOfScopeSettings": "clinical decisions, time-critical use, products and "
            "sites not in training, patients below the information floor",
        },
        "Warnings": {
            "KnownRisksAndLimitations": " ".join(
                [f"{phrases['limitations']}.", phrases["size"], *notes]
            ),
            "KnownBiasesOrEthicalConsiderations": "What was ordered, and when, differs between "
            "sites and is part of what the model reads",
            "ClinicalRiskLevel": OPEN,
        },
        "TrustIngredients": {
            "AISystemFacts": {
                "OutcomesAndOutputs": f"{phrases['outcomes']}, within {phrases['horizons']} h: "
                f"risk, {phrases['level']}% interval, base rate, contributions",
                "ModelType": f"{phrases['members']}. {phrases['made']}. {phrases['settings']}",
                "FoundationModels": "none",
                "InputDataSource": f"cohort export '{phrases['cohort']}', sha256 "
                f"{phrases['cohort_sha']}",
                "OutputAndInputDataTypes": "tables in, tables and pages out",
                "DevelopmentDataCharacterization": f"{phrases['flow']}. {phrases['reading']}",
                "BiasMitigationApproaches": fair,
                "OngoingMaintenance": OPEN,
                "Security": "no pickle; every file under a manifest of SHA-256 digests",
                "Transparency": "settings, coefficients and evaluation are part of the bundle",
            },
            "TransparencyInformation": {
                "FundingSource": stated.items.get("18a", OPEN),
                "StakeholdersConsulted": stated.items.get("19", OPEN),
            },
        },
        "KeyMetrics": {
            "UsefulnessUsabilityEfficacy": {
                "MetricGoal": "Better than grade and day at the same landmark",
                "Results": _results("AUROC, Brier score and calibration", performance),
                "Interpretation": "; ".join(added),
                **common,
            },
            "FairnessEquity": {
                "MetricGoal": "Similar performance in all subgroups",
                "Results": _results("subgroups", [fair]),
                "Interpretation": fair,
                **common,
            },
            "SafetyReliability": {
                "MetricGoal": "No estimate where information is too sparse or far outside training",
                "Results": _results("abstention", [phrases["abstention"]]),
                "Interpretation": phrases["abstention"],
                **common,
            },
        },
        "Resources": {
            "EvaluationReferences": "evaluation.html, tripod_ai.md",
            "PeerReviewedPublications": "none",
            "PatientConsentOrDisclosure": stated.items.get("17", OPEN),
        },
        "Bibliography": "10.1136/bmj-2023-078378; 10.1002/sim.7992; 10.1016/j.bbmt.2018.12.758",
    }


def _page_context(context: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The facts of the Markdown card, with its tables as grids."""
    rows = [tuple(row) for row in context["rows"]]
    items = [tuple(item[name] for name in _ITEM) for item in context["items"]]
    return {
        **context,
        "title": context["card"]["title"].replace("SYNTHETIC DATA: ", ""),
        "synthetic": config.cohort.synthetic,
        "performance": Grid("Performance, cross-validated", _PERFORMANCE, rows),
        "made": Grid("Models", ("Property", "Value"), context["made"]),
        "checklist": Grid("TRIPOD+AI", tuple(name.capitalize() for name in _ITEM), items),
        "link": data_link,
    }


def _results(label: str, values: list[str]) -> list[dict[str, str]]:
    return [{"Label": label, "ValueJson": json.dumps(values, ensure_ascii=False)}]


def _rows(report: EvaluationReport) -> list[list[str]]:
    """Table rows of the card, one per outcome and horizon."""
    rows = []
    for name, outcome in report.outcomes.items():
        for key in outcome.model:
            cell = outcome.performance("model", key)
            reference = outcome.compared("grade_and_day", key)
            known = cell.auroc is not None
            rows.append(
                [
                    outcome_short(name),
                    f"{key} h",
                    f"{cell.n_events} of {cell.n}",
                    f"{cell.n_event_patients} of {cell.n_patients}",
                    *(_area(each.area) for each in (cell, reference)),
                    brier_text(cell.brier_score),
                    slope_text(cell.slope) if known else "not estimable",
                ]
            )
    return rows


def _area(area: Metric) -> str:
    return "not estimable" if area.value is None else f"{area.value:.3f} ({bounds(area)})"


def _cell(text: str) -> str:
    """Escape text for one cell of a Markdown table."""
    return " ".join(str(text).replace("|", "\\|").split())


def _inert(value: Any) -> Any:
    """Escape HTML tags and remove non-printing characters."""
    return _TAG.sub("&lt;", visible(value)) if isinstance(value, str) else value


def _rendered(template: str, context: Mapping[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    env = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_inert,
    )
    env.filters["cell"] = _cell
    return env.get_template(template).render(**context)
