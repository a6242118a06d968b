"""Cytocast: severe CRS and ICANS risk from serial biomarkers. Research use only."""

__version__ = "0.2.0"
