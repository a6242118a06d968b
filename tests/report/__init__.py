"""Tests of the shared page shell, number formats and charts."""
