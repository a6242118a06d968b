"""Messages whose text depends on the reader: trainer or operator, command line or make."""

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
    "now": "NOW=",
    "jobs": "JOBS=",
    "port": "PORT=",
    "new-key": "NEW_KEY=",
    "require-signature": "SIGNED_BY=",
}


class Audience(Enum):
    """Reader of a message."""

    TRAINING = "training"  # trains the model and can change the configuration
    SCORING = "scoring"  # runs a trained model, whose configuration is fixed


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
        Command-line options named in the text, in order, without dashes.
    """

    train: str
    operator: str | None = None
    option: tuple[str, ...] = ()


def render(
    message: str | Remedy, audience: Audience, interface: Interface = Interface.PLAIN
) -> str:
    """Text of a message for one audience and interface; a plain string is the same for all.

    Parameters
    ----------
    message : str or Remedy
    audience : Audience
    interface : Interface

    Returns
    -------
    str

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
    """Append the ``make`` variables of the options that a message names.

    Options that ``make`` does not pass on are left out.

    Parameters
    ----------
    message : str
    option : iterable of str
        Names without dashes.

    Returns
    -------
    str

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
