"""Compares batches with the training cohort."""
