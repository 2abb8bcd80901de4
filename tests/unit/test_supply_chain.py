"""What is fetched is pinned by hash, workflows have the least tokens, and tags are no code."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.archive import write_zip
from scripts.docs import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github/workflows").iterdir())
RELEASE = REPOSITORY / ".github/workflows/release.yml"
EXAMPLES = sorted(path.parent for path in REPOSITORY.glob("examples/*/main.tf"))
LOCKS = sorted(
    path.with_suffix(".txt")
    for path in REPOSITORY.rglob("*requirements*.in")
    if not {".venv", ".tools", "build"} & set(path.parts)
)


workflows = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


@workflows
def test_no_expression_becomes_text_of_a_shell(path: Path) -> None:
    """What a tag, a branch or a title says would run as code."""
    for step in steps(path):
        assert "${{" not in step.get("run", ""), step
        assert step.get("uses", "").partition("@")[0] != "actions/github-script", step


@workflows
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path: Path) -> None:
    lines = [line.strip() for line in path.read_text().splitlines() if "uses:" in line]
    assert len(lines) == sum("uses" in step for step in steps(path)) > 0
    for line in lines:
        assert re.fullmatch(r"- uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_is_pinned_to_the_same_commit_everywhere() -> None:
    pins = {step["uses"] for path in WORKFLOWS for step in steps(path) if "uses" in step}
    assert len({pin.partition("@")[0] for pin in pins}) == len(pins), sorted(pins)


@workflows
def test_every_job_states_its_permissions_and_nothing_else_gives_any(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert isinstance(job.get("permissions"), dict), f"{name} states no permissions"
        assert set(job["permissions"].values()) <= {"read", "write"}
    assert "pull_request_target" not in path.read_text()


@workflows
def test_what_can_write_runs_nothing_that_was_downloaded(path: Path) -> None:
    """Tests and builds run the code of hundreds of packages; it must find no token."""
    for name, job in load(path)["jobs"].items():
        commands = {step["run"] for step in job["steps"] if "run" in step}
        if "write" in job["permissions"].values():
            assert commands <= {"make check-release", "make github-release"}, name
            assert "make check-release" in commands, name
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, name


def test_no_job_both_signs_and_publishes() -> None:
    jobs = load(RELEASE)["jobs"]
    writes = {
        name: {key for key, value in job["permissions"].items() if value == "write"}
        for name, job in jobs.items()
    }
    assert writes == {
        "build": set(),
        "attest": {"id-token", "attestations"},
        "attest-sbom": {"id-token", "attestations"},
        "release": {"contents"},
    }
    assert set(jobs["release"]["needs"]) == {"build", "attest", "attest-sbom"}


@pytest.fixture
def makefile(tmp_path: Path) -> Path:
    """A folder with the Makefile, and a gh that prints what it was given."""
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text('#!/bin/sh\nprintf "[%s]" "$@"\n')
    gh.chmod(0o755)
    (tmp_path / "build/release").mkdir(parents=True)
    for name in ("a.cdx.json", "SHA256SUMS"):
        (tmp_path / "build/release" / name).write_text(name)
    write_zip(tmp_path / "build/release/a-1.2.3-x86_64.zip", {"inference.zip": b"built"})
    return tmp_path


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**inherited, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


HOSTILE = ["v1;touch${IFS}ran", "v1$(touch${IFS}ran)", "v1`touch ran`", '";touch ran;"']
HOSTILE += ["$(shell touch ran)", "v1.2.3$(shell touch ran)", "v1.2.3\ntouch ran", "--repo=other"]


@pytest.mark.parametrize("tag", HOSTILE)
def test_a_tag_is_never_run(makefile: Path, tag: str) -> None:
    published = make(makefile, "github-release", TAG=tag)
    assert published.returncode != 0
    assert "TAG should be like v1.2.3" in published.stderr
    assert "[" not in published.stdout

    released = make(makefile, "-o", ".venv/.synced", "release", "PYTHON=echo", TAG=tag)
    assert f"-m scripts.release --tag {tag}" in released.stdout
    assert not (makefile / "ran").exists()


def test_a_tag_is_released_under_its_name(makefile: Path) -> None:
    released = make(makefile, "github-release", TAG="v1.2.3")
    assert (
        "[release][create][v1.2.3][build/release/a-1.2.3-x86_64.zip][build/release/a.cdx.json]"
        in (released.stdout)
    )


@pytest.mark.parametrize("target", ["release", "github-release"])
def test_a_tag_is_asked_for(makefile: Path, target: str) -> None:
    environment = {"TAG": ""}
    asked = make(makefile, "-o", ".venv/.synced", target, "PYTHON=echo", **environment)
    assert asked.returncode != 0
    assert f"is missing: make {target} TAG=v1.2.3" in asked.stderr


def test_a_release_that_is_what_was_built_is_unpacked_for_its_attestations(makefile: Path) -> None:
    digest = make(makefile, "release-digest").stdout.strip()
    output = makefile / "output"

    make(makefile, "release-output", GITHUB_OUTPUT=str(output))
    checked = make(makefile, "check-release", DIGEST=digest)

    assert output.read_text() == f"digest={digest}\n"
    assert checked.returncode == 0, checked.stderr
    assert (makefile / "build/attested/x86_64/inference.zip").read_bytes() == b"built"
    (with_bill,) = (one["with"] for one in steps(RELEASE) if "sbom-path" in one.get("with", {}))
    for key, suffix in (("subject-path", ".zip"), ("sbom-path", ".cdx.json")):
        assert with_bill[key] == (
            "build/attested/${{ matrix.architecture }}/${{ matrix.function }}" + suffix
        )


@pytest.mark.parametrize("change", ["changed", "added", "removed"])
def test_a_release_that_is_not_what_was_built_is_refused(makefile: Path, change: str) -> None:
    digest = make(makefile, "release-digest").stdout.strip()
    file = makefile / "build/release" / ("b.zip" if change == "added" else "a.cdx.json")
    file.unlink(missing_ok=True)
    if change != "removed":
        file.write_text("other")

    checked = make(makefile, "check-release", DIGEST=digest)

    assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert checked.returncode != 0
    assert "build/release is not what was built" in checked.stderr


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_requirement_is_locked_by_hash(lock: Path) -> None:
    text = lock.read_text()
    pins = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert pins
    for pin in pins:
        assert re.match(r"[A-Za-z0-9._\[\],-]+==\S+", pin), pin
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", pin), pin
    assert not re.search(r"^--|://", text, re.MULTILINE)


def test_make_installs_by_hash_only() -> None:
    text = (REPOSITORY / "Makefile").read_text().replace("\\\n", " ")
    installs = re.findall(
        r"^\t.*\b(?:pip (?:install|sync)|tool (?:run|install)|uvx)\b.*$", text, re.M
    )
    assert len(installs) == 3
    for line in installs:
        assert "--require-hashes" in line, line


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_locks_its_provider_for_all_platforms(example: Path) -> None:
    lock = (example / ".terraform.lock.hcl").read_text()

    assert re.findall(r'^provider "(.+)"', lock, re.M) == ["registry.terraform.io/hashicorp/aws"]
    assert 'version     = "5.100.0"' in lock
    wanted = re.findall(r'^ +version = "(.+)"', (example / "versions.tf").read_text(), re.M)
    assert wanted == [">= 5.100, != 6.3.0, < 7"]
    assert 'constraints = ">= 5.100.0, != 6.3.0, < 7.0.0"' in lock
    # Of fourteen platforms, as packed and as unpacked, and of the list of these hashes.
    assert len(set(re.findall(r'"h1:[A-Za-z0-9+/]{43}="', lock))) == 14
    assert len(set(re.findall(r'"zh:[0-9a-f]{64}"', lock))) == 15


def test_the_locks_of_the_examples_are_one_and_not_ignored() -> None:
    locks = {(example / ".terraform.lock.hcl").read_text() for example in EXAMPLES}
    assert len(locks) == 1
    rules = (REPOSITORY / ".gitignore").read_text().splitlines()
    assert rules.index(".terraform.lock.hcl") < rules.index("!/examples/*/.terraform.lock.hcl")
