"""Cohort and landmarks in, feature matrix out; one code path for training and prediction."""
