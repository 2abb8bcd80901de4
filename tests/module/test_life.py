"""A deployment gets new code: what changes, and what does not."""

import json
import shutil
from pathlib import Path

import boto3
import pytest

from scripts.functions import FUNCTIONS
from tests.module.cloudformation import refused
from tests.module.support import (
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

pytestmark = pytest.mark.module


def configuration(checkout: Path, folder: Path) -> str:
    """Without what takes the provider a minute, and half of one.

    Eleven default tags are one more than S3 takes of an object.
    """
    tags = {f"tag{number}": "value" for number in range(11)}
    return f"""
        provider "aws" {{
          default_tags {{
            tags = {json.dumps(tags)}
          }}
        }}
        module "ml" {{
          source          = "{checkout}"
          name            = "life"
          artifacts       = {{ folder = "{folder}" }}
          lifecycle_rules = null
          failed_jobs     = null
        }}
    """


@pytest.mark.usefixtures("aws")
def test_new_code_is_a_new_version_and_nothing_else(checkout: Path, tmp_path: Path) -> None:
    write_artifacts(tmp_path / "artifacts")
    (tmp_path / "main.tf").write_text(configuration(checkout, tmp_path / "artifacts"))
    lock_provider(tmp_path)
    run_well(tmp_path, "init", "-input=false")
    plan(tmp_path)
    apply(tmp_path)
    assert refused(read_state(tmp_path)) == []
    assert versions_behind_alias() == dict.fromkeys(FUNCTIONS, "1")

    # Another checkout of the same zips: neither the folder nor its place is in the state.
    shutil.move(tmp_path / "artifacts", tmp_path / "elsewhere")
    (tmp_path / "main.tf").write_text(configuration(checkout, tmp_path / "elsewhere"))
    assert drift(tmp_path) == {}

    write_artifacts(tmp_path / "elsewhere", content="new")
    assert set(changes(plan(tmp_path))) == {
        address
        for function in FUNCTIONS
        for address in (
            f'module.ml.aws_s3_object.code["{function}"]',
            f'module.ml.module.function["{function}"].aws_lambda_alias.this',
            f'module.ml.module.function["{function}"].aws_lambda_function.this',
        )
    }
    apply(tmp_path)
    assert drift(tmp_path) == {}
    assert versions_behind_alias() == dict.fromkeys(FUNCTIONS, "2")

    shutil.rmtree(tmp_path / "elsewhere")
    destroy(tmp_path)  # which needs no zips


@pytest.mark.usefixtures("aws")
def test_a_function_keeps_its_role_until_it_has_another(checkout: Path, tmp_path: Path) -> None:
    """Names of roles are unique whatever their path."""
    for path in ("/", "/one/", "/two/"):
        module = f"""
            module "iam" {{
              source          = "{checkout}/modules/iam"
              name            = "life"
              alias           = "live"
              data_bucket_arn = "arn:aws:s3:::data"
              job_functions   = []
              roles           = {{ path = "{path}" }}
            }}
        """
        (tmp_path / "main.tf").write_text(module)
        if path == "/":
            lock_provider(tmp_path)
            run_well(tmp_path, "init", "-input=false")
        changed = changes(plan(tmp_path))
        assert len(changed) == 2 * len(FUNCTIONS)
        if path != "/":
            assert set(map(tuple, changed.values())) == {("create", "delete")}
        apply(tmp_path)
        assert refused(read_state(tmp_path)) == []
        assert drift(tmp_path) == {}
    roles = boto3.client("iam").list_roles()["Roles"]
    assert {role["Path"] for role in roles} == {"/two/"}
    destroy(tmp_path)


def versions_behind_alias() -> dict[str, str]:
    client = boto3.client("lambda")
    return {
        function: client.get_alias(FunctionName=f"life-{function}", Name="live")["FunctionVersion"]
        for function in FUNCTIONS
    }
