"""Messages and remedies by reader: trainer or operator, command line or make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

# make variable of each command-line option
MAKE_VARIABLES = {
    "out": "OUT=",
    "force": "FORCE=1",
    "tz": "TZ_NAME=",
    "as-of": "AS_OF=",
    "config": "CONFIG=",
    "model": "MODEL=",
    "cohort": "COHORT=",
    "input": "INPUT=",
    "outcomes": "OUTCOMES=",
    "prior": "PRIOR=",
    "mapping": "MAPPING=",
    "against": "AGAINST=",
    "key": "KEY=",
    "keep": "KEEP=",
    "times": "TIMES=",
    "format": "FORMAT=",
    "strict": "STRICT=1",
    "spreadsheet-safe": "SPREADSHEET_SAFE=1",
    "show-values": "SHOW_VALUES=1",
    "seed": "SEED=",
    "jobs": "JOBS=",
    "port": "PORT=",
    "new-key": "NEW_KEY=",
    "require-signature": "SIGNED_BY=",
}


class Audience(Enum):
    """Who reads a message."""

    TRAINING = "training"  # the person who trains and can change the configuration
    SCORING = "scoring"  # the operator of a trained model, whose configuration is fixed


class Interface(Enum):
    """How the reader runs commands."""

    PLAIN = "plain"
    MAKE = "make"


@dataclass(frozen=True)
class Remedy:
    """A message that depends on its reader.

    Attributes
    ----------
    train : str
        For the person who trains.
    operator : str or None
        For the operator of a trained model; None where ``train`` holds for both.
    option : tuple of str
        Command-line options that the text names for either reader, in its order, without dashes.
    """

    train: str
    operator: str | None = None
    option: tuple[str, ...] = ()


def render(
    message: str | Remedy, audience: Audience, interface: Interface = Interface.PLAIN
) -> str:
    """Text of a message for one audience and interface; a plain string is the same for all.

    Examples
    --------
    >>> zone = Remedy("Give --tz, or set cohort.time_zone.", "Give --tz.", option=("tz",))
    >>> render(zone, Audience.SCORING, Interface.MAKE), render(zone, Audience.TRAINING)
    ('Give --tz (make: TZ_NAME=).', 'Give --tz, or set cohort.time_zone.')
    """
    if isinstance(message, str):
        return message
    text = message.train
    if audience is Audience.SCORING and message.operator is not None:
        text = message.operator
    return with_make(text, message.option) if interface is Interface.MAKE else text


def with_make(message: str, option: Iterable[str]) -> str:
    """Message with the ``make`` variables of the options it names, before its last full stop.

    Options that ``make`` does not pass on are left out.

    Examples
    --------
    >>> with_make("Choose another --out, or replace it with --force.", ("out", "force"))
    'Choose another --out, or replace it with --force (make: OUT=, FORCE=1).'
    >>> with_make("Give hours.", ())
    'Give hours.'
    """
    variables = [MAKE_VARIABLES[name] for name in option if name in MAKE_VARIABLES]
    if not variables:
        return message
    end = "." if message.endswith(".") else ""
    return f"{message.removesuffix('.')} (make: {', '.join(variables)}){end}"
