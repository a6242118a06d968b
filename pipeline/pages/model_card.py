"""The model card of a run: ``model_card.md``, ``card.json`` (CHAI) and the TRIPOD+AI checklist."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.config import Config
from pipeline.errors import visible
from pipeline.features.spec import FeatureSpec
from pipeline.model.evaluation_report import EvaluationReport
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

FILES = ("model_card.md", "card.json", "tripod_ai.md")
OPEN = "not reported"
USE = "Research use only."
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_TEMPLATES = Path(__file__).parent / "templates"


def write_card(
    folder: Path,
    config: Config,
    report: EvaluationReport,
    spec: FeatureSpec,
    read: ReadResult,
) -> None:
    """Write the three files into a bundle folder.

    Parameters
    ----------
    report : EvaluationReport
        Of the training, with ``sample_size`` and ``abstention``.
    """
    facts = card_facts(config, report, spec, read)
    items = checklist(facts, config.card.items)
    card = chai_card(config, report, facts)
    title = f"Model card: {facts['title']}"
    context = {
        "card": {"title": title, "use": USE},
        "facts": facts,
        "uses": card["UsesAndDirections"],
        "rows": _rows(report),
        "made": [(_cell(name), _cell(told)) for name, told in made_of(report)],
        "notes": notes_of(report, facts),
        "items": items,
        "open": [item for item in items if item["answer"] == OPEN],
        "answered": sum(item["answer"] != OPEN for item in items),
    }
    (folder / "model_card.md").write_text(_rendered("model_card.md.j2", context), encoding="utf-8")
    (folder / "tripod_ai.md").write_text(_rendered("tripod_ai.md.j2", context), encoding="utf-8")
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    (folder / "card.json").write_text(text, encoding="utf-8")


def checklist(facts: Mapping[str, str], stated: Mapping[str, str]) -> list[dict[str, str]]:
    """Every item of TRIPOD+AI with its answer, where it stands, or ``not reported``.

    Parameters
    ----------
    stated : mapping
        Answers of the configuration by item number; they win.
    """
    result = []
    for item in schema_yaml("tripod_ai.yaml")["items"]:
        number, where = item["number"], item.get("where", "")
        answer = stated.get(number) or item["answer"].format(**facts)
        if number in stated:
            where = "config.json card"
        answer = OPEN if not answer or answer.startswith(OPEN) else answer
        cells = {**item, "answer": answer, "where": "" if answer == OPEN else where}
        result.append({key: _cell(value) for key, value in cells.items()})
    return result


def chai_card(config: Config, report: EvaluationReport, facts: Mapping[str, str]) -> dict[str, Any]:
    """Applied Model Card in the shape of the Coalition for Health AI (schema 0.2)."""
    stated = config.card
    performance, added = performance_of(config, report), added_value_of(config, report)
    notes = notes_of(report, facts)
    process = (
        f"{facts['folds']}-fold cross-validation over patients, {facts['repeats']}; evaluation.json"
    )
    common = {
        "TestType": "internal, cross-validated",
        "TestingDataDescription": facts["flow"],
        "ValidationProcessAndJustification": process,
    }
    fair = facts["fairness"]
    return {
        "BasicInfo": {
            "ModelName": facts["title"],
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
            "Summary": facts["summary"],
            "Keywords": ["CAR-T", "CRS", "ICANS", "biomarkers", "risk prediction"],
        },
        "UsesAndDirections": {
            "IntendedUseAndWorkflow": f"{USE} Risks beside the base rate of the day, once per "
            "batch of results, read together with the evaluation",
            "PrimaryIntendedUsers": USERS,
            "HowToUse": "cytocast predict; docs/operations.md",
            "TargetedPatientPopulation": facts["population"],
            "CautionedOutOfScopeSettings": "clinical decisions, time-critical use, products and "
            "sites not in training, patients below the information floor",
        },
        "Warnings": {
            "KnownRisksAndLimitations": " ".join(
                [f"{facts['limitations']}.", facts["size"], *notes]
            ),
            "KnownBiasesOrEthicalConsiderations": "What was ordered, and when, differs between "
            "sites and is part of what the model reads",
            "ClinicalRiskLevel": OPEN,
        },
        "TrustIngredients": {
            "AISystemFacts": {
                "OutcomesAndOutputs": f"{facts['outcomes']}, within {facts['horizons']} h: risk, "
                f"{facts['level']} % interval, base rate, contributions",
                "ModelType": f"{facts['members']}. {facts['made']}. {facts['settings']}",
                "FoundationModels": "none",
                "InputDataSource": f"cohort export '{facts['cohort']}', sha256 "
                f"{facts['cohort_sha']}",
                "OutputAndInputDataTypes": "tables in, tables and pages out",
                "DevelopmentDataCharacterization": f"{facts['flow']}. {facts['reading']}",
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
                "MetricGoal": "No estimate where information is too thin or too unusual",
                "Results": _results("abstention", [facts["abstention"]]),
                "Interpretation": facts["abstention"],
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


def _results(label: str, values: list[str]) -> list[dict[str, str]]:
    return [{"Label": label, "ValueJson": json.dumps(values, ensure_ascii=False)}]


def _rows(report: EvaluationReport) -> list[list[str]]:
    """One line of the card's table per outcome and horizon."""
    rows = []
    for name, outcome in report.outcomes.items():
        for key in outcome.model:
            cell = outcome.performance("model", key)
            bar = outcome.compared("grade_and_day", key)
            known = cell.auroc is not None
            rows.append(
                [
                    name,
                    f"{key} h",
                    f"{cell.n_events} of {cell.n}",
                    f"{cell.n_event_patients} of {cell.n_patients}",
                    f"{cell.auroc:.3f} ({bounds(cell.area)})" if known else "not estimable",
                    f"{bar.auroc:.3f}" if bar.auroc is not None else "not estimable",
                    brier_text(cell.brier_score),
                    slope_text(cell.slope) if known else "not estimable",
                ]
            )
    return rows


def _cell(text: str) -> str:
    """One line that does not break a Markdown table."""
    return " ".join(str(text).replace("|", "\\|").split())


def _inert(value: Any) -> Any:
    """Text of a card without markup of an input, and without what does not print."""
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
    return env.get_template(template).render(**context)
