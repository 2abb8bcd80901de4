"""A root from apply to destroy."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

from scripts.smoke.callers import Deployed
from scripts.smoke.leftovers import left
from scripts.smoke.steps import Steps, Unexpected, wait_until
from scripts.smoke.terraform import Terraform

GONE_SECONDS = 120
"""For lists to forget what was deleted: SQS takes a minute."""


@dataclass(frozen=True)
class Deployment:
    """A root to apply in the session's region, with a name that nothing else there has."""

    root: str
    name: str
    session: boto3.Session
    local: bool
    """Whether it goes to the local cloud."""

    @contextmanager
    def applied(self, steps: Steps) -> Iterator[Deployed]:
        """Applies it, and destroys it after whatever happens. Raises StepFailed."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        variables = {"name": self.name, "region": self.session.region_name}
        terraform = Terraform(folder, self.root, variables, self.local)
        try:
            with steps("apply"):
                outputs = terraform.apply()
            yield Deployed(outputs, self.session)
            with steps("plan has no changes"):
                terraform.check_unchanged()
        finally:
            self._remove(terraform, steps)

    def _remove(self, terraform: Terraform, steps: Steps) -> None:
        try:
            with steps("destroy"):
                terraform.destroy()
        except BaseException:
            print(f"The state is kept. By hand: {terraform.destroy_command}", flush=True)
            raise
        shutil.rmtree(terraform.folder)
        with steps("nothing is left"):
            self._wait_until_gone()

    def _wait_until_gone(self) -> None:
        there: list[str] = []

        def is_gone() -> bool:
            there[:] = left(self.session, self.name)
            return not there

        try:
            wait_until(is_gone, "everything is gone", GONE_SECONDS)
        except Unexpected as error:
            raise Unexpected("\n".join([str(error), *there])) from error
