"""The Python environment of the functions: awslambdaric and boto3, locked, and nothing else."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from local.errors import LocalCloudError

REQUIREMENTS = Path(__file__).parents[1] / "runtime-requirements.txt"
VERSION = (3, 13)


def runtime_python(root: Path) -> Path:
    """The interpreter for the functions, made below `root` on the first call.

    Raises LocalCloudError when it cannot be made.
    """
    if sys.version_info[:2] != VERSION:
        raise LocalCloudError(
            f"this is Python {sys.version.split()[0]}, the functions need 3.13: use `make local`"
        )
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    site = root / digest
    python = site / "bin" / "python"
    done = site / ".complete"
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two clouds may start at once
        if not (done.exists() and python.exists()):
            for old in root.iterdir():
                shutil.rmtree(old, ignore_errors=True)
            try:
                _make(site, python)
                done.touch()
            except BaseException:
                shutil.rmtree(site, ignore_errors=True)
                raise
    return python


def _make(site: Path, python: Path) -> None:
    uv = _uv()
    if uv:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(site)])
        install = [uv, "pip", "install", "--quiet", "--python", str(python), "--no-config"]
        install += ["--compile-bytecode"]  # as Lambda's own runtime is, and as pip does by itself
    else:
        _run([sys.executable, "-m", "venv", str(site)])
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*install, "--require-hashes", "--no-deps", "-r", str(REQUIREMENTS)])


def _uv() -> str | None:
    own = Path(__file__).parents[2] / ".tools"
    places = os.pathsep.join([str(own), str(own / "bin"), os.environ.get("PATH", "")])
    return shutil.which(os.environ.get("UV", "uv"), path=places)


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise LocalCloudError(
            f"cannot prepare the functions' Python environment: `{' '.join(command)}` "
            f"failed: {' '.join((result.stderr or result.stdout).split())[-500:]}"
        )
