"""Errors that carry the documented exit code of the command line."""


class CytocastError(Exception):
    """Base of every error meant for the user; ``exit_code`` is what the CLI returns."""

    exit_code = 1


class UsageError(CytocastError):
    """A command, option or configuration that cannot be used."""

    exit_code = 2


class InputError(CytocastError):
    """An input from which nothing can be scored or trained."""

    exit_code = 3


class BundleError(CytocastError):
    """A bundle that is missing, incompatible, truncated or tampered with."""

    exit_code = 5


class GateError(CytocastError):
    """A promotion gate or monitor alarm that failed."""

    exit_code = 6
