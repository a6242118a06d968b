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
    """Parser of every command and its options."""
    parser = argparse.ArgumentParser(
        prog="cytocast",
        description="Severe CRS and ICANS risk from serial biomarkers. Research use only.",
    )
    parser.add_argument("--version", action="version", version=f"cytocast {__version__}")
    logged_option(parser, default=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = add_command(commands, "demo", "every step once, on simulated patients", zone=False)
    demo.add_argument(
        "--out", type=Path, default=Path("out/demo"), metavar="DIR", help="default: out/demo"
    )
    demo.add_argument("--patients", type=int, default=400, metavar="N", help="default: 400")
    demo.add_argument("--batch", type=int, default=25, metavar="N", help="to score; default: 25")
    configured_option(demo)
    demo.add_argument("--seed", type=int, default=0, metavar="S", help="default: 0")
    parallel_option(demo)
    simulate = add_command(commands, "simulate", "write a synthetic cohort", zone=False)
    simulate.add_argument("--patients", type=int, default=400, metavar="N", help="default: 400")
    simulate.add_argument("--seed", type=int, default=0, metavar="S", help="default: 0")
    simulate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    simulate.add_argument(
        "--batch", action="store_true", help="patients in mid-course, to be scored"
    )
    grade = add_command(commands, "grade", "derive CRS and ICANS grades from observations")
    grade.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    grade.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help=".csv or .parquet to write"
    )
    configured_option(grade)
    audit = add_command(commands, "audit", "what is wrong with a cohort export, and where")
    audit.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    audit.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    configured_option(audit)
    brought = add_command(commands, "import", "rewrite another shape of export as a cohort")
    brought.add_argument(
        "--format", choices=["wide", "omop", "fhir"], help="default: as the file names say"
    )
    brought.add_argument(
        "--input", type=Path, required=True, metavar="PATH", help="sheet, OMOP folder or FHIR"
    )
    brought.add_argument(
        "--mapping", type=Path, metavar="FILE", help="confirmed mapping; proposed where missing"
    )
    brought.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    _add_pseudonymise(commands)
    train = add_command(commands, "train", "cohort export to bundle, evaluation and MLflow run")
    train.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="bundle to write")
    train.add_argument("--outcomes", default="", help="comma-separated; default: all configured")
    train.add_argument(
        "--prior", default="", metavar="BUNDLE", help="another cohort's bundle to borrow from"
    )
    train.add_argument("--no-track", action="store_true", help="do not log to MLflow")
    configured_option(train)
    seeded_option(train)
    evaluate = add_command(commands, "evaluate", "score a bundle on another cohort")
    evaluate.add_argument("--model", required=True, help=f"bundle folder or {CHAMPION}")
    evaluate.add_argument(
        "--cohort", type=Path, required=True, metavar="DIR", help="folder of tables"
    )
    evaluate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    configured_option(evaluate)
    signed_option(evaluate)
    again = add_command(
        commands, "reproduce", "retrain a bundle and compare", zone=False, replace=False
    )
    again.add_argument("source", metavar="RUN", help=f"bundle folder, run id or {CHAMPION}")
    again.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    parallel_option(again)
    kept = add_command(commands, "register", "log and register a bundle", zone=False, replace=False)
    kept.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder that train wrote")
    promote = add_command(
        commands, "promote", "make the challenger champion if gates pass", zone=False
    )
    promote.add_argument("--name", default="cytocast", help="registered model")
    promote.add_argument(
        "--against",
        type=Path,
        metavar="DIR",
        help="bundle with the champion's settings, trained on the challenger's cohort",
    )
    signed_option(promote)
    predict = add_command(commands, "predict", "score a lab batch")
    predict.add_argument(
        "--input", type=Path, required=True, metavar="PATH", help="folder of tables, or labs"
    )
    predict.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    predict.add_argument("--model", default=CHAMPION, help=f"bundle folder or {CHAMPION}")
    predict.add_argument("--as-of", metavar="TIME", help="hours since time zero, or ISO 8601")
    predict.add_argument("--strict", action="store_true", help="any refused row is fatal")
    predict.add_argument(
        "--emit", action="append", choices=["fhir"], default=[], help="RiskAssessment resources too"
    )
    predict.add_argument(
        "--spreadsheet-safe",
        action="store_true",
        help="an apostrophe before text of predictions.csv that a spreadsheet would run",
    )
    predict.add_argument("--no-pages", action="store_true", help="leave out the pages")
    configured_option(predict)
    signed_option(predict)
    watch = add_command(commands, "monitor", "compare batches with the training cohort")
    watch.add_argument(
        "--input", type=Path, action="append", required=True, metavar="PATH", help="repeatable"
    )
    watch.add_argument(
        "--cohort",
        type=Path,
        metavar="DIR",
        help="same patients, with later outcomes",
    )
    watch.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    watch.add_argument("--model", default=CHAMPION, help=f"bundle folder or {CHAMPION}")
    configured_option(watch)
    signed_option(watch)
    _add_sign(commands)
    serve = add_command(
        commands,
        "serve",
        "answer lab rows over HTTP on this machine",
        zone=False,
        replace=False,
    )
    serve.add_argument("--model", default=CHAMPION, help=f"registered model, default: {CHAMPION}")
    serve.add_argument("--port", type=int, default=5001, metavar="N", help="default: 5001")
    names = "another name in the Host header of requests, as of a proxy; repeatable"
    serve.add_argument("--host-name", action="append", default=[], metavar="NAME", help=names)
    signed_option(serve)
    return parser


def _add_sign(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(commands, "sign", "sign a bundle, or make a key for it", zone=False)
    parser.add_argument("bundle", nargs="?", type=Path, metavar="BUNDLE", help="bundle folder")
    parser.add_argument("--key", type=Path, metavar="FILE", help="private key (Ed25519, PEM)")
    parser.add_argument(
        "--new-key", type=Path, metavar="FILE", help="write a private key here and FILE.pub"
    )


def _add_pseudonymise(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = "replace ids, drop names, shift dates of a cohort or batch"
    parser = add_command(commands, "pseudonymise", words)
    parser.add_argument(
        "--input", type=Path, required=True, metavar="PATH", help="folder of tables, or one table"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="secret, made where missing; default: in ~/.config"
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="keep a column that no schema names; repeatable",
    )
    parser.add_argument(
        "--times",
        choices=["shifted", "hours"],
        default="shifted",
        help="by days per patient, or hours since the infusion; default: shifted",
    )
    configured_option(parser)
