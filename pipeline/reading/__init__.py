"""Exports in, a validated cohort and a list of rejects out."""
