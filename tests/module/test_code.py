"""What needs no AWS: formatting, validity, and the plans of *.tftest.hcl."""

import re
from pathlib import Path

import pytest

from tests.module.support import REPOSITORY, lock_provider, run, run_well

pytestmark = pytest.mark.module

MODULE_FILES = sorted([*REPOSITORY.glob("*.tf"), *REPOSITORY.glob("modules/**/*.tf")])
ENTRANCES = REPOSITORY / "docs/entrances.md"
PLAN_TESTS = sorted(path.name for path in Path(__file__).parent.glob("*.tftest.hcl"))


def test_valid(checkout: Path) -> None:
    run_well(checkout, "init", "-backend=false", "-input=false")
    assert "Warning" not in run_well(checkout, "validate")


def test_other_entrances_are_valid(checkout: Path) -> None:
    """Those that docs/entrances.md shows, in a root that has the module."""
    shown = re.findall(r"^```hcl\n(.*?)^```", ENTRANCES.read_text(), re.M | re.S)
    root = checkout / "examples/entrances"
    root.mkdir()
    module = 'module "ml" {\n  source = "../.."\n  name   = "ml"\n}\n'
    (root / "main.tf").write_text("\n".join([module, *shown]))
    lock_provider(root)
    run_well(root, "init", "-backend=false", "-input=false")
    assert "Warning" not in run_well(root, "validate")
    run_well(root, "fmt", "-check")
    assert len(shown) == 2


@pytest.mark.parametrize("path", MODULE_FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_modules_leave_providers_to_their_callers(path: Path) -> None:
    assert not re.search(r"^provider ", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", MODULE_FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_inputs_and_outputs_are_described_and_typed(path: Path) -> None:
    blocks = re.findall(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', path.read_text(), re.M | re.S)
    for kind, name, body in blocks:
        assert re.search(r"^  description +=", body, re.M), f"{kind} {name} has no description"
        if kind == "variable":
            assert re.search(r"^  type +=", body, re.M), f"{name} has no type"
            assert not re.search(r"\bany\b", body.split("description")[0]), f"{name} is any"


@pytest.mark.parametrize(
    ("name", "module"),
    [("api", "rest_api"), ("authorization", "rest_api"), ("alarms", "monitoring")],
)
def test_what_is_passed_on_has_one_type(name: str, module: str) -> None:
    """An input's type stands in the root and in the module that it is passed on to."""
    root, passed_on = (
        re.findall(
            rf'^variable "{name}" {{\n.*?^  type = (.*?^  }}\))\n',
            "".join(path.read_text() for path in sorted(REPOSITORY.glob(pattern))),
            re.M | re.S,
        )
        for pattern in ("variables*.tf", f"modules/{module}/variables.tf")
    )
    assert len(root) == 1
    assert _bare(root[0]) == _bare(passed_on[0])


def _bare(type_: str) -> list[str]:
    """A type without the comments that explain its attributes in the root, by its lines."""
    lines = (line.strip() for line in type_.split("\n"))
    return [re.sub(" +", " ", line) for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("name", PLAN_TESTS)
def test_plans(checkout: Path, name: str) -> None:
    folder = "-test-directory=tests/module"
    run_well(checkout, "init", "-backend=false", "-input=false", folder)
    result = run(checkout, "test", folder, f"-filter=tests/module/{name}")
    assert result.returncode == 0, result.stdout + result.stderr
    assert not re.search(r"\b0 passed", result.stdout)
