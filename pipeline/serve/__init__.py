"""Answers lab rows over HTTP."""
