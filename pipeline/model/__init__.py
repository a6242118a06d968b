"""Stacked rows, members, calibration, RiskModel, TrainingReference and the bundle on disk."""
