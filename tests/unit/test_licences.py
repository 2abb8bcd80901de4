"""Every package and every bundled library of a zip comes with the text of its licence."""

from pathlib import Path

import pytest

from scripts.contents import BuildError
from scripts.licences import added_texts, check_licences, distributions

METADATA = b"Metadata-Version: 2.4\nName: Some_Package\nVersion: 1.0\nLicense-Expression: MIT\n"
INFO = "some_package-1.0.dist-info"
PACKAGE = {f"{INFO}/METADATA": METADATA, "some_package/__init__.py": b""}


@pytest.mark.parametrize(
    "path",
    [
        f"{INFO}/licenses/LICENSE",
        f"{INFO}/licenses/vendor/anything",
        f"{INFO}/LICENSE.txt",
        f"{INFO}/COPYING",
        "some_package/LICENCE.md",
    ],
)
def test_a_text_is_found_where_wheels_put_it(path: str) -> None:
    check_licences("inference", {**PACKAGE, path: b"MIT License"})


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{INFO}/licenses/LICENSE", b" \n"),
        ("some_package/license.so", b""),
        ("some_package/deep/LICENSE", b"of something else"),
        ("other/LICENSE", b"of another package"),
        ("other-1.0.dist-info/licenses/LICENSE", b"of another package"),
    ],
)
def test_a_package_without_a_text_is_refused(path: str, text: bytes) -> None:
    with pytest.raises(BuildError, match=r"inference\.zip: some-package 1\.0 comes without the te"):
        check_licences("inference", {**PACKAGE, path: text})


def test_a_text_that_the_metadata_names_has_to_be_there() -> None:
    files = {
        f"{INFO}/METADATA": METADATA + b"License-File: LICENSE\nLicense-File: NOTICE\n",
        f"{INFO}/licenses/LICENSE": b"MIT License",
    }
    with pytest.raises(BuildError, match="lacks its licence file NOTICE"):
        check_licences("inference", files)
    check_licences("inference", {**files, f"{INFO}/licenses/NOTICE": b"Copyright"})


def test_a_package_without_an_expression_is_refused() -> None:
    files = {
        f"{INFO}/METADATA": METADATA.replace(b"License-Expression: MIT", b"License: do what"),
        f"{INFO}/licenses/LICENSE": b"Do what you want.",
    }
    with pytest.raises(BuildError, match=r"some-package 1\.0 has no License-Expression: read its"):
        check_licences("inference", files)


def test_a_bundled_library_needs_a_text_about_it() -> None:
    licence = f"{INFO}/licenses/LICENSE"
    files = {**PACKAGE, "some_package.libs/libnew-0123abcd.so.1.2": b"\x7fELF"}
    with pytest.raises(
        BuildError, match=r"no licence text of some_package is about some_package\."
    ):
        check_licences("inference", {**files, licence: b"MIT License"})
    check_licences("inference", {**files, licence: b"Files: some_package.libs/libnew*.so\n"})
    with pytest.raises(BuildError, match="is about"):
        check_licences("inference", {**files, licence: b"Files: some_package.libs/libold*.so\n"})


def test_texts_that_a_wheel_leaves_out_are_added(tmp_path: Path) -> None:
    (tmp_path / "some-package").mkdir()
    (tmp_path / "some-package/LICENSE").write_text("MIT License")

    added = added_texts(PACKAGE, tmp_path)

    assert added == {f"{INFO}/licenses/LICENSE": b"MIT License"}
    check_licences("inference", PACKAGE | added)
    with pytest.raises(BuildError, match="remove LICENSE from scripts/licenses/some-package"):
        added_texts(PACKAGE | added, tmp_path)


def test_packages_are_told_by_their_metadata() -> None:
    (found,) = distributions(PACKAGE)
    assert (found.name, found.version, found.expression()) == ("some-package", "1.0", "MIT")
