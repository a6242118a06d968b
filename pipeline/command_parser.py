"""The commands and options of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline import __version__
from pipeline.command_options import (
    add_command,
    configured_option,
    logged_option,
    parallel_option,
    seeded_option,
    signed_option,
)

CHAMPION = "models:/cytocast@champion"


def build_parser() -> argparse.ArgumentParser:
    """Parser of every command and its options.

    Returns
    -------
    ArgumentParser

    Examples
    --------
    >>> options = build_parser().parse_args(["register", "out/2026"])
    >>> options.command, options.bundle.name
    ('register', '2026')
    """
    parser = argparse.ArgumentParser(
        prog="cytocast",
        description="Severe CRS and ICANS risk from serial biomarkers. Research use only.",
    )
    parser.add_argument("--version", action="version", version=f"cytocast {__version__}")
    logged_option(parser, default=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = add_command(commands, "demo", "run every step once on simulated patients", zone=False)
    demo.add_argument(
        "--out", type=Path, default=Path("out/demo"), metavar="DIR", help="default: out/demo"
    )
    demo.add_argument(
        "--patients", type=int, default=300, metavar="N", help="patients to train on; default: 300"
    )
    demo.add_argument(
        "--batch", type=int, default=25, metavar="N", help="patients to score; default: 25"
    )
    demo.add_argument(
        "--now", metavar="TIME", help="ISO 8601 time at which the batch ends; default: now"
    )
    configured_option(demo)
    demo.add_argument("--seed", type=int, default=0, metavar="S", help="random seed; default: 0")
    parallel_option(demo)
    simulate = add_command(commands, "simulate", "write a synthetic cohort", zone=False)
    simulate.add_argument(
        "--patients", type=int, default=400, metavar="N", help="number of patients; default: 400"
    )
    simulate.add_argument(
        "--seed", type=int, default=0, metavar="S", help="random seed; default: 0"
    )
    simulate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    simulate.add_argument(
        "--batch",
        action="store_true",
        help="write patients in mid-course to score, not a cohort to train on",
    )
    simulate.add_argument(
        "--panel",
        metavar="NAME",
        help="research: NfL, IL-1RA, GM-CSF and CSF/serum albumin of every patient on fixed days",
    )
    grade = add_command(commands, "grade", "derive CRS and ICANS grades from observations")
    grade.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    grade.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="file to write, .csv or .parquet"
    )
    configured_option(grade)
    audit = add_command(commands, "audit", "list the problems of a cohort export")
    audit.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    audit.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    configured_option(audit)
    imported = add_command(
        commands, "import", "convert a wide sheet, OMOP or FHIR export to a cohort"
    )
    imported.add_argument(
        "--format",
        choices=["wide", "omop", "fhir"],
        help="kind of export; default: inferred from the file names",
    )
    imported.add_argument(
        "--input",
        type=Path,
        required=True,
        metavar="PATH",
        help="wide sheet, OMOP folder, or FHIR file or folder",
    )
    imported.add_argument(
        "--mapping",
        type=Path,
        metavar="FILE",
        help="confirmed mapping; a proposal is written if the file does not exist",
    )
    imported.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    _add_pseudonymise(commands)
    train = add_command(commands, "train", "train and evaluate a bundle on a cohort export")
    train.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="bundle to write")
    train.add_argument(
        "--outcomes", default="", help="names separated by commas; default: all configured"
    )
    train.add_argument(
        "--prior", default="", metavar="BUNDLE", help="bundle of another cohort, used as a prior"
    )
    train.add_argument("--no-track", action="store_true", help="do not log to MLflow")
    configured_option(train)
    seeded_option(train)
    evaluate = add_command(commands, "evaluate", "evaluate a bundle on another cohort")
    evaluate.add_argument("--model", required=True, help=f"bundle folder or {CHAMPION}")
    evaluate.add_argument(
        "--cohort", type=Path, required=True, metavar="DIR", help="folder of tables"
    )
    evaluate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    configured_option(evaluate)
    signed_option(evaluate)
    _add_recalibrate(commands)
    again = add_command(
        commands,
        "reproduce",
        "train a bundle again and compare the files",
        zone=False,
        replace=False,
    )
    again.add_argument("source", metavar="RUN", help=f"bundle folder, run id or {CHAMPION}")
    again.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    parallel_option(again)
    kept = add_command(
        commands,
        "register",
        "log a bundle to MLflow and register it",
        zone=False,
        replace=False,
    )
    kept.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder written by train")
    promote = add_command(
        commands, "promote", "make the challenger champion if every gate passes", zone=False
    )
    promote.add_argument("--name", default="cytocast", help="registered model; default: cytocast")
    promote.add_argument(
        "--against",
        type=Path,
        metavar="DIR",
        help="bundle with the champion's settings, trained on the challenger's cohort",
    )
    signed_option(promote)
    predict = add_command(commands, "predict", "score a lab batch")
    predict.add_argument(
        "--input", type=Path, required=True, metavar="PATH", help="folder of tables, or labs file"
    )
    predict.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    predict.add_argument(
        "--model", default=CHAMPION, help=f"bundle folder or registered model; default: {CHAMPION}"
    )
    predict.add_argument(
        "--as-of",
        metavar="TIME",
        help="moment of the estimates: hours since time zero, or ISO 8601; default: newest result",
    )
    predict.add_argument(
        "--strict", action="store_true", help="stop if any row or cell is rejected"
    )
    predict.add_argument(
        "--emit",
        action="append",
        choices=["fhir"],
        default=[],
        help="also write FHIR RiskAssessment resources",
    )
    predict.add_argument(
        "--spreadsheet-safe",
        action="store_true",
        help="put an apostrophe before text in predictions.csv that a spreadsheet would execute",
    )
    predict.add_argument("--no-pages", action="store_true", help="do not write the pages")
    configured_option(predict)
    signed_option(predict)
    watch = add_command(commands, "monitor", "compare batches with the training cohort")
    watch.add_argument(
        "--input",
        type=Path,
        action="append",
        required=True,
        metavar="PATH",
        help="batch: folder of tables, or labs file; repeatable",
    )
    watch.add_argument(
        "--cohort",
        type=Path,
        metavar="DIR",
        help="cohort export with the outcomes of these patients",
    )
    watch.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    watch.add_argument(
        "--model", default=CHAMPION, help=f"bundle folder or registered model; default: {CHAMPION}"
    )
    configured_option(watch)
    signed_option(watch)
    _add_sign(commands)
    serve = add_command(
        commands,
        "serve",
        "score lab rows over HTTP on this machine",
        zone=False,
        replace=False,
    )
    serve.add_argument("--model", default=CHAMPION, help=f"registered model, default: {CHAMPION}")
    serve.add_argument("--port", type=int, default=5001, metavar="N", help="port; default: 5001")
    names = "further accepted Host header, e.g. of a proxy; repeatable"
    serve.add_argument("--host-name", action="append", default=[], metavar="NAME", help=names)
    signed_option(serve)
    return parser


def _add_recalibrate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    summary = "update the risks of a bundle to the patients of another hospital"
    parser = add_command(commands, "recalibrate", summary)
    parser.add_argument("--model", required=True, help=f"bundle folder or {CHAMPION}")
    parser.add_argument(
        "--cohort", type=Path, required=True, metavar="DIR", help="folder of tables"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="bundle to write")
    parser.add_argument("--no-track", action="store_true", help="do not log to MLflow")
    configured_option(parser)
    parallel_option(parser)
    signed_option(parser)


def _add_sign(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(commands, "sign", "sign a bundle, or make a key pair", zone=False)
    parser.add_argument("bundle", nargs="?", type=Path, metavar="BUNDLE", help="bundle folder")
    parser.add_argument("--key", type=Path, metavar="FILE", help="private key (Ed25519, PEM)")
    parser.add_argument(
        "--new-key",
        type=Path,
        metavar="FILE",
        help="write a new private key to FILE and the public key to FILE.pub",
    )


def _add_pseudonymise(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    summary = "replace ids, drop names and shift dates of a cohort or batch"
    parser = add_command(commands, "pseudonymise", summary)
    parser.add_argument(
        "--input", type=Path, required=True, metavar="PATH", help="folder of tables, or one table"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="secret key; created if missing; default: in ~/.config",
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="keep a column that is not in the schema; repeatable",
    )
    parser.add_argument(
        "--times",
        choices=["shifted", "hours"],
        default="shifted",
        help="dates shifted by days per patient, or hours since the infusion; default: shifted",
    )
    configured_option(parser)
