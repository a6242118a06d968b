"""``cytocast monitor``: compares batches with the training cohort; writes a page and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import __version__, log
from pipeline.cohort.files import sha256_files
from pipeline.cohort.reject_summary import share_text
from pipeline.cohort.timestamps import zone
from pipeline.errors import BundleError, GateError, InputError
from pipeline.folders.claim import claim
from pipeline.model.bundle import load_bundle
from pipeline.model.registry import resolve_model
from pipeline.model.signature import refuse_unsigned
from pipeline.monitor.comparison import compare, refusal_text, rule_of
from pipeline.monitor.monitoring_report import document, monitor_config
from pipeline.monitor.observed_batch import later_outcomes, observe_batches
from pipeline.pages.monitor_page import render_monitor
from pipeline.predict.prepare import read_cohort_for
from pipeline.predict.reading_options import reading_options, with_reading
from pipeline.reading.paths import batch_paths

ALARM = GateError.exit_code


def monitor(
    sources: Sequence[Path],
    out: Path,
    model: str,
    config_files: Sequence[Path] = (),
    *,
    cohort: Path | None = None,
    time_zone: str | None = None,
    force: bool = False,
    signed_by: Path | None = None,
) -> tuple[int, str]:
    """Compare batches with the training cohort of a bundle and write ``out``.

    Parameters
    ----------
    sources : sequence of Path
        Batches, each a folder of tables or a labs file.
    out : Path
        Folder to write.
    model : str
        Bundle folder or ``models:/<name>@<alias>``.
    config_files : sequence of Path
        Section ``monitor`` overrides that of the bundle key by key; ``cohort`` holds reading
        settings that differ from training.
    cohort : Path, optional
        Folder with the later outcomes of the same patients.
    time_zone : str, optional
        Zone of times without offset.
    force : bool
        Replace the existing content of ``out``.
    signed_by : Path, optional
        Public key; a bundle without a signature of its private key is refused.

    Returns
    -------
    code : int
        6 if there is an alarm, 0 otherwise.
    summary : str
        One sentence per alarm.

    Raises
    ------
    BundleError
        If the bundle holds no profile of its training cohort.
    InputError
        If no patient can be compared.
    """
    zone(time_zone)
    folder, _ = resolve_model(model)
    reads = [*sources, folder, *config_files]
    reads += [path for path in (cohort, signed_by) if path is not None]
    with claim(out, command="monitor", reads=reads, force=force) as output:
        output.refuse_occupied()
        refuse_unsigned(folder, signed_by)
        paths = [batch_paths(source) for source in sources]
        trained = load_bundle(folder)
        config = monitor_config(trained, config_files)
        settings = with_reading(
            trained.config, config_files, time_zone, command="monitor", sections=["monitor"]
        )
        bundle = replace(trained, config=settings)
        profile = bundle.reference.profile
        if profile is None or not profile.days:
            raise BundleError(
                f"{folder} has no profile of its training cohort (older version, or fewer than "
                "five patients per day); train again on more patients"
            )
        log.info("reading and scoring the batches")
        observed = observe_batches(sources, bundle)
        if observed.patients.empty:
            raise InputError(
                "no patient has a usable result after time zero, so there is no landmark; check "
                "the times of the batch"
            )
        later = None
        if cohort is not None:
            later = read_cohort_for(bundle, cohort).cohort
        followed = (
            None
            if later is None
            else lambda name: later_outcomes(observed.patients, later, bundle, name)
        )
        rejected = observed.refused_results()
        figures = compare(observed, bundle, profile, config, followed)
        counts = {
            "bundle_sha256": bundle.sha256,
            "trained_on": bundle.provenance["cohort_name"],
            "training_patients": bundle.reference.n_patients,
            "batches": len(sources),
            "input_sha256": [sha256_files(list(item.values())) for item in paths],
            "patients": len(observed.seen_ids),
            "patients_compared": len(observed.patients),
            "results": observed.n_results,
            "results_refused": sum(rejected.values()),
            "patients_refused": len(observed.refused_ids),
            "comparisons": rule_of(bundle, config).tests,
            "reading": reading_options(trained.config.cohort, settings.cohort).summary(),
            "outcomes_known": cohort is not None,
            "synthetic": bundle.config.cohort.synthetic,
            "package_version": __version__,
        }
        content = document(figures, counts, config)
        rejected_text = _rejected_text(counts, rejected)
        page = render_monitor(content, figures, rejected_text)
        with output.folder() as target:
            text = json.dumps(
                content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False
            )
            (target / "monitor.json").write_text(text + "\n", encoding="utf-8")
            (target / "monitor.html").write_text(page, encoding="utf-8")
    return (ALARM if content["alarms"] else 0), _text(content, out, rejected_text)


def _rejected_text(counts: Mapping[str, Any], rejected: Mapping[tuple[str, str], int]) -> str:
    """Number of rejected results and patients, with reasons; "" if there are none."""
    number, total = counts["results_refused"], counts["results"]
    if not number:
        return ""
    return (
        f"{number} of {total} results ({share_text(number, total)}) rejected, in "
        f"{counts['patients_refused']} of {counts['patients']} patients: "
        f"{refusal_text(rejected)}; see rejects.csv of the prediction"
    )


def _text(content: Mapping[str, Any], out: Path, rejected: str) -> str:
    alarms, least = content["alarms"], content["thresholds"]["min_patients"]
    compared = content["patients_compared"]
    lines = [
        f"{compared} of {content['patients']} patients and {content['results']} results compared "
        f"with {content['training_patients']} training patients of {content['trained_on']}"
    ]
    if rejected:
        lines.append(rejected)
    if compared < least:
        lines.append(f"Fewer than {least} patients: too few for alarms about patients.")
    lines += [f"ALARM {item['sentence']} {item['remedy']}" for item in alarms]
    if not alarms:
        lines.append("No alarm.")
    lines.append(f"Page: {out / 'monitor.html'}")
    return "\n".join(lines)
