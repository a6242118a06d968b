"""Replaces ids by keyed pseudonyms and removes dates and identifiers from tables."""
