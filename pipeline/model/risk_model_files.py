"""Writes and reads the files of one RiskModel in a bundle: JSON, UBJSON and skops."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.arrays import Floats
from pipeline.model.booster import load_booster
from pipeline.model.borrowed_prior import reading_prior_columns
from pipeline.model.calibration import calibration_from_dict
from pipeline.model.clinical_comparators import clinical_comparators_from_dict
from pipeline.model.custom_member import load_custom
from pipeline.model.linear import linear_from_dict
from pipeline.model.risk_model import RiskModel
from pipeline.model.variant import Variant


def save_model(model: RiskModel, folder: Path, scale: str) -> None:
    """Write a model of one scale: its JSON file and the files of boosters and custom members."""
    content: dict[str, Any] = {
        "scale": model.scale,
        "thresholds": list(model.thresholds),
        "horizons": list(model.horizons),
        "grade": model.grade,
        "reference": model.reference.to_dict(),
        "comparators": model.comparators.to_dict(),
        "tuned": dict(model.tuned),
        "show_state": model.show_state,
    }
    for name in ("no_state", "state"):
        variant: Variant | None = getattr(model, name)
        content[name] = None
        if variant is None:
            continue
        content[name] = {
            "linear": [member.to_dict() for member in variant.linear],
            "boosters": [member.to_dict() for member in variant.boosters],
            **_calibrations(variant),
            "custom": [member.to_dict() for member in variant.custom],
            "weights": dict(variant.weights),
        }
        for member in variant.custom:
            member.save(folder / f"{scale}_{name}_{member.name}.skops")
        for number, booster in enumerate(variant.boosters):
            booster.save(folder / f"{scale}_{name}_{number}.ubj")
        if model.alone is not None:
            alone: Variant = getattr(model.alone, name)
            content[name]["alone"] = _calibrations(alone)
    write_json(folder / f"{scale}.json", content)


def _calibrations(variant: Variant) -> dict[str, Any]:
    return {
        "calibration": variant.calibration.to_dict(),
        "redrawn": [item.to_dict() for item in variant.redrawn],
        "mean_variance": None if variant.mean_variance is None else variant.mean_variance.tolist(),
        "shrinkage_variance": variant.shrinkage_variance,
        **(
            {}
            if variant.update is None
            else {
                "update": variant.update.to_dict(),
                "update_redrawn": [item.to_dict() for item in variant.update_redrawn],
            }
        ),
    }


def load_model(files: Mapping[str, bytes], scale: str, prior: RiskModel | None = None) -> RiskModel:
    """Rebuild the model of one scale.

    Parameters
    ----------
    files : mapping of str to bytes
        Verified content by file name.
    scale : str
    prior : RiskModel, optional
        Model of the same scale that this one borrows from.

    Returns
    -------
    RiskModel

    Raises
    ------
    ValueError
        If the file has no variant without clinical state.
    """
    content = parsed(files[f"{scale}.json"])
    variants: dict[str, Variant | None] = {"no_state": None, "state": None}
    for name in variants:
        part = content[name]
        if part is None:
            continue
        stored = Variant(
            tuple(linear_from_dict(item) for item in part["linear"]),
            tuple(
                load_booster(item, f"{scale}_{name}_{number}.ubj", files)
                for number, item in enumerate(part["boosters"])
            ),
            calibration_from_dict(part["calibration"]),
            custom=tuple(
                load_custom(item, f"{scale}_{name}_{item['name']}.skops", files)
                for item in part["custom"]
            ),
            weights=dict(part["weights"]),
        )
        variants[name] = _with_calibrations(stored, part)
    no_state = variants["no_state"]
    if no_state is None:
        raise ValueError(f"{scale}.json has no variant without clinical state")
    model = RiskModel(
        content["scale"],
        tuple(content["thresholds"]),
        tuple(content["horizons"]),
        content["grade"],
        linear_from_dict(content["reference"]),
        no_state,
        variants["state"],
        tuned=dict(content["tuned"]),
        show_state=content["show_state"],
        comparators=clinical_comparators_from_dict(content.get("comparators", {})),
    )
    if prior is None:
        return model
    renamed = reading_prior_columns(prior)
    return replace(
        model,
        no_state=replace(no_state, prior=renamed.no_state),
        state=model.state and replace(model.state, prior=renamed.variant_of(True)),
        prior=renamed,
        alone=replace(
            model,
            no_state=_with_calibrations(no_state, content["no_state"]["alone"]),
            state=model.state and _with_calibrations(model.state, content["state"]["alone"]),
        ),
    )


def _with_calibrations(variant: Variant, content: Mapping[str, Any]) -> Variant:
    """The variant with stored calibrations; bundles that were not recalibrated have no update."""
    update = content.get("update")
    return replace(
        variant,
        calibration=calibration_from_dict(content["calibration"]),
        redrawn=tuple(calibration_from_dict(item) for item in content["redrawn"]),
        mean_variance=_mean_variance(content),
        shrinkage_variance=content.get(
            "shrinkage_variance"
        ),  # absent in bundles of earlier versions
        update=None if update is None else calibration_from_dict(update),
        update_redrawn=tuple(
            calibration_from_dict(item) for item in content.get("update_redrawn", ())
        ),
    )


def _mean_variance(content: Mapping[str, Any]) -> Floats | None:
    stored = content.get("mean_variance")  # absent in bundles of earlier versions
    return None if stored is None else np.asarray(stored, dtype=float)


def write_json(path: Path, content: Any, *, sort: bool = True) -> None:
    """Write indented JSON without NaN; the same content gives the same bytes."""
    path.write_text(
        json.dumps(content, sort_keys=sort, indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )


def parsed(content: bytes) -> Any:
    """Parse JSON in UTF-8.

    Examples
    --------
    >>> parsed(b'{"scale": "crs"}')
    {'scale': 'crs'}
    """
    return json.loads(content.decode("utf-8"))
