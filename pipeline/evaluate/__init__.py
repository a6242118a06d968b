"""Outcomes, splits, metrics, comparators and the evaluation page."""
