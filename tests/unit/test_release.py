"""What is released is of the version that it says, and has notes."""

from pathlib import Path

import pytest
import yaml

from scripts.contents import BuildError
from scripts.docs import REPOSITORY
from scripts.release import check_tag, notes

CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.1.0] - 2026-11-24

### Added

- Something.

## [1.0.0]

- First.
"""


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.1.0", "### Added\n\n- Something.\n"), ("1.0.0", "- First.\n")],
)
def test_notes_are_the_versions_section(version: str, expected: str) -> None:
    assert notes(CHANGELOG, version) == expected


@pytest.mark.parametrize("version", ["1.0.1", "1.1", "Unreleased"])
def test_a_version_without_notes_is_refused(version: str) -> None:
    with pytest.raises(BuildError, match=f"CHANGELOG.md says nothing of {version}"):
        notes(CHANGELOG, version)


def test_a_tag_of_another_version_is_refused() -> None:
    check_tag("v1.1.0", "1.1.0")
    with pytest.raises(BuildError, match=r"the tag is 'v1.1.0' and VERSION holds 1.1.1: tag v1.1"):
        check_tag("v1.1.0", "1.1.1")


def test_this_version_has_notes() -> None:
    version = (REPOSITORY / "VERSION").read_text().strip()

    assert notes((REPOSITORY / "CHANGELOG.md").read_text(), version)


@pytest.mark.parametrize(
    "tag",
    ["1.1.0", "v1.1", "v1.1.0-rc1", "v1.1.0\n", "v1.1.0; true", "v1.1.\N{ARABIC-INDIC DIGIT ZERO}"],
)
def test_a_tag_that_is_none_is_refused(tag: str) -> None:
    with pytest.raises(BuildError, match=r"and should be like v1\.2\.3"):
        check_tag(tag, "1.1.0")


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / ".github/workflows").iterdir()), ids=lambda path: path.name
)
def test_workflows_run_nothing_but_make(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    makefile = (REPOSITORY / "Makefile").read_text()
    commands = [
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step
    ]

    assert commands
    for command in commands:
        program, *targets = command.split()
        assert program == "make"
        for target in targets:
            assert "=" in target or f"\n{target}:" in makefile, f"{command}: no target {target}"
