"""The command line: one thin function per command; heavy modules are imported on use."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from pipeline import log, redaction
from pipeline.command_parser import build_parser
from pipeline.errors import CytocastError
from pipeline.failure import INTERRUPTED, TERMINATED, describe_failure, ended_by_sigterm
from pipeline.remedy import with_make

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program name; default: those of the process.

    Returns
    -------
    int
        Exit code.
    """
    options = build_parser().parse_args(arguments)
    log.configure(quiet=options.quiet, json_logs=options.json_logs)
    typed = sys.argv[1:] if arguments is None else map(str, arguments)
    synthetic = options.command in ("demo", "simulate")  # no row describes a real person
    redaction.start(typed, show=options.show_values or synthetic)
    try:
        return _run(options)
    finally:
        redaction.stop()


def _run(options: argparse.Namespace) -> int:
    try:
        with ended_by_sigterm():
            code, summary = RUNNERS[options.command](options)
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
        now=options.now,
    )


def _simulate(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.simulate import simulate

    return simulate(
        options.patients,
        options.seed,
        options.out,
        batch=options.batch,
        panel=options.panel,
        force=options.force,
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
        signed_by=options.require_signature,
    )


def _recalibrate(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.recalibrate import recalibrate_command

    return recalibrate_command(
        options.model,
        options.cohort,
        options.out,
        options.config,
        time_zone=options.tz,
        jobs=options.jobs,
        force=options.force,
        track=not options.no_track,
        signed_by=options.require_signature,
    )


def _reproduce(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.reproduce import reproduce

    return reproduce(options.source, options.cohort, jobs=options.jobs)


def _register(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.register import register

    return register(options.bundle)


def _promote(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.promote import promote

    return promote(
        options.name,
        force=options.force,
        against=options.against,
        signed_by=options.require_signature,
    )


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
        signed_by=options.require_signature,
        spreadsheet_safe=options.spreadsheet_safe,
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
        signed_by=options.require_signature,
    )


def _sign(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.sign import sign

    return sign(options.bundle, options.key, new_key=options.new_key, force=options.force)


def _serve(options: argparse.Namespace) -> tuple[int, str]:
    from pipeline.commands.serve import serve

    return serve(
        options.model, options.port, options.host_name, signed_by=options.require_signature
    )


RUNNERS: dict[str, Callable[[argparse.Namespace], tuple[int, str]]] = {
    "demo": _demo,
    "simulate": _simulate,
    "grade": _grade,
    "audit": _audit,
    "import": _import,
    "train": _train,
    "evaluate": _evaluate,
    "recalibrate": _recalibrate,
    "reproduce": _reproduce,
    "register": _register,
    "promote": _promote,
    "predict": _predict,
    "monitor": _monitor,
    "serve": _serve,
    "sign": _sign,
    "pseudonymise": _pseudonymise,
}


def run() -> None:
    """Entry point of the command; an interrupted run exits at once with its own code."""
    code = main()
    if code in (INTERRUPTED, TERMINATED):
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    run()
