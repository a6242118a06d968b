"""Reads exports into a validated cohort and a list of rejects."""
