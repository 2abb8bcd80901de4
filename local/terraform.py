"""Terraform, the real one, with everything it writes kept below the work folder.

A root of examples/ is applied as it is. Its folder is rebuilt elsewhere from links, in the same
place relative to the module that it calls, with two files more: what a provider needs to know of
an emulated AWS, and an output that only the local cloud wants.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.errors import LocalCloudError
from scripts.functions import FUNCTIONS

REPOSITORY = Path(__file__).parents[1]
LINKED = ("VERSION", "modules", "lambda_src", "dist")
FULL_DISK = re.compile("no space left on device|disk quota exceeded|file too large")
OVERRIDE = """\
# Only on the local cloud: its S3 has one host name, its account and keys are made up.
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = false
  max_retries                 = 3
}

# The provider waits most of a minute for lifecycle rules to settle, and half of one for a queue.
module "ml" {
  lifecycle_rules = null
  failed_jobs     = null
  backbones       = %s
}
"""

OUTPUTS = """\
output "local_artifacts_bucket" {
  value = module.ml.artifacts_bucket
}
"""


class Terraform:
    """Runs one root of examples/, `environment` pointing at the AWS to apply it to."""

    def __init__(self, root: str, folder: Path, environment: Mapping[str, str]) -> None:
        """Raises LocalCloudError when there is no terraform, or no zips."""
        program = shutil.which("terraform")
        if program is None:
            raise LocalCloudError(
                "terraform is not on the PATH: install Terraform 1.11 or newer "
                "(https://developer.hashicorp.com/terraform/install)"
            )
        missing = [name for name in FUNCTIONS if not (REPOSITORY / f"dist/{name}.zip").is_file()]
        if missing:
            raise LocalCloudError(f"dist/{missing[0]}.zip is missing: run `make build`")
        self._program = program
        self._folder = folder / "examples" / root
        self._given = environment
        self._variables: Mapping[str, Any] = {}
        self._on_line: Callable[[str], None] = _ignore
        _link(root, folder)

    def apply(self, variables: Mapping[str, Any], on_line: Callable[[str], None]) -> dict[str, Any]:
        """Initialise and apply; the outputs by name. Raises LocalCloudError.

        The variables hold for later plans, too. `on_line` gets what Terraform prints.
        """
        self._variables, self._on_line = variables, on_line
        self._run("init", "-input=false")
        self._run("apply", "-input=false", "-auto-approve")
        return self.outputs()

    def changes(self) -> bool:
        """Whether a plan finds anything to change. Raises LocalCloudError."""
        return self._run("plan", "-input=false", "-detailed-exitcode", expected=(0, 2))[0] == 2

    def destroy(self) -> None:
        """Destroy everything that was applied. Raises LocalCloudError."""
        self._run("destroy", "-input=false", "-auto-approve")

    def forget(self) -> None:
        """Remove the state, which is of no use once the AWS that it describes is gone."""
        _remove_state(self._folder)

    def outputs(self) -> dict[str, Any]:
        _, text = self._run("output", "-json")
        return {name: output["value"] for name, output in json.loads(text).items()}

    def _run(
        self, command: str, *arguments: str, expected: tuple[int, ...] = (0,)
    ) -> tuple[int, str]:
        line = [self._program, command, "-no-color", *arguments]
        if command == "output":
            line.remove("-no-color")
        lines: list[str] = []
        with subprocess.Popen(
            line,
            cwd=self._folder,
            env=_environment(self._given, self._variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                for text in process.stdout:
                    lines.append(text)
                    if command != "output":
                        self._on_line(text.rstrip())
            except BaseException:
                _end(process)
                raise
        if process.returncode not in expected:
            full = FULL_DISK.search(" ".join("".join(lines).split()))
            if full:
                raise LocalCloudError(f"terraform {command} in {self._folder} failed: {full[0]}")
            raise LocalCloudError(f"terraform {command} failed:\n{''.join(lines[-40:]).strip()}")
        return process.returncode, "".join(lines)


def override() -> str:
    """What a root needs to know of the local cloud, and the networks of `make backbones`."""
    networks = sorted(path.stem for path in REPOSITORY.glob("dist/backbones/*.onnx"))
    return OVERRIDE % json.dumps(networks)


def plugin_settings() -> dict[str, str]:
    """Variables by which Terraform asks and reports nothing, and downloads each provider once."""
    cache = REPOSITORY / "build" / "terraform-plugins"
    cache.mkdir(parents=True, exist_ok=True)
    return {
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_PLUGIN_CACHE_DIR": os.environ.get("TF_PLUGIN_CACHE_DIR", str(cache)),
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1",
    }


def _end(process: subprocess.Popen[str]) -> None:
    """Let Terraform write its state, but not wait for an AWS that is about to be gone."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ignore(line: str) -> None:
    """For callers that do not watch."""


def _environment(given: Mapping[str, str], variables: Mapping[str, Any]) -> dict[str, str]:
    """Ours, without anything that would point the provider at a real account."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR"))
    }
    values = {
        f"TF_VAR_{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in variables.items()
    }
    return {
        **inherited,
        **plugin_settings(),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **values,
        **given,
    }


def _remove_state(folder: Path) -> None:
    for old in folder.glob("*.tfstate*"):  # also backups, and what a failed apply could save
        old.unlink(missing_ok=True)


def _link(root: str, folder: Path) -> None:
    """Rebuild `folder` from links; the state of an earlier AWS goes, downloaded providers stay."""
    example = folder / "examples" / root
    example.mkdir(parents=True, exist_ok=True)
    _remove_state(example)
    for place in (folder, example):
        for old in place.iterdir():
            if old.is_symlink():
                old.unlink()
    for source in sorted(REPOSITORY.glob("*.tf")) + [REPOSITORY / name for name in LINKED]:
        if source.exists():
            (folder / source.name).symlink_to(source)
    original = REPOSITORY / "examples" / root
    for source in sorted(original.glob("*.tf")):
        (example / source.name).symlink_to(source)
    shutil.copy(original / ".terraform.lock.hcl", example)  # Terraform may write to it
    (example / "local_override.tf").write_text(override())
    (example / "local_outputs.tf").write_text(OUTPUTS)
