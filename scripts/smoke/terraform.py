"""Terraform, with a root and its state in a folder that is kept when destroying fails."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.terraform import REPOSITORY, override, plugin_settings

ROOTS = Path(__file__).parent / "roots"
SHOWN_LINES = 30


class TerraformFailed(Exception):
    """Terraform has failed; the message ends with what it printed last."""


class Terraform:
    """Runs one root of roots/ in a folder that exists, with the caller's credentials."""

    def __init__(self, folder: Path, root: str, variables: Mapping[str, str], local: bool) -> None:
        self.folder = folder
        for source in [*ROOTS.glob("common/*.tf"), *ROOTS.glob(f"{root}/*.tf")]:
            shutil.copy(source, folder)
        shutil.copy(REPOSITORY / "examples" / "quickstart" / ".terraform.lock.hcl", folder)
        (folder / "module").symlink_to(REPOSITORY)
        (folder / "terraform.tfvars.json").write_text(json.dumps(variables))
        if local:
            (folder / "local_override.tf").write_text(override())

    def apply(self) -> dict[str, Any]:
        """Initialise and apply; the outputs of the module. Raises TerraformFailed."""
        self._run("init", "-input=false", "-no-color")
        self._run("apply", "-input=false", "-no-color", "-auto-approve")
        outputs: dict[str, Any] = json.loads(self._run("output", "-json", "deployment"))
        return outputs

    def check_unchanged(self) -> None:
        """Plan again. Raises TerraformFailed, with the plan, when it would change anything."""
        self._run("plan", "-input=false", "-no-color", "-detailed-exitcode")

    def destroy(self) -> None:
        """Destroy whatever an apply has made, be it finished or not. Raises TerraformFailed."""
        if (self.folder / "terraform.tfstate").exists():
            self._run("destroy", "-input=false", "-no-color", "-auto-approve")

    @property
    def destroy_command(self) -> str:
        """Destroys by hand what is left."""
        return f"terraform -chdir={self.folder} destroy"

    def _run(self, command: str, *arguments: str) -> str:
        with subprocess.Popen(
            ["terraform", command, *arguments],
            cwd=self.folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is for this process
        ) as process:
            try:
                printed, _ = process.communicate()
            except BaseException:
                _let_end(process, command)
                raise
        if process.returncode != 0:
            lines = printed.strip().splitlines()[-SHOWN_LINES:]
            raise TerraformFailed("\n".join([f"terraform {command}", *lines]))
        return printed


def _let_end(process: subprocess.Popen[str], command: str) -> None:
    """Waits: what Terraform is creating when it is stopped is lost from its state."""
    print(f"Waiting for terraform {command} to end. Another Ctrl-C stops it.", flush=True)
    try:
        process.communicate()
    except BaseException:
        process.terminate()
        process.communicate()
        raise


def _environment() -> dict[str, str]:
    """The caller's, without what would change the root or its place."""
    foreign = ("TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**inherited, **plugin_settings()}
