"""Evaluates a model: splits, metrics, intervals, comparators, and the report."""
