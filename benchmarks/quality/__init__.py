"""Scores reached through the API beside a plain reference on the same splits."""
