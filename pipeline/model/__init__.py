"""Outcomes, stacked rows, members, calibration, RiskModel, TrainingReference, bundle."""
