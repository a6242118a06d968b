"""``cytocast monitor``: batches against the training cohort; page, JSON file and exit code."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import __version__, log
from pipeline.cohort.files import sha256_files
from pipeline.cohort.reader import batch_paths, read_cohort
from pipeline.cohort.refusals import share_words
from pipeline.cohort.tables import Cohort
from pipeline.cohort.timestamps import zone
from pipeline.config import MonitorConfig, parse_config
from pipeline.errors import BundleError, GateError, InputError, UsageError
from pipeline.folders import complete_folder, refuse_occupied
from pipeline.model.bundle import Bundle, load_bundle
from pipeline.predict.compare import Figure, compare, refusal_words, rule_of
from pipeline.predict.monitor_page import render_monitor, sentence
from pipeline.predict.run import resolve_model
from pipeline.predict.watch import watch, what_followed
from pipeline.resources import read_yaml, schema_yaml

ALARM = GateError.exit_code
_DIGITS = 6


def monitor(
    sources: Sequence[Path],
    out: Path,
    model: str,
    config_files: Sequence[Path] = (),
    *,
    cohort: Path | None = None,
    time_zone: str | None = None,
    force: bool = False,
) -> tuple[int, str]:
    """Compare batches with the training cohort of a bundle and write ``out``.

    Parameters
    ----------
    sources : sequence of Path
        Batches, each a folder of tables or a labs file.
    model : str
        Bundle folder or ``models:/<name>@<alias>``.
    config_files : sequence of Path
        Files that may hold the section ``monitor``; it replaces that of the bundle key by key.
    cohort : Path, optional
        Folder in which the same patients have outcomes that came later.

    Returns
    -------
    code, summary
        6 when there is an alarm, 0 otherwise, and the alarms in a sentence each.

    Raises
    ------
    BundleError
        If the bundle holds no profile of its training cohort.
    InputError
        If no patient can be compared.
    """
    zone(time_zone)
    paths = [batch_paths(source) for source in sources]
    folder, _ = resolve_model(model)
    refuse_occupied(out, *sources, folder, *([] if cohort is None else [cohort]), force=force)
    bundle = load_bundle(folder)
    profile = bundle.reference.profile
    if profile is None or not profile.days:
        raise BundleError(
            f"{folder} knows too little of its training cohort to compare a batch with it (it was "
            "trained by an earlier version, or on fewer than five patients a day); retrain"
        )
    config = monitor_config(bundle, config_files)
    reading = bundle.config.cohort
    if time_zone is not None:
        reading = reading.model_copy(update={"time_zone": time_zone})
    log.info("reading and scoring the batches")
    seen = watch(sources, bundle, reading)
    if seen.patients.empty:
        raise InputError("no patient has a usable result after time zero, so there is no landmark")
    later = None if cohort is None else _later(cohort, bundle, time_zone)
    followed = (
        None if later is None else lambda name: what_followed(seen.patients, later, bundle, name)
    )
    lost = seen.refused_results()
    figures = compare(seen, bundle, profile, config, followed)
    facts = {
        "bundle_sha256": bundle.sha256,
        "trained_on": bundle.provenance["cohort_name"],
        "training_patients": bundle.reference.n_patients,
        "batches": len(sources),
        "input_sha256": [sha256_files(list(item.values())) for item in paths],
        "patients": len(seen.seen_ids),
        "patients_compared": len(seen.patients),
        "results": seen.n_results,
        "results_refused": sum(lost.values()),
        "patients_refused": len(seen.refused_ids),
        "comparisons": rule_of(bundle, config).tests,
        "outcomes_known": cohort is not None,
        "synthetic": bundle.config.cohort.synthetic,
        "package_version": __version__,
    }
    content = document(figures, facts, config)
    refused = _refused_words(facts, lost)
    page = render_monitor(content, figures, refused)
    with complete_folder(out, force=force) as target:
        text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
        (target / "monitor.json").write_text(text + "\n", encoding="utf-8")
        (target / "monitor.html").write_text(page, encoding="utf-8")
    return (ALARM if content["alarms"] else 0), _words(content, out, refused)


def monitor_config(bundle: Bundle, files: Sequence[Path]) -> MonitorConfig:
    """Thresholds of the bundle with those of the given files on top.

    Raises
    ------
    UsageError
        If a file holds anything but the section ``monitor``.
    """
    whole = bundle.config.model_dump(mode="json")
    for path in files:
        content = read_yaml(path) or {}
        if not isinstance(content, Mapping) or set(content) - {"monitor"}:
            raise UsageError(
                f"{path} may hold the section 'monitor' only, because everything else was settled "
                "when the bundle was trained"
            )
        whole["monitor"] = {**whole["monitor"], **(content.get("monitor") or {})}
    return parse_config(whole, source=" + ".join(map(str, files)) or "bundle").monitor


def document(
    figures: Sequence[Figure], facts: Mapping[str, Any], config: MonitorConfig
) -> dict[str, Any]:
    """Content of ``monitor.json``: nothing in it is about one patient."""
    kinds = schema_yaml("monitor.yaml")["kinds"]
    return {
        **facts,
        "thresholds": config.model_dump(mode="json"),
        "alarms": [
            {
                "kind": item.kind,
                "subject": item.subject,
                "patients": item.n,
                "sentence": sentence(item),
                "remedy": " ".join(kinds[item.kind]["remedy"].split()),
            }
            for item in figures
            if item.alarm
        ],
        "figures": [_plain(item) for item in figures],
    }


def _plain(figure: Figure) -> dict[str, Any]:
    def known(number: float | None) -> float | None:
        missing = number is None or not math.isfinite(number)
        return None if missing else float(f"{number:.{_DIGITS}g}")

    return {
        "kind": figure.kind,
        "subject": figure.subject,
        "patients": figure.n,
        "expected": known(figure.expected),
        "found": known(figure.found),
        "p": known(figure.p),
        "alarm": figure.alarm,
        **{
            key: known(value) if isinstance(value, float) else value
            for key, value in figure.facts.items()
        },
    }


def _later(folder: Path, bundle: Bundle, time_zone: str | None) -> Cohort:
    config = bundle.config.cohort
    if time_zone is not None:
        config = config.model_copy(update={"time_zone": time_zone})
    scales = tuple(item.scale for item in bundle.config.outcomes.values())
    known = bundle.reference
    read = read_cohort(folder, config, extra_scales=scales, local=known.local, limits=known.limits)
    return read.cohort


def _refused_words(facts: Mapping[str, Any], lost: Mapping[tuple[str, str], int]) -> str:
    """How many results were refused, of how many patients, and why; blank where none was."""
    refused, whole = facts["results_refused"], facts["results"]
    if not refused:
        return ""
    return (
        f"{refused} of {whole} results ({share_words(refused, whole)}) are refused, in "
        f"{facts['patients_refused']} of {facts['patients']} patients: {refusal_words(lost)}; see "
        "rejects.csv of the prediction"
    )


def _words(content: Mapping[str, Any], out: Path, refused: str) -> str:
    alarms, least = content["alarms"], content["thresholds"]["min_patients"]
    compared = content["patients_compared"]
    lines = [
        f"{compared} of {content['patients']} patients and {content['results']} results compared "
        f"with {content['training_patients']} training patients of {content['trained_on']}"
    ]
    if refused:
        lines.append(refused)
    if compared < least:
        lines.append(f"Fewer than {least} patients: too few for an alarm about the patients.")
    lines += [f"ALARM {item['sentence']} {item['remedy']}" for item in alarms]
    if not alarms:
        lines.append("No alarm.")
    lines.append(f"Page: {out / 'monitor.html'}")
    return "\n".join(lines)
