"""The third-party part of a zip: locked packages, installed for Lambda's platform and pruned."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scripts.archive import byte_code, write_zip
from scripts.contents import (
    WITH_BYTE_CODE,
    BuildError,
    check_binaries,
    check_links,
    empties_package_file,
    keeps_package_file,
)
from scripts.licences import ADDED, added_texts, check_licences

# Lambda's Amazon Linux 2023 has glibc 2.34. 2.28 is what the packages ask for, and lets the same
# zips run on older laptops.
PLATFORMS = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}


@dataclass(frozen=True)
class Packages:
    """The locked packages of one function, for one architecture.

    Those that are not shipped, such as what a benchmark compares with, need no licences.
    """

    function: str
    architecture: str
    lock: Path
    cache: Path
    is_shipped: bool = True

    def digest(self) -> str:
        """Hash of all that the packages' zip is made from: the lock and the code of this build."""
        rules = sorted([*Path(__file__).parent.glob("*.py"), *ADDED.glob("*/*")])
        digest = hashlib.sha256(f"{self.function} {self.architecture}".encode())
        for file in (self.lock, *rules):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()

    def zip(self) -> Path:
        """Path of a zip that holds the pruned packages, built unless it is in the cache.

        Raises BuildError when they cannot be installed, could not run on Lambda, or lack a licence.
        """
        prefix = f"{self.function}-{self.architecture}-"
        target = self.cache / f"{prefix}{self.digest()[:16]}.zip"
        if target.exists():
            return target
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.cache) as scratch:
            folder, built = Path(scratch, "installed"), Path(scratch, "packages.zip")
            self._install(folder)
            write_zip(built, self._pruned(folder))
            for outdated in self.cache.glob(f"{prefix}*.zip"):
                outdated.unlink(missing_ok=True)
            built.replace(target)
        return target

    def _install(self, folder: Path) -> None:
        command = [
            find_uv(), "pip", "install", "--quiet", "--target", str(folder),
            "--requirements", str(self.lock), "--require-hashes", "--no-deps",
            "--only-binary", ":all:", "--no-compile-bytecode",
            "--python", sys.executable, "--python-version", "3.13",
            "--python-platform", PLATFORMS[self.architecture],
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(f"{self.lock} cannot be installed:\n{done.stderr.strip()}")

    def _pruned(self, folder: Path) -> dict[str, bytes]:
        paths = {
            file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
        }
        kept = {path for path in paths if keeps_package_file(self.function, path)}
        files = {
            path: b"" if empties_package_file(self.function, path) else (folder / path).read_bytes()
            for path in kept
        }
        files |= added_texts(files)
        if self.is_shipped:
            check_licences(self.function, files)
        check_binaries(self.function, self.architecture, files)
        check_links(self.function, files, frozenset(Path(path).name for path in paths - kept))
        if self.function in WITH_BYTE_CODE:
            files |= byte_code({p: source for p, source in files.items() if p.endswith(".py")})
        return files


def find_uv() -> str:
    """Path of uv: what $UV names, else the one on PATH, else the one that make installed."""
    own = Path(__file__).parents[1] / ".tools" / "bin" / "uv"
    uv = os.environ.get("UV") or shutil.which("uv") or shutil.which(own)
    if not uv:
        raise BuildError("uv is not on PATH: run `make build`, which installs it")
    return os.path.abspath(uv) if os.sep in uv else uv
