"""What today's module does to a deployment of a release before it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.module.released import RELEASES
from tests.module.support import REPOSITORY, changes, run_well

pytestmark = pytest.mark.module

REPLACED = {
    "0.1.0": {
        "aws_api_gateway_deployment": "a changed API is a new deployment",
        "aws_iam_role": "UPGRADE.md: their names end in the region",
        "aws_iam_role_policy": "with the roles that they are part of",
    }
}
"""Types of resources that an upgrade makes anew, each with the reason. Nothing else is lost."""


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("release", sorted(path.stem for path in RELEASES.glob("*.json")))
def test_upgrade_keeps_what_it_does_not_announce(
    checkout: Path, tmp_path: Path, release: str
) -> None:
    shutil.copy(RELEASES / f"{release}.json", tmp_path / "terraform.tfstate")
    (tmp_path / "main.tf").write_text(f'module "ml" {{\n  source = "{checkout}"\n  name = "ml"\n}}')
    run_well(tmp_path, "init", "-input=false")
    had = set(run_well(tmp_path, "state", "list").splitlines())
    # The state is taken at its word: what it names is in no AWS.
    run_well(tmp_path, "plan", "-input=false", "-refresh=false", "-out=test.tfplan")
    planned = changes(json.loads(run_well(tmp_path, "show", "-json", "test.tfplan")))

    assert 'module.ml.module.storage.aws_s3_bucket.this["data"]' in had
    assert 'module.ml.module.function["inference"].aws_lambda_function.this' in had & set(planned)
    lost = {address for address, actions in planned.items() if "delete" in actions}
    assert lost == {
        address for address in had if any(f".{kind}." in address for kind in REPLACED[release])
    }


def test_the_release_before_this_one_is_among_them() -> None:
    """CHANGELOG.md names the releases."""
    text = (REPOSITORY / "CHANGELOG.md").read_text()
    released = [line[4:-1] for line in text.splitlines() if line.startswith("## [")]
    assert set(released) - {"Unreleased"} == {path.stem for path in RELEASES.glob("*.json")}
    assert REPLACED.keys() == {path.stem for path in RELEASES.glob("*.json")}
