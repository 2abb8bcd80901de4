"""A label from a text."""

from tests.unit.tasks.samples import tables

SAMPLE = tables.sample(number_target=False, text=True)
