"""The Terraform code in a scratch copy, zips that hold nothing, and Terraform as a function."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.functions import FUNCTIONS

REPOSITORY = Path(__file__).parents[2]
VERSION = (REPOSITORY / "VERSION").read_text().strip()

type Plan = dict[str, Any]
"""A plan as Terraform's JSON."""

type State = dict[str, Any]
"""What terraform.tfstate holds. `terraform show` would have to load the provider."""

PROVIDER_OVERRIDE = """\
provider "aws" {{
  {alias}
  max_retries                 = 3
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
}}
"""


def local_override(example: Path) -> str:
    """What an emulated AWS wants of an example's providers."""
    text = (example / "main.tf").read_text()
    aliases = re.findall(r'^provider "aws" \{\n(?:  (alias +=.*)\n)?', text, re.MULTILINE)
    return "".join(PROVIDER_OVERRIDE.format(alias=alias) for alias in aliases)


def run(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs Terraform in a folder, with input variables as Terraform's environment has them."""
    inputs = {f"TF_VAR_{name}": value for name, value in variables.items()}
    return subprocess.run(
        ["terraform", *arguments, "-no-color"],
        cwd=folder,
        env=os.environ | (environment or {}) | inputs,
        capture_output=True,
        text=True,
        check=False,
    )


def run_well(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, **variables: str
) -> str:
    """What Terraform printed, where it must succeed."""
    result = run(folder, *arguments, environment=environment, **variables)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr
    return result.stdout


def plan(root: Path, environment: Mapping[str, str] | None = None, **variables: str) -> Plan:
    """The plan of an initialized root, which must warn of nothing."""
    text = run_well(
        root, "plan", "-input=false", "-out=test.tfplan", environment=environment, **variables
    )
    assert "Warning:" not in text, text
    return dict(json.loads(run_well(root, "show", "-json", "test.tfplan")))


def apply(root: Path, environment: Mapping[str, str] | None = None) -> None:
    """Applies what was planned last."""
    run_well(root, "apply", "-input=false", "test.tfplan", environment=environment)


def read_state(root: Path) -> State:
    return dict(json.loads((root / "terraform.tfstate").read_text()))


def applied_resources(state: State) -> Iterator[tuple[dict[str, Any], str, dict[str, Any]]]:
    """Each resource of a state, of every module, with the address and attributes of an instance."""
    for resource in state["resources"]:
        for instance in resource["instances"] if resource["mode"] == "managed" else ():
            parts = (resource.get("module"), resource["type"], resource["name"])
            key = json.dumps([instance["index_key"]]) if "index_key" in instance else ""
            yield resource, ".".join(filter(None, parts)) + key, instance["attributes"]


def destroy(root: Path, environment: Mapping[str, str] | None = None, **variables: str) -> None:
    """Destroys what was planned just before: nothing has changed meanwhile."""
    arguments = ("-input=false", "-auto-approve", "-refresh=false")
    run_well(root, "destroy", *arguments, environment=environment, **variables)


def drift(
    root: Path, environment: Mapping[str, str] | None = None, **variables: str
) -> dict[str, list[str]]:
    """What a plan of an applied root would change, by address."""
    arguments = ("-input=false", "-detailed-exitcode", "-out=test.tfplan")
    result = run(root, "plan", *arguments, environment=environment, **variables)
    assert result.returncode in (0, 2), result.stdout[-5000:] + result.stderr
    if result.returncode == 0:  # which saves `show`, that loads the provider once more
        return {}
    return changes(json.loads(run_well(root, "show", "-json", "test.tfplan")))


def changes(document: Plan) -> dict[str, list[str]]:
    """What a plan would do, by address."""
    return {
        change["address"]: change["change"]["actions"]
        for change in document.get("resource_changes", ())
        if change["change"]["actions"] not in (["no-op"], ["read"])
    }


def planned_resources(document: Plan) -> Iterator[dict[str, Any]]:
    """All resources and data sources of a plan, of every module."""
    modules = [document["planned_values"]["root_module"]]
    while modules:
        module = modules.pop()
        for resource in module.get("resources", ()):
            yield {"values": {}, **resource}  # a plan leaves out values of which it knows none
        modules += module.get("child_modules", ())


def copy_checkout(copy: Path) -> Path:
    """Copies the Terraform code with its tests, so that nothing is written into the repository."""
    ignore = shutil.ignore_patterns(".terraform", "*.tfstate*", "*_override.tf")
    for folder in ("modules", "examples"):
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=ignore)
    for path in [*REPOSITORY.glob("*.tf"), REPOSITORY / "VERSION"]:
        shutil.copy(path, copy)
    for root in (copy, copy / "modules/account_logging"):
        lock_provider(root)
    tests = copy / "tests/module"
    tests.mkdir(parents=True)
    for path in Path(__file__).parent.glob("*.tftest.hcl"):
        shutil.copy(path, tests)
    for root in (copy / "examples").glob("*/main.tf"):
        (root.parent / "local_override.tf").write_text(local_override(root.parent))
    write_artifacts(copy / "dist")
    return copy


def lock_provider(root: Path) -> None:
    """Give a root the provider of the examples: a newer one of the registry is another test."""
    shutil.copy(REPOSITORY / "examples/quickstart/.terraform.lock.hcl", root)


def write_artifacts(folder: Path, content: str = "", **fields: str) -> None:
    """A folder as `make build` leaves it, with zips of one file; fields replace the manifest's."""
    folder.mkdir(exist_ok=True)
    manifest = {}
    for function in FUNCTIONS:
        path = folder / f"{function}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo("handler.py"), f"# {function} {content}\n")
        built = {
            "sha256": sha256(path),
            "code_sha256": base64.b64encode(bytes.fromhex(sha256(path))).decode(),
            "python": "3.13",
            "architecture": "x86_64",
            "module_version": VERSION,
        }
        manifest[function] = built | fields
    (folder / "manifest.json").write_text(json.dumps(manifest))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
