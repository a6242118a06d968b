"""A risk, and why."""
