"""What today's module does to a deployment of each release before it, from apply to destroy.

releases/<version>.tar.gz is the release's own Terraform code: no tag has to be there, and no
history, which a shallow clone lacks.
"""

import tarfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.module.lives import Account, account
from tests.module.support import (
    State,
    apply,
    changes,
    destroy,
    drift,
    lock_provider,
    plan,
    read_state,
    run_well,
    write_artifacts,
)

RELEASES = {
    path.name.removesuffix(".tar.gz"): path
    for path in sorted((Path(__file__).parent / "releases").glob("*.tar.gz"))
}


@dataclass(frozen=True)
class Upgrade:
    """What was seen of a release's deployment that today's module took over."""

    had: set[str]
    """Addresses of what the release had made."""
    planned: dict[str, list[str]]
    state: State
    """What today's module has applied."""
    again: dict[str, list[str]]
    """What a second plan would change."""
    data: bytes
    """What an object holds that held b"kept" before."""
    left: dict[str, int]
    before: dict[str, int]


@contextmanager
def upgraded(checkout: Path, folder: Path) -> Iterator[dict[str, Future[Upgrade]]]:
    """The upgrades from all releases, as they come to their ends."""
    with ThreadPoolExecutor(len(RELEASES)) as threads:
        yield {
            release: threads.submit(
                upgrade, release, checkout, folder / release, account(f"{number:012}")
            )
            for number, release in enumerate(RELEASES, 1)
        }


def upgrade(release: str, checkout: Path, root: Path, owner: Account) -> Upgrade:
    old = root / "old"
    with tarfile.open(RELEASES[release]) as archive:
        archive.extractall(old, filter="data")
    write_artifacts(old / "dist", content="old", module_version=release)
    before = owner.has()
    call(root, old)
    plan(root, owner.environment)
    apply(root, owner.environment)
    had = set(run_well(root, "state", "list").splitlines())
    kept = {"Bucket": f"ml-data-{owner.id}-us-east-1", "Key": "raw/people/people.csv"}
    owner.client("s3").put_object(**kept, Body=b"kept")

    call(root, checkout)
    planned = changes(plan(root, owner.environment))
    apply(root, owner.environment)
    state = read_state(root)
    again = drift(root, owner.environment)
    data = owner.client("s3").get_object(**kept)["Body"].read()
    destroy(root, owner.environment)
    return Upgrade(had, planned, state, again, data, owner.has(), before)


def call(root: Path, module: Path) -> None:
    """The root as it calls the module of a folder."""
    (root / "main.tf").write_text(f"""
        module "ml" {{
          source        = "{module}"
          name          = "ml"
          force_destroy = true
        }}
    """)
    lock_provider(root)
    run_well(root, "init", "-input=false")
