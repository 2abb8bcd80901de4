"""A label from a table."""

from tests.unit.tasks.samples import tables

SAMPLE = tables.sample(number_target=False, text=False)
