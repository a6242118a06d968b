"""Answers requests with lab rows over HTTP."""
