"""Tables of ICANS and CRS in the NULISA cohort for docs/evidence.md, in one run.

    python benchmarks/nulisa.py --data ../shared/data --out out/nulisa [--repeats 10] [--jobs 1]

Trains with ``configs/cohorts/nulisa.yaml`` unless ``--out`` holds a bundle, and prints its
cross-validated figures. Adds the order of the syndromes, who lacks samples, and plain logistic
regressions with and without the two scores: patient-grouped folds as in training, AUROC within
folds, differences paired by landmark with 95 % intervals over 500 draws of patients.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from real_cohorts import DRAWS, Ready, difference_text, ready
from scipy.stats import binomtest, fisher_exact

from pipeline import log
from pipeline.arrays import Floats, Ints
from pipeline.cli import main as cytocast
from pipeline.cohort.tables import Cohort
from pipeline.config import Config, load_config
from pipeline.evaluate import metrics
from pipeline.evaluate.intervals import interval, patient_draws
from pipeline.features.landmarks import landmark_days
from pipeline.model.outcomes import onset_hours
from pipeline.reading.reader import read_cohort
from pipeline.resources import config_path

SETTINGS = config_path("cohorts/nulisa.yaml")
HORIZON = 72.0
DAYS = {"1 to 3": (1, 3), "4 to 6": (4, 6), "1 to 6": (1, 6), "7 to 14": (7, 14), "all": (1, 14)}
STATE = (
    *("time__hours", "state_crs__grade", "state_crs__worst", "state_icans__grade"),
    *("state_icans__worst", "treat_il6_receptor_blocker__given", "treat_corticosteroid__given"),
)
SCORES = ("effector_score__last", "vascular_score__last")
INPUTS = {
    "state": STATE,
    "scores and day": ("time__hours", *SCORES),
    "both": (*STATE, *SCORES),
}
PAIRS = ((2, 1), (1, 1))  # lowest grades of CRS and ICANS
ENOUGH = 20  # event patients below which no regression is fitted
QUARTILES = (0.25, 0.5, 0.75)
WIDTH = 0.05  # half width of an interval that would settle a small difference


def main() -> int:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the real cohorts")
    parser.add_argument("--out", type=Path, required=True, help="bundle; trained if missing")
    parser.add_argument("--repeats", type=int, default=10, help="rounds of the regressions")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    folder, config = options.data / "nulisa", load_config([SETTINGS])
    if not (options.out / "evaluation.json").is_file():
        command = ["train", "--cohort", folder, "--config", SETTINGS, "--out", options.out]
        with contextlib.redirect_stdout(sys.stderr):
            code = cytocast([*map(str, command), "--no-track", "--jobs", str(options.jobs)])
        if code:
            return code
    log.configure(quiet=True)
    evaluation = json.loads((options.out / "evaluation.json").read_text(encoding="utf-8"))
    cohort = read_cohort(folder, config.cohort, extra_scales=("crs", "icans")).cohort
    performance(evaluation)
    contrast(evaluation)
    order(cohort)
    without_samples(cohort, config)
    for name in config.outcomes:
        added_by_scores(folder, name, options.repeats, options.jobs)
    limits(evaluation)
    return 0


def performance(evaluation: dict[str, Any]) -> None:
    """Discrimination and calibration by outcome and horizon."""
    protocol = evaluation["protocol"]
    print(
        f"\n{evaluation['cohort']['n_patients']} patients, {protocol['repeats']} times "
        f"{protocol['folds']}-fold over patients, {protocol['bootstrap']} draws of patients.\n"
        "Model minus: AUROC of grade and day, of the clinical state without labs, and of itself "
        "with other patients' labs.\n"
    )
    columns = (
        *("outcome", "within", "landmarks with event (patients)", "AUROC", "grade and day"),
        *("minus grade and day", "minus state", "minus other labs", "Brier", "slope", "intercept"),
    )
    header(*columns)
    for name, outcome in evaluation["outcomes"].items():
        bar = outcome["comparators"]["grade_and_day"]
        ends = outcome["probability_intervals"]["model"]
        for key in hours(outcome["model"]):
            cell, added = outcome["model"][key], outcome["added_value"]
            row(
                name,
                f"{key} h",
                f"{cell['n_events']} of {cell['n']} ({cell['n_event_patients']})",
                area(cell),
                area(bar[key]),
                gap(added[key]),
                gap(added["against_clinical_state"][key]),
                gap(outcome["negative_control"][key]),
                f"{cell['brier']:.4f}",
                span(cell["cal_slope"], cell["cal_slope_lo"], cell["cal_slope_hi"]),
                span(
                    cell["cal_intercept"],
                    ends[key]["cal_intercept_lo"],
                    ends[key]["cal_intercept_hi"],
                ),
            )
    for outcome in evaluation["outcomes"].values():
        print(f"{outcome['label']}: {outcome['labs_answer']}")


def contrast(evaluation: dict[str, Any]) -> None:
    """AUROC of which syndrome comes first, and the incidence of either as first event."""
    detail = evaluation["contrast_detail"]
    print(f"\nWhich comes first, {' or '.join(detail['outcomes'])}; of landmarks with either:\n")
    bars = detail["comparators"]
    header("within", "landmarks, CRS first", "model", *bars, *(f"minus {name}" for name in bars))
    for key in hours(evaluation["contrast"]):
        cell = evaluation["contrast"][key]
        row(
            f"{key} h",
            f"{cell['n_events']} of {cell['n']} ({cell['n_patients']} patients)",
            area(cell),
            *(area(bar[key]) for bar in bars.values()),
            *(gap(bar[key]) for bar in bars.values()),
        )
    print("\nFirst event after a landmark at risk (Aalen-Johansen):\n")
    header("outcome", "within", "first event", "share")
    for name, outcome in evaluation["outcomes"].items():
        table = outcome["what_comes_first"]["incidence"]
        for key in hours(table):
            for event, rate in table[key].items():
                share = span(rate["value"], rate["value_lo"], rate["value_hi"], 3)
                row(name, f"{key} h", name if event == "outcome" else event, share)


def order(cohort: Cohort) -> None:
    """Share of patients by the day on which each syndrome is first charted."""
    print("\nOrder of the first days, within follow-up (95 % Wilson intervals):\n")
    kinds = ("CRS first", "same day", "ICANS first", "CRS only", "ICANS only", "neither")
    header("grades", *kinds, "days from CRS to ICANS, median [quartiles]")
    for lowest in PAIRS:
        crs, icans = (
            np.floor(onset_hours(cohort, scale, grade) / 24.0)
            for scale, grade in zip(("crs", "icans"), lowest, strict=True)
        )
        both = np.isfinite(crs) & np.isfinite(icans)
        groups = (
            *(both & (crs < icans), both & (crs == icans), both & (crs > icans)),
            *(np.isfinite(crs) & ~both, np.isfinite(icans) & ~both),
            ~np.isfinite(crs) & ~np.isfinite(icans),
        )
        row(
            f"CRS >= {lowest[0]}, ICANS >= {lowest[1]}",
            *(share_text(int(part.sum()), len(crs)) for part in groups),
            "{1:g} [{0:g}, {2:g}]".format(*np.quantile(icans[both] - crs[both], QUARTILES)),
        )


def without_samples(cohort: Cohort, config: Config) -> None:
    """Outcomes of patients without any sample, compared with the others."""
    print("\nPatients without a sample (Fisher's exact test, none corrected):\n")
    header("outcome", "without a sample", "with samples", "p")
    sampled = np.isin(np.arange(len(cohort)), cohort.labs["patient"])
    for name, outcome in config.outcomes.items():
        event = np.isfinite(onset_hours(cohort, outcome.scale, outcome.threshold))
        table = [[int((event & group).sum()), int((~event & group).sum())]
                 for group in (~sampled, sampled)]  # fmt: skip
        row(
            name,
            *(f"{events} of {events + others}" for events, others in table),
            f"{fisher_exact(table)[1]:.3f}",
        )


def added_by_scores(folder: Path, name: str, repeats: int, jobs: int) -> None:
    """Plain logistic regressions on the state, the scores and both, by range of days."""
    cohort = ready(folder, [SETTINGS], repeats, jobs, name)
    label = cohort.targets.label(cohort.threshold, HORIZON)
    n_events = len(np.unique(cohort.targets.patient[label == 1]))
    print(f"\n{name} within {HORIZON:g} h by plain logistic regression, {repeats} times 5-fold:\n")
    if n_events < ENOUGH:
        print(f"not fitted: {n_events} event patients, {ENOUGH} needed")
        return
    header("days", "landmarks with event (patients)", *INPUTS, "both minus state", "log loss")
    days = landmark_days(cohort.matrix)
    for title, (first, last) in DAYS.items():
        rows = np.flatnonzero(~np.isnan(label) & (days >= first) & (days <= last))
        events = rows[label[rows] == 1]
        patients = len(np.unique(cohort.targets.patient[events]))
        counts = f"{len(events)} of {len(rows)} ({patients})"
        if patients < ENOUGH // 2:
            row(title, counts, *("-",) * (len(INPUTS) + 2))
            continue
        row(title, counts, *regressions(cohort, rows, label))


def regressions(cohort: Ready, rows: Ints, label: Floats) -> list[str]:
    """AUROC of each set of inputs, and the differences of both from the state alone."""
    tests = [np.intersect1d(split.test, rows) for split in cohort.splits]
    at = np.concatenate(tests)
    group = np.repeat(np.arange(len(tests)), [len(test) for test in tests])
    draws = patient_draws(cohort.targets.patient[at], DRAWS, cohort.config.seed)
    areas, losses = {}, {}
    for name, columns in INPUTS.items():
        risks = [
            logistic_risk(cohort, np.intersect1d(split.train, rows), test, columns, label)
            for split, test in zip(cohort.splits, tests, strict=True)
        ]
        risk = np.clip(np.concatenate(risks), 1e-6, 1 - 1e-6)
        areas[name] = metrics.auroc(label[at], risk, draws, group)
        loss = -np.where(label[at] == 1, np.log(risk), np.log1p(-risk))
        losses[name] = loss @ draws / draws.sum(axis=0)
    return [
        *(span(values[0], *interval(values), 3) for values in areas.values()),
        difference_text(areas["both"] - areas["state"]),
        difference_text(losses["both"] - losses["state"]),
    ]


def logistic_risk(
    cohort: Ready, train: Ints, test: Ints, columns: tuple[str, ...], label: Floats
) -> Floats:
    """Risks of test landmarks by a ridge regression (C = 1) fitted on training landmarks."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values = cohort.matrix.values[:, [cohort.matrix.names.index(name) for name in columns]]
    model = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )
    model.fit(values[train], label[train])
    risk: Floats = model.predict_proba(values[test])[:, 1]
    return risk


def limits(evaluation: dict[str, Any]) -> None:
    """Width of the intervals, and the event patients that half the width of 0.05 would need."""
    print(
        f"\nHalf widths of 95 % intervals within {HORIZON:g} h, and event patients for {WIDTH:g} "
        "if the width falls with the root of their number:\n"
    )
    header("outcome", "event patients", "AUROC", "needed", "labs added to state", "needed")
    key = f"{HORIZON:g}"
    for name, outcome in evaluation["outcomes"].items():
        cell = outcome["model"][key]
        added = outcome["added_value"]["against_clinical_state"][key]
        count, cells = cell["n_event_patients"], []
        for low, high in (
            (cell["auroc_lo"], cell["auroc_hi"]),
            (added["diff_lo"], added["diff_hi"]),
        ):
            half = (high - low) / 2
            cells += [f"{half:.3f}", f"{count * (half / WIDTH) ** 2:.0f}"]
        row(name, str(count), *cells)


def hours(table: dict[str, Any]) -> list[str]:
    """Horizons of a table, ascending."""
    return sorted((key for key in table if key.isdigit()), key=int)


def header(*cells: str) -> None:
    """Print the head of a table."""
    row(*cells)
    print("|" + "---|" * len(cells))


def row(*cells: str) -> None:
    """Print one row of a table."""
    print(f"| {' | '.join(cells)} |", flush=True)


def area(cell: dict[str, Any]) -> str:
    """AUROC with its interval."""
    return span(cell["auroc"], cell["auroc_lo"], cell["auroc_hi"], 3)


def gap(cell: dict[str, Any]) -> str:
    """Difference in AUROC with its interval."""
    if cell["diff_auroc"] is None:
        return "-"
    low, high = cell["diff_lo"], cell["diff_hi"]
    return f"{cell['diff_auroc']:+.3f} [{low:+.3f}, {high:+.3f}]"


def span(value: float | None, low: float | None, high: float | None, digits: int = 2) -> str:
    """Value with its interval."""
    if value is None or low is None or high is None:
        return "-"
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def share_text(count: int, total: int) -> str:
    """Count and share with a Wilson interval."""
    ends = binomtest(count, total).proportion_ci(method="wilson")
    return f"{count} ({count / total:.0%} [{ends.low:.0%}, {ends.high:.0%}])"


if __name__ == "__main__":
    sys.exit(main())
