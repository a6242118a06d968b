"""FeatureSpec: the features of a model, decided once in training and stored in the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import Analyte, analyte_from_dict, dictionary
from pipeline.cohort.tables import Cohort
from pipeline.config import Config
from pipeline.errors import UsageError
from pipeline.features.cell_size import frequent
from pipeline.features.drug_effects import DrugEffect, drug_effects, effect_from_dict, influence
from pipeline.features.names import parse_name
from pipeline.features.score_definitions import check_names, scores
from pipeline.features.statistics import DEFAULT, select_statistics
from pipeline.resources import schema_json, schema_yaml

STATE_SCALES = ("crs", "icans")
_SIGNS = {"increasing": "up", "decreasing": "down", "free": ""}


@dataclass(frozen=True)
class HostColumn:
    """A column of ``patients`` used as a feature: ``number``, ``sex`` or ``category``."""

    name: str
    kind: str
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeatureSpec:
    """All settings that determine the columns of the feature matrix."""

    analytes: tuple[Analyte, ...]
    windows_hours: tuple[float, ...]
    baseline_from_hours: float
    min_slope_span_hours: float
    grade_valid_hours: float
    below_limit_factor: float
    state_scales: tuple[str, ...]
    drug_classes: tuple[str, ...]
    host: tuple[HostColumn, ...]
    scores: tuple[str, ...] = ()
    statistics: tuple[str, ...] = DEFAULT
    drug_effects: tuple[DrugEffect, ...] = ()
    channels: tuple[str, ...] = ()
    treatment_statistics: tuple[str, ...] = ("given", "hours_since_last", "n_doses")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "analytes": [analyte.to_dict() for analyte in self.analytes]}


def spec_from_dict(content: Mapping[str, Any]) -> FeatureSpec:
    """Rebuild a spec stored with :meth:`FeatureSpec.to_dict`.

    Parameters
    ----------
    content : mapping of str
        Keys added in later versions may be missing.

    Returns
    -------
    FeatureSpec

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.config import load_config
    >>> spec = learn_spec(empty_cohort(["P1"]), load_config(), {})
    >>> spec_from_dict(spec.to_dict()) == spec
    True
    """
    return FeatureSpec(
        **{
            **content,
            "analytes": tuple(analyte_from_dict(item) for item in content["analytes"]),
            "windows_hours": tuple(content["windows_hours"]),
            "state_scales": tuple(content["state_scales"]),
            "drug_classes": tuple(content["drug_classes"]),
            "scores": tuple(content.get("scores", ())),
            "statistics": tuple(content.get("statistics", DEFAULT)),
            "drug_effects": tuple(
                effect_from_dict(item) for item in content.get("drug_effects", ())
            ),
            "channels": tuple(content.get("channels", ())),
            "treatment_statistics": tuple(
                content.get("treatment_statistics", ("given", "hours_since_last", "n_doses"))
            ),
            "host": tuple(
                HostColumn(item["name"], item["kind"], tuple(item["levels"]))
                for item in content["host"]
            ),
        }
    )


def learn_spec(cohort: Cohort, config: Config, local: Mapping[str, Analyte]) -> FeatureSpec:
    """Decide the columns from a training cohort, without using outcomes.

    The spec has the measured analytes that ``features.analytes`` allows, the drug classes and host
    columns that occur, and category levels of five or more patients.

    Parameters
    ----------
    cohort : Cohort
    config : Config
    local : mapping of str to Analyte
        Analytes of the cohort that the dictionary does not have.

    Returns
    -------
    FeatureSpec

    Raises
    ------
    UsageError
        If the config names an analyte, score or statistic that does not exist.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.config import load_config
    >>> cohort = empty_cohort(["P1"])
    >>> cohort.treatments.loc[0] = [0, "tocilizumab", 30.0, "therapy", 400.0]
    >>> spec = learn_spec(cohort, load_config(), {})
    >>> spec.drug_classes, spec.windows_hours
    (('il6_receptor_blocker',), (24.0, 72.0, 168.0))
    """
    measured = set(cohort.labs.loc[~cohort.labs["cancelled"], "analyte"].unique())
    known = {**dictionary(), **local}
    wanted = config.features.analytes
    if wanted == "all":
        keys = [key for key in known if key in measured]
    else:
        unknown = [key for key in wanted if key not in known]
        if unknown:
            raise UsageError(
                f"features.analytes has unknown analytes: {', '.join(unknown)}; use keys of "
                "data_schema/analytes.yaml or local analytes of the cohort "
                f"({', '.join(sorted(local)) or 'none'})"
            )
        keys = [key for key in wanted if key in measured]
    scaled = [_with_scale(known[key], cohort) for key in sorted(keys)]
    scaled = _with_signs(scaled, config, known)
    effects = drug_effects(set(keys)) if config.features.drug_rules else ()
    return FeatureSpec(
        analytes=tuple(scaled),
        windows_hours=tuple(float(hours) for hours in config.features.windows_hours),
        baseline_from_hours=config.features.baseline_from_hours,
        min_slope_span_hours=config.features.min_slope_span_hours,
        grade_valid_hours=config.features.grade_valid_hours,
        below_limit_factor=config.cohort.below_limit_factor,
        state_scales=tuple(
            scale for scale in STATE_SCALES if (cohort.assessments["scale"] == scale).any()
        ),
        drug_classes=_drug_classes(cohort),
        host=tuple(_host_columns(cohort, config)),
        scores=_scores(config, {analyte.key for analyte in scaled if not analyte.local}),
        statistics=_statistics(config),
        drug_effects=effects,
        channels=_channels(cohort, effects),
        treatment_statistics=config.features.treatment_statistics,
    )


def _channels(cohort: Cohort, effects: tuple[DrugEffect, ...]) -> tuple[str, ...]:
    """Channels that hold at least one result."""
    codes, names = pd.factorize(cohort.labs["analyte"])
    moved = influence(
        cohort.labs["patient"].to_numpy(),
        codes,
        names,
        cohort.labs["collected_hours"].to_numpy(dtype=float),
        cohort.treatments,
        effects,
    ).channel[~cohort.labs["cancelled"].to_numpy()]
    return tuple(sorted({effects[number].series for number in np.unique(moved[moved >= 0])}))


def _scores(config: Config, measured: set[str]) -> tuple[str, ...]:
    """Scores of the settings whose analytes were all measured."""
    wanted = config.features.scores
    names = check_names(scores() if wanted == "all" else wanted)
    return tuple(name for name in names if measured.issuperset(scores()[name].parts))


def _statistics(config: Config) -> tuple[str, ...]:
    """Statistics of the settings plus those that the members use."""
    used = (*config.model.linear_statistics, *config.model.booster_statistics)
    names = [parse_name(f"x__{name}")[1] for name in used]
    select_statistics(names, "model.linear_statistics or model.booster_statistics")
    return select_statistics((*config.features.statistics, *names), "features.statistics")


def _with_scale(analyte: Analyte, cohort: Cohort) -> Analyte:
    """Put a local analyte on the log scale if it is positive and spans more than a factor of 10.

    The span is between the 5th and 95th centile. Logarithms and signed numbers stay unchanged.
    """
    if not analyte.local or analyte.by_difference:
        return analyte
    rows = cohort.labs.loc[cohort.labs["analyte"] == analyte.key, "value"].dropna()
    low, high = rows.quantile(0.05), rows.quantile(0.95)
    logged = bool(low > 0 and high / low > 10)
    content = {**analyte.to_dict(), "log": logged, "floor": float(low) if logged else None}
    return analyte_from_dict(content)


def _with_signs(
    analytes: list[Analyte], config: Config, known: Mapping[str, Analyte]
) -> list[Analyte]:
    """Replace the directions of analytes by those in the settings."""
    wanted = config.features.signs
    unknown = [key for key in wanted if key not in known]
    if unknown:
        raise UsageError(
            f"features.signs has unknown analytes: {', '.join(unknown)}; use keys of "
            "data_schema/analytes.yaml or local analytes of the cohort"
        )
    scales = sorted({item.scale for item in config.outcomes.values()})
    result = []
    for analyte in analytes:
        stated = wanted.get(analyte.key, {})
        if isinstance(stated, str):
            stated = dict.fromkeys([*scales, *analyte.direction], stated)
        changed = {**analyte.direction, **{key: _SIGNS[sign] for key, sign in stated.items()}}
        kept = {scale: sign for scale, sign in changed.items() if sign}
        result.append(replace(analyte, direction=kept))
    return result


def _drug_classes(cohort: Cohort) -> tuple[str, ...]:
    drugs = schema_yaml("drugs.yaml")["drugs"]
    given = {drug for drug in cohort.treatments["drug"].unique() if drug in drugs}
    return tuple(sorted({drugs[drug]["class"] for drug in given if drugs[drug]["feature"]}))


def _host_columns(cohort: Cohort, config: Config) -> list[HostColumn]:
    from pipeline.cohort.patients import category

    patients, persons = cohort.patients, pd.Series(cohort.persons())
    fields = {item["name"]: item for item in schema_json("patients.json")["fields"]}
    columns = []
    for name in dict.fromkeys((*config.cohort.host_columns, "product")):
        if name not in patients or patients[name].replace("", None).isna().all():
            continue
        if name == "sex":
            columns.append(HostColumn(name, "sex"))
        elif fields.get(name, {}).get("type") in ("number", "integer") or _numeric(patients[name]):
            columns.append(HostColumn(name, "number"))
        else:
            counts = persons.groupby(category(patients[name]).to_numpy()).nunique()
            levels = tuple(sorted(frequent(counts.to_dict())))
            if levels:
                columns.append(HostColumn(name, "category", levels))
    return columns


def _numeric(cells: pd.Series) -> bool:
    filled = cells.replace("", None).dropna()
    return bool(pd.to_numeric(filled, errors="coerce").notna().all())
