"""What a zip consists of, as a software bill of materials: CycloneDX 1.6, in JSON.

It is made from the zip and its lock alone. It holds no time, and its serial number follows from
its content, so that the same zip has the same bill.
"""

import hashlib
import json
import re
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from scripts.archive import sha256
from scripts.contents import BuildError
from scripts.elf import MAGIC
from scripts.licences import Distribution, distributions, normalized

type Component = dict[str, Any]

# What a wheel's own bill says of a component, and what is taken over of it.
COPIED = ("type", "name", "version", "purl", "licenses", "hashes")

PLATFORM = {
    "extra": "",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.13.0",
    "python_version": "3.13",
    "sys_platform": "linux",
}
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


def bill(archive: Path, lock: Path, version: str, architecture: str) -> str:
    """The bill of a function's zip. Raises BuildError when the zip is not what the lock says."""
    files = _telling(archive)
    packages = distributions(files)
    hashes = locked_hashes(lock.read_text())
    content: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": archive.name,
                "group": "serverless-ml",
                "name": archive.name,
                "version": version,
                "hashes": [_hash(sha256(archive))],
                "licenses": [{"expression": "Apache-2.0"}],
                "properties": [{"name": "serverless-ml:architecture", "value": architecture}],
            }
        },
        "components": [
            *(_package(one, files, hashes) for one in packages),
            *(_binary(path, data) for path, data in sorted(files.items()) if _is_binary(data)),
        ],
        "dependencies": [
            {"ref": archive.name, "dependsOn": [purl(one) for one in packages]},
            *_dependencies(packages, architecture),
        ],
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    content["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}"
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _telling(archive: Path) -> dict[str, bytes]:
    """The files of a zip that its bill is about: metadata and native libraries."""
    files = {}
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            with opened.open(entry) as file:
                start = file.read(len(MAGIC))
                if ".dist-info/" in entry.filename or _is_binary(start):
                    files[entry.filename] = start + file.read()
    return files


def _is_binary(data: bytes) -> bool:
    return data.startswith(MAGIC)


def purl(one: Distribution) -> str:
    """The package URL of a distribution."""
    return f"pkg:pypi/{one.name}@{one.version}"


def locked_hashes(lock: str) -> dict[str, list[str]]:
    """The sha256 of the files that a lock accepts, by package and version.

    >>> locked_hashes("a==1.0 \\\\\\n    --hash=sha256:00 \\\\\\n    --hash=sha256:01\\n")
    {'a==1.0': ['00', '01']}
    """
    found: dict[str, list[str]] = {}
    pin = ""
    for line in lock.splitlines():
        if pinned := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            pin = f"{normalized(pinned[1])}=={pinned[2]}"
        found.setdefault(pin, []).extend(re.findall(r"--hash=sha256:([0-9a-f]+)", line))
    return {pin: hashes for pin, hashes in found.items() if hashes}


def _package(
    one: Distribution, files: Mapping[str, bytes], hashes: Mapping[str, list[str]]
) -> Component:
    accepted = hashes.get(f"{one.name}=={one.version}")
    if not accepted:
        raise BuildError(f"{one.name} {one.version} is in the zip, but not in its lock")
    component: Component = {
        "type": "library",
        "bom-ref": purl(one),
        "name": one.name,
        "version": one.version,
        "purl": purl(one),
        "licenses": [{"expression": one.expression()}],
        "externalReferences": [
            {
                "type": "distribution",
                "url": purl(one),
                "comment": "The lock accepts files with these hashes only.",
                "hashes": [_hash(digest) for digest in sorted(accepted)],
            }
        ],
    }
    parts = {part["bom-ref"]: part for part in _parts(one, files)}
    if parts:
        component["components"] = [parts[ref] for ref in sorted(parts)]
    return component


def _parts(one: Distribution, files: Mapping[str, bytes]) -> Iterator[Component]:
    """What a wheel says that it was linked with, in its own bills (PEP 770)."""
    for path, data in files.items():
        if re.fullmatch(rf"{re.escape(one.folder)}/sboms/[^/]+\.json", path):
            for part in json.loads(data).get("components", ()):
                if part.get("scope") != "excluded" and normalized(part["name"]) != one.name:
                    copied = {key: part[key] for key in COPIED if key in part}
                    version = part.get("version", "")
                    yield {**copied, "bom-ref": f"{purl(one)}#{part['name']}@{version}"}


def _binary(path: str, data: bytes) -> Component:
    digest = hashlib.sha256(data).hexdigest()
    return {"type": "file", "bom-ref": path, "name": path, "hashes": [_hash(digest)]}


def _dependencies(packages: list[Distribution], architecture: str) -> Iterator[dict[str, Any]]:
    """What each package requires of the others, as its metadata says it for Lambda's platform."""
    known = {one.name: purl(one) for one in packages}
    platform = {**PLATFORM, "platform_machine": MACHINES[architecture]}
    for one in packages:
        needed = set()
        for line in one.metadata.get_all("Requires-Dist", []):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(platform):
                needed.add(normalized(requirement.name))
        yield {"ref": purl(one), "dependsOn": [known[name] for name in sorted(needed & set(known))]}


def _hash(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}
