"""Measured comparisons; never timed tests."""
