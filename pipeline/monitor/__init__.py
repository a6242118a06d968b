"""Batches compared with the training cohort."""
