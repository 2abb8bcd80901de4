"""Tabular regression: a number from numbers, categories, dates and booleans."""
