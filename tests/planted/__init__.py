"""Defects planted into simulated exports, for tests and benchmarks."""
