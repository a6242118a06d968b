"""The evaluation page: evaluation.json and its curves as one self-contained HTML file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.report.charts import calibration_chart, histogram_pair, roc_chart
from pipeline.report.facts import facts
from pipeline.report.format import count_of, decimal, in_words, is_missing, joined, words
from pipeline.report.page import render

TEMPLATES = Path(__file__).parent / "templates"
WORDS = json.loads((TEMPLATES / "words.json").read_text(encoding="utf-8"))
HEADLINE_HOURS, REFERENCE = "72", "grade_and_day"

Table = Mapping[str, Any]


def render_evaluation(
    evaluation: Table, curves: Table, *, title: str, synthetic: bool = False
) -> str:
    """
    Render the page on which a statistician finds every figure of an evaluation.

    Parameters
    ----------
    evaluation : mapping
        The content of `evaluation.json`; optional parts may be absent and figures None.
    curves : mapping
        Per outcome and horizon: `roc`, `calibration` and `risk_distribution`.
    title : str
        Heading of the page.
    synthetic : bool
        Whether to say that the patients are simulated; also said when the cohort says so.

    Examples
    --------
    >>> page = render_evaluation({"kind": "apparent", "outcomes": {}}, {}, title="Demo")
    >>> "optimistic" in page, "<script" in page
    (True, False)
    """
    cohort, protocol = evaluation.get("cohort", {}), evaluation.get("protocol", {})
    outcomes = evaluation.get("outcomes", {})
    kind = str(evaluation.get("kind", "not stated"))
    found = sorted({h for o in outcomes.values() for h in o.get("model", {})}, key=float)
    return render(
        TEMPLATES,
        "evaluation.html.j2",
        title=title,
        synthetic=synthetic or bool(cohort.get("synthetic")),
        kind=kind,
        kind_words=WORDS["kinds"].get(kind, "an unknown kind of evaluation"),
        cohort=cohort,
        outcomes=[outcome_view(key, o, curves.get(key, {})) for key, o in outcomes.items()],
        horizons=joined(protocol.get("horizons_h") or found),
        contrast=check_rows({"contrast": evaluation.get("contrast")}),
        canary=evaluation.get("canary_auroc", nan),
        warnings=evaluation.get("warnings") or (),
        facts=[*facts(cohort, WORDS["facts"]), *facts(protocol, WORDS["facts"])],
    )


def outcome_view(key: str, outcome: Table, curves: Table) -> dict[str, Any]:
    """
    Arrange one outcome for the template: headline, a table and charts per horizon, days.

    Examples
    --------
    >>> view = outcome_view("icans", {"model": {"24": {"auroc": 0.8}}}, {})
    >>> view["label"], [block["hours"] for block in view["horizons"]]
    ('Icans', ['24'])
    """
    label, model = str(outcome.get("label") or words(key)), outcome.get("model", {})
    hours = sorted(model, key=float)
    longest = model[hours[-1]] if hours else {}
    further = ("added_value", "negative_control", "subgroups")
    return {
        "label": label,
        "headline": headline(label, outcome),
        "others": _other_horizons(model, hours),
        "horizons": [
            {"hours": h, "rows": _rows(outcome, h), "charts": _charts(label, h, curves)}
            for h in hours
        ],
        "checks": check_rows({name: outcome.get(name) for name in further}),
        "by_day": sorted((outcome.get("by_day") or {}).items(), key=lambda item: float(item[0])),
        "counts": count_of(longest.get("n_event_patients"), longest.get("n_patients")),
    }


def headline(label: str, outcome: Table) -> str:
    """
    Say in plain words how well the model ranks patients, and what it adds to grade and day.

    Examples
    --------
    >>> model = {"72": {"auroc": 0.81, "auroc_lo": 0.74, "auroc_hi": 0.87}}
    >>> other = {"72": {"auroc": 0.75, "diff_auroc": 0.06, "diff_lo": 0.01, "diff_hi": 0.11}}
    >>> print(headline("ICANS", {"model": model, "comparators": {"grade_and_day": other}}))
    ICANS within 72 h: AUROC 0.81 (95 % interval 0.74 to 0.87). Grade and day alone reach 0.75; \
the model is 0.06 higher (difference 0.01 to 0.11).
    """
    hours = _headline_hours(outcome.get("model", {}))
    if hours is None:
        return f"{label}: no figures."
    m, start = outcome["model"][hours], f"{label} within {hours} h:"
    if is_missing(m.get("auroc")):
        return f"{start} the AUROC could not be estimated."
    spread = in_words("95 % interval", m.get("auroc_lo"), m.get("auroc_hi"))
    other = outcome.get("comparators", {}).get(REFERENCE, {}).get(hours, {})
    return f"{start} AUROC {decimal(m['auroc'])}{spread}. {_against_reference(other)}"


def check_rows(trees: Table) -> list[dict[str, Any]]:
    """
    List everything else that is kept by horizon, however deep its names are nested.

    Examples
    --------
    >>> rows = check_rows({"subgroups": {"site": {"A": {"72": {"auroc": 0.7}}}}})
    >>> rows[0]["name"], rows[0]["hours"]
    ('Subgroups, site, A', '72')
    """
    return [
        {"name": ", ".join([_named(path[0]), *path[1:]]), "hours": hours, "m": m}
        for path, hours, m in _leaves(trees, ())
        if path
    ]


def _leaves(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, Table]]:
    """Walk down to the figures; the last name on the way is the horizon."""
    if not isinstance(tree, Mapping):
        return
    for name, branch in tree.items():
        if isinstance(branch, Mapping) and ("auroc" in branch or "diff_auroc" in branch):
            yield path, str(name), branch
        else:
            yield from _leaves(branch, (*path, str(name)))


def _against_reference(other: Table) -> str:
    difference, lo, hi = (other.get(k, nan) for k in ("diff_auroc", "diff_lo", "diff_hi"))
    if is_missing(difference):
        return "The difference from grade and day alone could not be estimated."
    size = decimal(abs(difference))
    way = "equal" if float(size) == 0 else f"{size} {'higher' if difference > 0 else 'lower'}"
    span = in_words("difference", lo, hi)
    doubt = ", so no difference is shown" if span and lo <= 0 <= hi else ""
    alone = f"Grade and day alone reach {decimal(other.get('auroc'))}"
    return f"{alone}; the model is {way}{span}{doubt}."


def _headline_hours(model: Table) -> str | None:
    return HEADLINE_HOURS if HEADLINE_HOURS in model else min(model, key=float, default=None)


def _other_horizons(model: Table, hours: Sequence[str]) -> str:
    """Tell the same figure at every other horizon, so that none is picked out."""
    told = _headline_hours(model)
    others = {h: model[h].get("auroc") for h in hours if h != told}
    if all(is_missing(auroc) for auroc in others.values()):
        return ""
    return ", ".join(f"{decimal(auroc)} at {h} h" for h, auroc in others.items())


def _rows(outcome: Table, hours: str) -> list[dict[str, Any]]:
    """One table row for the model, its variant without grades, and each comparator."""
    predictors = {name: outcome.get(name, {}) for name in ("model", "model_no_state")}
    predictors |= outcome.get("comparators", {})
    return [
        {"name": _named(name), "m": by_hour[hours], "main": name == "model"}
        for name, by_hour in predictors.items()
        if hours in by_hour
    ]


def _charts(label: str, hours: str, curves: Table) -> list[tuple[str, Markup]]:
    """Caption and drawing of each chart whose curve is there."""
    drawn: list[tuple[str, Markup]] = []
    curve, told = curves.get(hours) or {}, f"{label}, next {hours} h"
    if roc := curve.get("roc"):
        named = {_named(name): rates for name, rates in roc.items()}
        drawn.append(("ROC curves", roc_chart(named, title=f"ROC curves: {told}")))
    if groups := curve.get("calibration"):
        chart = calibration_chart(groups, title=f"Calibration: {told}")
        drawn.append(("Calibration of the model", chart))
    if bins := curve.get("risk_distribution"):
        chart = histogram_pair(**bins, title=f"Risks given: {told}")
        drawn.append(("Risks the model gave", chart))
    return drawn


def _named(predictor: str) -> str:
    return str(WORDS["predictors"].get(predictor, words(predictor)))
