"""Renders HTML pages and SVG charts; computes nothing."""
