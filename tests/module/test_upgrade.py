"""What today's module does to a deployment of a release before it."""

from concurrent.futures import Future

import pytest

from tests.module.support import REPOSITORY
from tests.module.upgrades import RELEASES, Upgrade

pytestmark = pytest.mark.module

REPLACED = {
    "0.1.0": {
        "aws_api_gateway_deployment": "a changed API is a new deployment",
        "aws_iam_role": "UPGRADE.md: their names end in the region",
        "aws_iam_role_policy": "with the roles that they are part of",
        "aws_s3_object": "new code has a new key",
    },
    "0.2.0": {
        "aws_api_gateway_deployment": "a changed API is a new deployment",
        "aws_s3_object": "new code has a new key",
    },
    "0.3.0": {
        "aws_api_gateway_deployment": "a changed API is a new deployment",
        "aws_s3_object": "new code has a new key",
    },
    "0.4.0": {
        "aws_api_gateway_deployment": "a changed API is a new deployment",
        "aws_s3_object": "new code has a new key",
    },
}
"""Types of resources that an upgrade makes anew, each with the reason. Nothing else is lost."""


@pytest.mark.parametrize("release", RELEASES)
def test_upgrade_keeps_what_it_does_not_announce(
    upgrades: dict[str, Future[Upgrade]], release: str
) -> None:
    upgrade = upgrades[release].result()
    had, planned = upgrade.had, upgrade.planned

    assert 'module.ml.module.storage.aws_s3_bucket.this["data"]' in had
    assert 'module.ml.module.function["inference"].aws_lambda_function.this' in had & set(planned)
    lost = {address for address, actions in planned.items() if "delete" in actions}
    assert lost == {
        address for address in had if any(f".{kind}." in address for kind in REPLACED[release])
    }
    assert upgrade.data == b"kept"


@pytest.mark.parametrize("release", RELEASES)
def test_upgraded_nothing_is_to_be_changed_and_nothing_left(
    upgrades: dict[str, Future[Upgrade]], release: str
) -> None:
    upgrade = upgrades[release].result()

    assert upgrade.again == {}
    assert upgrade.left == upgrade.before


def test_the_release_before_this_one_is_among_them() -> None:
    """CHANGELOG.md names the releases."""
    text = (REPOSITORY / "CHANGELOG.md").read_text()
    released = {line[4:-1] for line in text.splitlines() if line.startswith("## [")}

    assert released - {"Unreleased"} == RELEASES.keys() == REPLACED.keys()
