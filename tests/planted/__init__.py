"""Defects planted into simulated exports, for tests and benchmarks."""

from tests.planted import defects_of_values as _registered  # noqa: F401
