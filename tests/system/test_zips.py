"""The zips of `make build` hold all that their handlers import; their bytes tell their sources."""

import ast
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.licenses import canonicalize_license_expression

from scripts.closure import import_statements
from scripts.contents import LIMIT
from scripts.functions import FUNCTIONS
from scripts.licences import check_licences, distributions
from scripts.packages import find_uv

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"

# What Lambda sets for every function, and what Terraform adds.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "test",
    "AWS_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "test",
    "CODE_VERSION": "0.0.0+test",
    "DATA_BUCKET": "test",
    "LANG": "en_US.UTF-8",
    "LOG_LEVEL": "INFO",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
}

OWN = ("common", "tasks", *FUNCTIONS)

# Locked, as others ask for them, and left out of the zip, as nothing imports them.
DROPPED = {
    "data_processing": set(),
    "inference": {"flatbuffers", "packaging", "protobuf"},
    "model_training": {"flatbuffers"},
}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DIST / "manifest.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what AWS's runtime brings, and nothing else."""
    folder = tmp_path_factory.mktemp("runtime")
    lock = ROOT / "local" / "runtime-requirements.txt"
    install = [find_uv(), "pip", "install", "--quiet", "--python", sys.executable]
    subprocess.run([*install, "--target", str(folder), "--requirements", str(lock)], check=True)
    return folder


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_manifest_tells_what_is_in_the_zip(function: str, manifest: dict[str, Any]) -> None:
    content = (DIST / f"{function}.zip").read_bytes()
    entry = manifest[function]
    with zipfile.ZipFile(DIST / f"{function}.zip") as archive:
        names = archive.namelist()
        unzipped = sum(info.file_size for info in archive.infolist())
    assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    assert entry["bytes"] == len(content)
    assert entry["unzipped_bytes"] == unzipped <= LIMIT
    assert entry["module_version"] == (ROOT / "VERSION").read_text().strip()
    assert len(names) == len(set(names))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_import_finds_what_it_names_in_the_zip_alone(
    function: str, manifest: dict[str, Any], runtime: Path, tmp_path: Path
) -> None:
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    if manifest[function]["architecture"] != machine:
        pytest.skip(f"the zips are for {manifest[function]['architecture']}, this is {machine}")
    with zipfile.ZipFile(DIST / f"{function}.zip") as archive:
        archive.extractall(tmp_path)
    program = [
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(runtime)!r}]",
        f"from {FUNCTIONS[function].module} import handler",
        "assert callable(handler), handler",
        *sorted(own_imports(tmp_path)),
    ]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "\n".join(program)],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def own_imports(folder: Path) -> set[str]:
    """Of an unpacked zip: an import of each own module, and each import that is in one of them."""
    imports = set()
    for package in OWN:
        for file in (folder / package).rglob("*.py"):
            name = ".".join(file.relative_to(folder).with_suffix("").parts)
            imports.add(f"import {name.removesuffix('.__init__')}")
            imports |= {ast.unparse(one) for one in import_statements(file.read_text())}
    return {one for one in imports if "__future__" not in one}  # which only begin a file


def test_inference_serves_without_scikit_learn() -> None:
    with zipfile.ZipFile(DIST / "inference.zip") as archive:
        packages = {name.partition("/")[0] for name in archive.namelist()}
    assert {"numpy", "onnxruntime", "msgspec", "common", "tasks", "inference"} <= packages
    assert not {"sklearn", "scipy", "joblib", "skl2onnx", "boto3"} & packages


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_package_of_a_zip_comes_with_its_licence(function: str) -> None:
    with zipfile.ZipFile(DIST / f"{function}.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert files["LICENSE"] == (ROOT / "LICENSE").read_bytes()
    check_licences(function, files)
    for package in distributions(files):
        expression = package.expression()
        assert canonicalize_license_expression(expression) == expression


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_bill_of_materials_is_valid_and_of_the_zip(
    function: str, manifest: dict[str, Any]
) -> None:
    text = (DIST / f"{function}.cdx.json").read_text()
    listed = json.loads(text)
    locked = (ROOT / "lambda_src" / function / "requirements.txt").read_text()

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert manifest[function]["sbom_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    (digest,) = listed["metadata"]["component"]["hashes"]
    assert digest["content"] == manifest[function]["sha256"]
    packages = {one["name"] for one in listed["components"] if one["type"] == "library"}
    pins = set(re.findall(r"^([a-z0-9-]+)==", locked, re.MULTILINE))
    assert packages == pins - DROPPED[function]
    assert pins >= DROPPED[function]


def test_two_folders_build_the_same_bytes(manifest: dict[str, Any], tmp_path: Path) -> None:
    built = []
    for seed, folder in enumerate([tmp_path / "one", tmp_path / "another" / "and deeper"]):
        for part in ("lambda_src", "modules", "scripts"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        for name in ("VERSION", "LICENSE"):
            shutil.copy(ROOT / name, folder)
        architecture = manifest["inference"]["architecture"]
        subprocess.run(
            [sys.executable, "-m", "scripts.build_zips", "--arch", architecture],
            cwd=folder,
            env={**os.environ, "UV": find_uv(), "PYTHONHASHSEED": str(seed)},
            check=True,
        )
        files = sorted((folder / "dist").iterdir())
        built.append({file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files})
    names = [f"{name}{suffix}" for name in FUNCTIONS for suffix in (".zip", ".cdx.json")]
    assert sorted(built[0]) == sorted(["manifest.json", *names])
    assert built[0] == built[1]
