"""The Terraform code in a scratch copy, zips that hold nothing, and Terraform as a function."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
VERSION = (REPOSITORY / "VERSION").read_text().strip()
FUNCTIONS = ("data_processing", "model_training", "inference")

type Plan = dict[str, Any]
"""A plan as Terraform's JSON."""

PROVIDER_OVERRIDE = """\
provider "aws" {{
  {alias}
  max_retries                 = 1
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
}}
"""
MODULE_OVERRIDE = """\
module "{name}" {{
  # These take the provider a minute, and half of one.
  lifecycle_rules = null
  failed_jobs     = null
}}
"""


def local_override(example: Path) -> str:
    """What an emulated AWS wants of an example's providers, and of its calls of the module."""
    text = (example / "main.tf").read_text()
    aliases = re.findall(r'^provider "aws" \{\n(?:  (alias +=.*)\n)?', text, re.MULTILINE)
    names = re.findall(r'^module "(\w+)" \{\n  source += "../.."$', text, re.MULTILINE)
    return "".join(
        [PROVIDER_OVERRIDE.format(alias=alias) for alias in aliases]
        + [MODULE_OVERRIDE.format(name=name) for name in names]
    )


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs Terraform in a folder, with input variables as Terraform's environment has them."""
    return subprocess.run(
        ["terraform", *arguments, "-no-color"],
        cwd=folder,
        env=os.environ | {f"TF_VAR_{name}": value for name, value in variables.items()},
        capture_output=True,
        text=True,
        check=False,
    )


def run_well(folder: Path, *arguments: str, **variables: str) -> str:
    """What Terraform printed, where it must succeed."""
    result = run(folder, *arguments, **variables)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def plan(root: Path, **variables: str) -> Plan:
    """The plan of an initialized root."""
    run_well(root, "plan", "-input=false", "-out=test.tfplan", **variables)
    return dict(json.loads(run_well(root, "show", "-json", "test.tfplan")))


def planned_resources(document: Plan) -> Iterator[dict[str, Any]]:
    """All resources and data sources of a plan, of every module."""
    modules = [document["planned_values"]["root_module"]]
    while modules:
        module = modules.pop()
        yield from module.get("resources", ())
        modules += module.get("child_modules", ())


def copy_checkout(copy: Path) -> Path:
    """Copies the Terraform code with its tests, so that nothing is written into the repository."""
    ignore = shutil.ignore_patterns(
        ".terraform*", "*.tfstate*", "tf_resources.json", "*_override.tf"
    )
    for folder in ("modules", "examples"):
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=ignore)
    for path in [*REPOSITORY.glob("*.tf"), REPOSITORY / "VERSION"]:
        shutil.copy(path, copy)
    tests = copy / "tests/module"
    tests.mkdir(parents=True)
    for path in Path(__file__).parent.glob("*.tftest.hcl"):
        shutil.copy(path, tests)
    for root in (copy / "examples").glob("*/main.tf"):
        (root.parent / "local_override.tf").write_text(local_override(root.parent))
    write_artifacts(copy / "dist")
    return copy


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
            "handler": f"{function}.handler.handler",
        }
        manifest[function] = built | fields
    (folder / "manifest.json").write_text(json.dumps(manifest))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
