"""Zips that are missing or do not fit are told at plan time, with what to do."""

from pathlib import Path

import pytest

from tests.module.support import run, run_well, write_artifacts

pytestmark = pytest.mark.module


@pytest.fixture
def root(aws: str, checkout: Path, tmp_path: Path) -> Path:
    """A root whose artifacts are in the folder artifacts beside it."""
    (tmp_path / "main.tf").write_text(f"""
        module "ml" {{
          source    = "{checkout}"
          name      = "ml"
          artifacts = {{ folder = "${{path.module}}/artifacts" }}
        }}
    """)
    write_artifacts(tmp_path / "artifacts")
    run_well(tmp_path, "init", "-backend=false", "-input=false")
    return tmp_path


def refusal(root: Path) -> str:
    """What plan says in refusing, on one line."""
    result = run(root, "plan", "-input=false")
    assert result.returncode == 1, result.stdout
    assert "Resource precondition failed" in result.stderr
    assert result.stderr.count("Error:") == 1, result.stderr
    return " ".join(line.strip("│╷╵ ") for line in result.stderr.splitlines())


def test_missing_zip(root: Path) -> None:
    (root / "artifacts/inference.zip").unlink()
    message = refusal(root)
    assert "lacks inference.zip or manifest.json" in message
    assert "Run `make build`" in message


def test_tampered_zip(root: Path) -> None:
    with (root / "artifacts/inference.zip").open("ab") as file:
        file.write(b"!")
    message = refusal(root)
    assert "inference.zip is not the file that its manifest.json describes" in message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"module_version": "0.0.1"}, "was built for version 0.0.1 of this module"),
        ({"python": "3.12"}, "was built for Python 3.12, the functions run 3.13"),
    ],
)
def test_built_for_something_else(root: Path, fields: dict[str, str], expected: str) -> None:
    write_artifacts(root / "artifacts", **fields)
    result = run(root, "plan", "-input=false")
    assert result.returncode == 1, result.stdout
    message = " ".join(line.strip("│╷╵ ") for line in result.stderr.splitlines())
    assert expected in message
    assert "Run `make build` again" in message


def test_architecture_comes_with_the_zip(root: Path) -> None:
    write_artifacts(root / "artifacts", architecture="arm64")
    assert run_well(root, "plan", "-input=false").count('"arm64"') == 3
