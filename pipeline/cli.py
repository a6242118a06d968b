"""The command line: one thin function per command; heavy imports wait until they are needed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline import __version__, log, redaction
from pipeline.errors import CytocastError
from pipeline.failure import describe_failure, ended_by_sigterm
from pipeline.remedy import with_make

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
CHAMPION = "models:/cytocast@champion"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its documented exit code."""
    options = _parser().parse_args(arguments)
    log.configure(quiet=options.quiet, json_logs=options.json_logs)
    typed = sys.argv[1:] if arguments is None else map(str, arguments)
    redaction.start(typed, show=options.show_values)
    try:
        return _run(options)
    finally:
        redaction.stop()


def _run(options: argparse.Namespace) -> int:
    try:
        with ended_by_sigterm():
            code, summary = options.run(options)
    except CytocastError as error:
        log.failed(f"cytocast {options.command}: {with_make(str(error), error.options)}")
        return error.exit_code
    except (Exception, KeyboardInterrupt) as error:
        if options.debug:
            raise
        code, message = describe_failure(error)
        log.failed(f"cytocast {options.command}: {message}")
        return code
    log.printed(summary)
    return int(code)


def _demo(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.demo import demo

    return demo(
        options.out,
        patients=options.patients,
        batch=options.batch,
        seed=options.seed,
        config_files=options.config,
        jobs=options.jobs,
        force=options.force,
    )


def _simulate(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.simulate import simulate

    return simulate(
        options.patients, options.seed, options.out, batch=options.batch, force=options.force
    )


def _grade(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.grade import grade_command

    return grade_command(
        options.cohort, options.out, options.config, time_zone=options.tz, force=options.force
    )


def _audit(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.audit import audit_command

    return audit_command(
        options.cohort, options.out, options.config, time_zone=options.tz, force=options.force
    )


def _import(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.import_export import import_export

    return import_export(
        options.input,
        options.out,
        options.mapping,
        shape=options.format,
        time_zone=options.tz,
        force=options.force,
    )


def _pseudonymise(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.pseudonymise import pseudonymise

    return pseudonymise(
        options.input,
        options.out,
        options.key,
        options.config,
        keep=options.keep,
        times=options.times,
        time_zone=options.tz,
        force=options.force,
    )


def _train(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.train import train_command

    return train_command(
        options.cohort,
        options.out,
        options.config,
        outcomes=options.outcomes,
        seed=options.seed,
        time_zone=options.tz,
        jobs=options.jobs,
        force=options.force,
        track=not options.no_track,
        prior=options.prior,
    )


def _evaluate(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.evaluate import evaluate_command

    return evaluate_command(
        options.model,
        options.cohort,
        options.out,
        options.config,
        time_zone=options.tz,
        force=options.force,
    )


def _reproduce(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.reproduce import reproduce

    return reproduce(options.source, options.cohort, jobs=options.jobs)


def _promote(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.promote import promote

    return promote(options.name, force=options.force, against=options.against)


def _predict(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.predict import predict

    return predict(
        options.input,
        options.out,
        options.model,
        options.config,
        as_of=options.as_of,
        time_zone=options.tz,
        strict=options.strict,
        force=options.force,
        pages=not options.no_pages,
        emit=options.emit,
    )


def _monitor(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.monitor import monitor

    return monitor(
        options.input,
        options.out,
        options.model,
        options.config,
        cohort=options.cohort,
        time_zone=options.tz,
        force=options.force,
    )


def _serve(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.serve import serve

    return serve(options.model, options.port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cytocast",
        description="Severe CRS and ICANS risk from serial biomarkers. Research use only.",
    )
    parser.add_argument("--version", action="version", version=f"cytocast {__version__}")
    _logged(parser, default=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = _command(commands, "demo", _demo, "every step once, on simulated patients", zone=False)
    demo.add_argument(
        "--out", type=Path, default=Path("out/demo"), metavar="DIR", help="default: out/demo"
    )
    demo.add_argument("--patients", type=int, default=400, metavar="N", help="default: 400")
    demo.add_argument("--batch", type=int, default=25, metavar="N", help="to score; default: 25")
    _configured(demo)
    demo.add_argument("--seed", type=int, default=0, metavar="S", help="default: 0")
    _parallel(demo)
    simulate = _command(commands, "simulate", _simulate, "write a synthetic cohort", zone=False)
    simulate.add_argument("--patients", type=int, default=400, metavar="N", help="default: 400")
    simulate.add_argument("--seed", type=int, default=0, metavar="S", help="default: 0")
    simulate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    simulate.add_argument(
        "--batch", action="store_true", help="patients in mid-course, to be scored"
    )
    grade = _command(commands, "grade", _grade, "derive CRS and ICANS grades from observations")
    grade.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    grade.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help=".csv or .parquet to write"
    )
    _configured(grade)
    audit = _command(commands, "audit", _audit, "what is wrong with a cohort export, and where")
    audit.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    audit.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    _configured(audit)
    brought = _command(commands, "import", _import, "rewrite another shape of export as a cohort")
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
    train = _command(
        commands, "train", _train, "cohort export to bundle, evaluation and MLflow run"
    )
    train.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="bundle to write")
    train.add_argument("--outcomes", default="", help="comma-separated; default: all configured")
    train.add_argument(
        "--prior", default="", metavar="BUNDLE", help="another cohort's bundle to borrow from"
    )
    train.add_argument("--no-track", action="store_true", help="do not log to MLflow")
    _configured(train)
    _seeded(train)
    evaluate = _command(commands, "evaluate", _evaluate, "score a bundle on another cohort")
    evaluate.add_argument("--model", required=True, help=f"bundle folder or {CHAMPION}")
    evaluate.add_argument(
        "--cohort", type=Path, required=True, metavar="DIR", help="folder of tables"
    )
    evaluate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    _configured(evaluate)
    again = _command(
        commands,
        "reproduce",
        _reproduce,
        "train a bundle again and compare",
        zone=False,
        replace=False,
    )
    again.add_argument("source", metavar="RUN", help=f"bundle folder, run id or {CHAMPION}")
    again.add_argument("--cohort", type=Path, required=True, metavar="DIR", help="folder of tables")
    _parallel(again)
    promote = _command(
        commands, "promote", _promote, "make the challenger champion if gates pass", zone=False
    )
    promote.add_argument("--name", default="cytocast", help="registered model")
    promote.add_argument(
        "--against",
        type=Path,
        metavar="DIR",
        help="bundle with the champion's settings, trained on the challenger's cohort",
    )
    predict = _command(commands, "predict", _predict, "score a lab batch")
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
    predict.add_argument("--no-pages", action="store_true", help="leave out the pages")
    _configured(predict)
    watch = _command(commands, "monitor", _monitor, "compare batches with the training cohort")
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
    _configured(watch)
    serve = _command(
        commands,
        "serve",
        _serve,
        "answer lab rows over HTTP on this machine",
        zone=False,
        replace=False,
    )
    serve.add_argument("--model", default=CHAMPION, help=f"registered model, default: {CHAMPION}")
    serve.add_argument("--port", type=int, default=5001, metavar="N", help="default: 5001")
    return parser


def _add_pseudonymise(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = "replace ids, drop names, shift dates of a cohort or batch"
    parser = _command(commands, "pseudonymise", _pseudonymise, words)
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
    _configured(parser)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], tuple[int, str]],
    words: str,
    *,
    zone: bool = True,
    replace: bool = True,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=words, description=words)
    parser.set_defaults(run=run)
    if zone:
        parser.add_argument("--tz", metavar="ZONE", help="time zone of times without offset")
    if replace:
        forced = (
            "promote even where a gate fails" if name == "promote" else "replace what --out holds"
        )
        parser.add_argument("--force", action="store_true", help=forced)
    _logged(parser, default=argparse.SUPPRESS)  # keeps what stands before the command
    return parser


def _logged(parser: argparse.ArgumentParser, *, default: object) -> None:
    quiet, lines = "warnings only, no progress", "one JSON object per log line"
    parser.add_argument("--quiet", action="store_true", default=default, help=quiet)
    parser.add_argument("--json-logs", action="store_true", default=default, help=lines)
    cells = "quote cells of the input in messages; keep such output as the input"
    parser.add_argument("--show-values", action="store_true", default=default, help=cells)
    trace = "print the traceback of an unexpected failure"
    parser.add_argument("--debug", action="store_true", default=default, help=trace)


def _configured(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, action="append", default=[], metavar="FILE", help="repeatable"
    )


def _seeded(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, help="default: the config's seed")
    _parallel(parser)


def _parallel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="default: all cores")


if __name__ == "__main__":
    sys.exit(main())
