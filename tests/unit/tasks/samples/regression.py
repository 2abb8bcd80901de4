"""A number from a table."""

from tests.unit.tasks.samples import tables

SAMPLE = tables.sample(number_target=True, text=False)
