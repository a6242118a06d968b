"""Selects the columns, penalties and signs of each member of a RiskModel."""

from __future__ import annotations

from pipeline.config_model import ModelConfig
from pipeline.features.names import FeatureMeta
from pipeline.features.score_definitions import GROUP as SCORES
from pipeline.features.score_definitions import PREFIX, scores
from pipeline.features.spec import FeatureSpec
from pipeline.features.statistics import SIGNED
from pipeline.model.linear import LinearDesign

REFERENCE = "grade_and_day"


def grade_column(scale: str, spec: FeatureSpec) -> str | None:
    """Column of the current grade on a scale, None if the cohort has no grades on it."""
    return f"state_{scale}__grade" if scale in spec.state_scales else None


def reference_design(scale: str, spec: FeatureSpec, config: ModelConfig) -> LinearDesign:
    """Design by grade and day; for ICANS, also the CRS grade. Without grades, the day only."""
    scales = [scale] if scale != "icans" else ["icans", "crs"]
    columns = [f"state_{item}__grade" for item in scales if item in spec.state_scales]
    if scale == "icans" and "crs" in spec.state_scales:
        columns.append("state_crs__grade?")
    grade = grade_column(scale, spec)
    if grade is None:
        columns = []
    columns.append("time__hours")
    return LinearDesign(
        tuple(columns),
        (config.ridge_context,) * len(columns),
        (0,) * len(columns),
        grade,
        config.ridge_context,
    )


def state_columns(metas: tuple[FeatureMeta, ...]) -> list[str]:
    """Columns of grades on every scale with indicators of known values, and the time."""
    names = [meta.name for meta in metas if meta.is_state]
    known = [f"{name}?" for name in names if name.endswith(("__grade", "__hours_since_onset"))]
    return [*names, *known, "time__hours"]


def state_design(
    scale: str, spec: FeatureSpec, metas: tuple[FeatureMeta, ...], config: ModelConfig
) -> LinearDesign:
    """Design of all charted grades, without labs."""
    columns = state_columns(metas)
    return LinearDesign(
        tuple(columns),
        (config.ridge_state,) * len(columns),
        (0,) * len(columns),
        grade_column(scale, spec),
        config.ridge_context,
    )


def labs_design(
    scale: str,
    spec: FeatureSpec,
    metas: tuple[FeatureMeta, ...],
    config: ModelConfig,
    *,
    with_state: bool,
) -> LinearDesign:
    """Design of labs, treatments and host with a strong ridge and signs; weaker for state."""
    chosen = [
        meta
        for meta in metas
        if _linear_column(meta, config) and not _harmless(meta, scale, spec, config)
    ]
    names = [meta.name for meta in chosen]
    signs = [_sign(meta, scale, spec, config) for meta in chosen]
    ridges = [config.ridge_labs] * len(chosen)
    state = state_columns(metas) if with_state else ["time__hours"]
    return LinearDesign(
        (*state, *names),
        (*((config.ridge_state,) * len(state)), *ridges),
        (*((0,) * len(state)), *signs),
        grade_column(scale, spec) if with_state else None,
        config.ridge_context,
    )


def booster_columns(
    scale: str,
    spec: FeatureSpec,
    metas: tuple[FeatureMeta, ...],
    config: ModelConfig,
    *,
    with_state: bool,
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Columns of the booster and their monotone constraints."""
    chosen = [
        meta
        for meta in metas
        if (meta.is_state and with_state)
        or meta.name == "time__hours"
        or meta.group in ("treatments", SCORES)
        or (meta.group == "host_product" and config.booster_host)
        or (
            meta.group in ("analyte", "measurement")
            and _statistic(meta) in config.booster_statistics
        )
    ]
    names = tuple(dict.fromkeys(meta.name for meta in chosen))
    sign = {meta.name: _sign(meta, scale, spec, config) for meta in chosen}
    return names, tuple(sign[name] for name in names)


def _linear_column(meta: FeatureMeta, config: ModelConfig) -> bool:
    if meta.group in ("analyte", "measurement"):
        return _statistic(meta) in config.linear_statistics
    return meta.group in ("treatments", "host_product", SCORES) and meta.name != "time__hours"


def _harmless(meta: FeatureMeta, scale: str, spec: FeatureSpec, config: ModelConfig) -> bool:
    """Whether it is the extreme on the harmless side: the nadir of CRP, the peak of platelets."""
    side = {"peak": 1, "nadir": -1}.get(meta.statistic)
    return side is not None and _direction(meta, scale, spec, config) == -side


def _statistic(meta: FeatureMeta) -> str:
    return meta.name.split("__")[1]


def _sign(meta: FeatureMeta, scale: str, spec: FeatureSpec, config: ModelConfig) -> int:
    """Sign of a feature on a scale, 0 unless the evidence is one-directional."""
    signs = {"up": 1, "down": -1}
    if config.signs and meta.group == SCORES:
        return signs.get(scores()[meta.subject.removeprefix(PREFIX)].direction.get(scale, ""), 0)
    if meta.statistic not in SIGNED or meta.statistic == "nadir":
        return 0
    return _direction(meta, scale, spec, config)


def _direction(meta: FeatureMeta, scale: str, spec: FeatureSpec, config: ModelConfig) -> int:
    """+1 if high values raise the risk on the scale, -1 if low values do, 0 if unknown or off."""
    if not config.signs or meta.group != "analyte":
        return 0
    direction = {analyte.key: analyte.direction for analyte in spec.analytes}.get(meta.subject, {})
    return {"up": 1, "down": -1}.get(direction.get(scale, ""), 0)
