"""Builds features of a cohort at its landmarks, by one code path for training and prediction."""
