"""Build the zip of every function, its bill of materials, and dist/manifest.json about them.

    UV=uv python -m scripts.build_zips [--arch x86_64|arm64] [--output dist]

A zip holds the function's locked packages, then own code: what its entry point imports, directly or
not. The packages are zipped once per lock, architecture and version of this build, and kept below
build/packages; own code is appended to a copy. A zip is left alone when the manifest says that it
was made from these very sources.
"""

import argparse
import base64
import hashlib
import json
import re
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.archive import append_to_zip, byte_code, sha256, unzipped_bytes
from scripts.closure import own_files
from scripts.contents import LIMIT, MACHINES, WITH_BYTE_CODE, BuildError, check_size
from scripts.functions import FUNCTIONS
from scripts.packages import Packages
from scripts.sbom import bill


@dataclass(frozen=True)
class Built:
    """What dist/manifest.json says of one zip."""

    sha256: str
    code_sha256: str
    """The same in base64, as Lambda says it."""
    bytes: int
    unzipped_bytes: int
    python: str
    architecture: str
    module_version: str
    sources_sha256: str
    """Hash of all that the zip was made from."""
    sbom_sha256: str
    """Of the bill of materials beside the zip."""


@dataclass(frozen=True)
class Job:
    """One zip to build: packages and own code, whose names are those in the zip."""

    packages: Packages
    code: dict[str, Path]
    target: Path
    version: str
    """Of the module."""

    @property
    def sbom(self) -> Path:
        """The bill of materials, beside the zip."""
        return self.target.with_suffix(".cdx.json")

    def sources_sha256(self) -> str:
        """Hash of all that the zip is made from."""
        digest = hashlib.sha256(self.packages.digest().encode())
        for name, file in sorted(self.code.items()):
            digest.update(f"{name} {sha256(file)}\n".encode())
        return digest.hexdigest()

    def is_done(self, recorded: dict[str, Any]) -> bool:
        """Whether zip and bill are there, and made from these sources, by what was recorded."""
        return (
            self.target.exists()
            and self.sbom.exists()
            and recorded.get("module_version") == self.version
            and recorded.get("sources_sha256") == self.sources_sha256()
            and recorded.get("sha256") == sha256(self.target)
            and recorded.get("sbom_sha256") == sha256(self.sbom)
        )


def main(arguments: list[str] | None = None) -> int:
    """Build what is not up to date; answers the exit status."""
    parser = argparse.ArgumentParser(prog="make build", description="Build the functions' zips.")
    parser.add_argument("--arch", choices=sorted(MACHINES), default="x86_64")
    parser.add_argument("--output", type=Path, default=Path("dist"))
    options = parser.parse_args(arguments)
    try:
        for line in build(Path(), options.output, options.arch):
            print(line)
    except BuildError as error:
        print(f"make build: {error}", file=sys.stderr)
        return 1
    return 0


def build(root: Path, output: Path, architecture: str) -> list[str]:
    """Build the zips that are not up to date and the manifest; answers a line about each zip."""
    if sys.version_info[:2] != (3, 13):
        raise BuildError(f"the zips are for Python 3.13, this is {sys.version.split()[0]}")
    output.mkdir(parents=True, exist_ok=True)
    manifest = output / "manifest.json"
    recorded = json.loads(manifest.read_text()) if manifest.exists() else {}
    jobs = [plan(root, output, function, architecture) for function in FUNCTIONS]
    stale = [job for job in jobs if not job.is_done(recorded.get(job.packages.function, {}))]
    with ProcessPoolExecutor() as pool:
        list(pool.map(build_zip, stale))
    entries = {job.packages.function: describe(job) for job in jobs}
    content = json.dumps({name: asdict(entry) for name, entry in entries.items()}, indent=2) + "\n"
    if not manifest.exists() or manifest.read_text() != content:
        manifest.write_text(content)
    return [line(function, entry) for function, entry in entries.items()]


def plan(root: Path, output: Path, function: str, architecture: str) -> Job:
    """Find what belongs into the zip of the function."""
    source = root / "lambda_src"
    described = FUNCTIONS[function]
    code = own_files(source, [described.module, *described.loads])
    lock = source / function / "requirements.txt"
    packages = Packages(function, architecture, lock, root / "build" / "packages")
    code["LICENSE"] = root / "LICENSE"
    return Job(packages, code, output / f"{function}.zip", read_version(root))


def build_zip(job: Job) -> None:
    """Write the zip of the job and its bill, each of them whole or not at all."""
    function = job.packages.function
    files = {name: file.read_bytes() for name, file in job.code.items()}
    if function in WITH_BYTE_CODE:
        files |= byte_code({name: data for name, data in files.items() if name.endswith(".py")})
    with tempfile.TemporaryDirectory(dir=job.target.parent) as scratch:
        built = Path(scratch, job.target.name)
        shutil.copyfile(job.packages.zip(), built)
        append_to_zip(built, files)
        check_size(function, unzipped_bytes(built))
        listed = Path(scratch, job.sbom.name)
        listed.write_text(bill(built, job.packages.lock, job.version, job.packages.architecture))
        built.replace(job.target)
        listed.replace(job.sbom)


def describe(job: Job) -> Built:
    """The manifest's entry of a zip that is built."""
    digest = sha256(job.target)
    return Built(
        sha256=digest,
        code_sha256=base64.b64encode(bytes.fromhex(digest)).decode(),
        bytes=job.target.stat().st_size,
        unzipped_bytes=unzipped_bytes(job.target),
        python="3.13",
        architecture=job.packages.architecture,
        module_version=job.version,
        sources_sha256=job.sources_sha256(),
        sbom_sha256=sha256(job.sbom),
    )


def line(function: str, built: Built) -> str:
    """One line for people about a zip; MB are 10^6 bytes."""
    return (
        f"{function:<16} {built.bytes / 1e6:6.1f} MB zipped {built.unzipped_bytes / 1e6:7.1f} MB "
        f"unzipped {built.unzipped_bytes / LIMIT:5.0%} of Lambda's limit  {built.architecture}"
    )


def read_version(root: Path) -> str:
    """Version of the module, from the file VERSION. Raises BuildError when it is none."""
    version = (root / "VERSION").read_text().strip()
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise BuildError(f"VERSION holds {version!r}, which should be like 1.2.3")
    return version


if __name__ == "__main__":
    sys.exit(main())
