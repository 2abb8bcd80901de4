"""Tabular classification: a label from numbers, categories, dates and booleans."""
