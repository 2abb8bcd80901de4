"""Rows of a table that are unlike the others, learned without labels."""
