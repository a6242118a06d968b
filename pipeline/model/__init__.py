"""Defines outcomes, fits and stores risk models, and keeps what training learned."""
