"""Scores reached through the API beside plain scikit-learn on the same splits."""
