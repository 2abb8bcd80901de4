"""A bill of materials names all that is in a zip, is valid, and is the same for the same zip."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts.archive import write_zip
from scripts.contents import BuildError
from scripts.sbom import bill

LIBRARY = b"\x7fELF and so on"
OWN_BILL = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.4",
    "metadata": {"timestamp": "2026-01-01T00:00:00Z"},
    "components": [
        {"type": "library", "name": "a", "version": "1.0", "bom-ref": "itself"},
        {"type": "library", "name": "libz", "version": "1.3", "bom-ref": "z", "author": "x"},
        {"type": "library", "name": "compiler", "version": "9", "scope": "excluded"},
    ],
}
FILES = {
    "a-1.0.dist-info/METADATA": b"Name: a\nVersion: 1.0\nLicense-Expression: MIT\n"
    b"Requires-Dist: B_b>=2\nRequires-Dist: c; extra == 'more'\nRequires-Dist: windows\n",
    "a-1.0.dist-info/sboms/own.json": json.dumps(OWN_BILL).encode(),
    "a/_a.so": LIBRARY,
    "b_b-2.0.dist-info/METADATA": b"Name: b.b\nVersion: 2.0\nLicense-Expression: 0BSD OR MIT\n",
    "common/__init__.py": b"",
}
LOCK = (
    f"a==1.0 \\\n    --hash=sha256:{'a' * 64}\nb-b==2.0 \\\n    --hash=sha256:{'b' * 64} \\\n    "
)
LOCK += f"--hash=sha256:{'c' * 64}\n    # via a\n"


def written(folder: Path, files: dict[str, bytes] = FILES, lock: str = LOCK) -> str:
    write_zip(folder / "inference.zip", files)
    (folder / "requirements.txt").write_text(lock)
    return bill(folder / "inference.zip", folder / "requirements.txt", "1.2.3", "x86_64")


@pytest.fixture
def listed(tmp_path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(written(tmp_path))
    return content


def test_it_is_valid(tmp_path: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written(tmp_path)) is None


def test_it_is_about_the_zip(listed: dict[str, Any], tmp_path: Path) -> None:
    subject = listed["metadata"]["component"]
    digest = hashlib.sha256((tmp_path / "inference.zip").read_bytes()).hexdigest()
    assert subject["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert (subject["name"], subject["version"]) == ("inference.zip", "1.2.3")


def test_every_package_has_version_licence_and_locked_hashes(listed: dict[str, Any]) -> None:
    a, b = (one for one in listed["components"] if one["type"] == "library")
    assert (a["purl"], b["purl"]) == ("pkg:pypi/a@1.0", "pkg:pypi/b-b@2.0")
    assert b["licenses"] == [{"expression": "0BSD OR MIT"}]
    (files,) = b["externalReferences"]
    assert [one["content"] for one in files["hashes"]] == ["b" * 64, "c" * 64]


def test_what_a_wheel_was_linked_with_is_taken_from_its_own_bill(listed: dict[str, Any]) -> None:
    parts = [one.get("components") for one in listed["components"]]
    ref = "pkg:pypi/a@1.0#libz@1.3"
    assert [{"type": "library", "name": "libz", "version": "1.3", "bom-ref": ref}] in parts


def test_native_libraries_have_hashes(listed: dict[str, Any]) -> None:
    (library,) = (one for one in listed["components"] if one["type"] == "file")
    digest = hashlib.sha256(LIBRARY).hexdigest()
    assert (library["name"], library["hashes"][0]["content"]) == ("a/_a.so", digest)


def test_packages_depend_on_each_other_as_their_metadata_says(listed: dict[str, Any]) -> None:
    assert {one["ref"]: one["dependsOn"] for one in listed["dependencies"]} == {
        "inference.zip": ["pkg:pypi/a@1.0", "pkg:pypi/b-b@2.0"],
        "pkg:pypi/a@1.0": ["pkg:pypi/b-b@2.0"],
        "pkg:pypi/b-b@2.0": [],
    }


def test_it_depends_on_the_content_only(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    one, two = written(tmp_path), written(tmp_path / "there")
    other = written(tmp_path, {**FILES, "common/__init__.py": b"a = 1\n"})
    assert one == two
    assert "timestamp" not in one
    assert json.loads(one)["serialNumber"] != json.loads(other)["serialNumber"]


def test_a_package_that_is_not_locked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"b-b 2\.0 is in the zip, but not in its lock"):
        written(tmp_path, lock=LOCK.replace("2.0", "2.1"))
