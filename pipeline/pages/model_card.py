"""Writes the model card as Markdown and HTML, ``card.json`` (CHAI) and ``tripod_ai.md``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.config import Config
from pipeline.errors import visible
from pipeline.evaluate.evaluation_phrases import evaluation_phrase, evaluation_section
from pipeline.explain.phrases import outcome_short
from pipeline.features.spec import FeatureSpec
from pipeline.model.evaluation_cells import Metric
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages.csv_links import data_link
from pipeline.pages.evaluation_tables import Grid
from pipeline.pages.html import render
from pipeline.pages.model_card_facts import (
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
_text = partial(evaluation_phrase, "card")
_value = partial(evaluation_phrase, "card_json")
OPEN = _text("not_reported")
_ITEM = ("number", "section", "asks", "answer", "where")
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
    title = _text("page_title", title=phrases["title"])
    context = {
        "card": {"title": title, "use": _text("use")},
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
            where = _text("stated_in")
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
    common = {
        "TestType": _value("test"),
        "TestingDataDescription": phrases["flow"],
        "ValidationProcessAndJustification": _value("process", **phrases),
    }
    fair = phrases["fairness"]
    return {
        "BasicInfo": {
            "ModelName": phrases["title"],
            "ModelDeveloper": stated.developer or OPEN,
            "DeveloperContact": stated.contact or OPEN,
        },
        "ReleaseInfo": {
            "ReleaseStage": _value("stage"),
            "ReleaseDate": stated.release_date or OPEN,
            "ReleaseVersion": _value("version", version=__version__, settings=config.sha256()[:12]),
            "GlobalAvailability": OPEN,
            "RegulatoryApproval": _value("approval"),
        },
        "ModelSummary": {
            "Summary": phrases["summary"],
            "Keywords": list(evaluation_section("card_json")["keywords"]),
        },
        "UsesAndDirections": {
            "IntendedUseAndWorkflow": _value("intended", use=_text("use")),
            "PrimaryIntendedUsers": phrases["users"],
            "HowToUse": _value("how"),
            "TargetedPatientPopulation": phrases["population"],
            "CautionedOutOfScopeSettings": _value("out_of_scope"),
        },
        "Warnings": {
            "KnownRisksAndLimitations": _value(
                "risks",
                limitations=phrases["limitations"],
                notes=" ".join([phrases["size"], *notes]),
            ),
            "KnownBiasesOrEthicalConsiderations": _value("biases"),
            "ClinicalRiskLevel": OPEN,
        },
        "TrustIngredients": {
            "AISystemFacts": {
                "OutcomesAndOutputs": _value("outputs", **phrases),
                "ModelType": _value("type", **phrases),
                "FoundationModels": _value("nil"),
                "InputDataSource": _value("input", digest=phrases["cohort_sha"], **phrases),
                "OutputAndInputDataTypes": _value("data_types"),
                "DevelopmentDataCharacterization": _value("data", **phrases),
                "BiasMitigationApproaches": fair,
                "OngoingMaintenance": OPEN,
                "Security": _value("security"),
                "Transparency": _value("transparency"),
            },
            "TransparencyInformation": {
                "FundingSource": stated.items.get("18a", OPEN),
                "StakeholdersConsulted": stated.items.get("19", OPEN),
            },
        },
        "KeyMetrics": {
            "UsefulnessUsabilityEfficacy": {
                "MetricGoal": _value("goal_useful"),
                "Results": _results(_value("results_useful"), performance),
                "Interpretation": "; ".join(added),
                **common,
            },
            "FairnessEquity": {
                "MetricGoal": _value("goal_fair"),
                "Results": _results(_value("results_fair"), [fair]),
                "Interpretation": fair,
                **common,
            },
            "SafetyReliability": {
                "MetricGoal": _value("goal_safe"),
                "Results": _results(_value("results_safe"), [phrases["abstention"]]),
                "Interpretation": phrases["abstention"],
                **common,
            },
        },
        "Resources": {
            "EvaluationReferences": _value("references"),
            "PeerReviewedPublications": _value("nil"),
            "PatientConsentOrDisclosure": stated.items.get("17", OPEN),
        },
        "Bibliography": _value("bibliography"),
    }


def _page_context(context: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The facts of the Markdown card, with its tables as grids."""
    texts = evaluation_section("card")
    rows = [tuple(row) for row in context["rows"]]
    items = [tuple(item[name] for name in _ITEM) for item in context["items"]]
    return {
        **context,
        "title": context["card"]["title"].replace(_text("synthetic"), ""),
        "synthetic": config.cohort.synthetic,
        "performance": Grid(texts["performance"], tuple(texts["performance_head"]), rows),
        "made": Grid(texts["models"], tuple(texts["models_head"]), context["made"]),
        "checklist": Grid(texts["checklist"], tuple(texts["checklist_head"]), items),
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
                    _text("hours", hours=key),
                    _text("part", part=cell.n_events, whole=cell.n),
                    _text("part", part=cell.n_event_patients, whole=cell.n_patients),
                    *(_area(each.area) for each in (cell, reference)),
                    brier_text(cell.brier_score),
                    slope_text(cell.slope) if known else _text("not_estimable"),
                ]
            )
    return rows


def _area(area: Metric) -> str:
    if area.value is None:
        return _text("not_estimable")
    return f"{area.value:.3f} ({bounds(area)})"


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
