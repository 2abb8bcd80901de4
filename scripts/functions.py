"""What the functions are, from modules/functions.json, which Terraform reads too."""

from pathlib import Path

import msgspec


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one function is."""

    description: str
    """For people, in the console of Lambda."""
    handler: str
    """Entry point as Lambda takes it: a module and a function in it."""
    runs_jobs: bool
    """Whether it invokes itself for what takes longer than a request."""
    loads: list[str]
    """Modules of lambda_src that it loads by names that are computed, where no import shows them.

    `*` stands for one part of a name. They and all that they import are in the zip.
    """

    @property
    def module(self) -> str:
        """Module of the entry point."""
        return self.handler.rpartition(".")[0]


FUNCTIONS = msgspec.json.decode(
    (Path(__file__).parents[1] / "modules" / "functions.json").read_bytes(),
    type=dict[str, Description],
)
"""By name, which is also that of the zip and of the folder below lambda_src."""
