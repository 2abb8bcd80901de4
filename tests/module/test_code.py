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
    ("name", "module", "passed_as"),
    [
        ("api", "rest_api", "api"),
        ("authorization", "rest_api", "authorization"),
        ("alarms", "monitoring", "alarms"),
        ("data_bucket_access", "storage", "access"),
    ],
)
def test_what_is_passed_on_has_one_type(name: str, module: str, passed_as: str) -> None:
    """An input's type stands in the root and in the module that it is passed on to."""
    assert _type(name, "variables*.tf") == _type(passed_as, f"modules/{module}/variables.tf")


def test_statements_of_policies_have_one_type() -> None:
    """They are a part of what the root takes for a function."""
    root = _type("function_additions", "variables*.tf")
    passed_on = _type("policy_statements", "modules/iam/variables.tf")
    first = root.index("policy_statements = optional(list(object({") + 1
    assert passed_on[0] == "map(list(object({"
    assert root[first : first + len(passed_on) - 1] == [*passed_on[1:-1], "})), [])"]


def _type(name: str, files: str) -> list[str]:
    """An input's type by its lines, without the comments that explain its attributes."""
    code = "".join(path.read_text() for path in sorted(REPOSITORY.glob(files)))
    (found,) = re.findall(
        rf'^variable "{name}" {{\n.*?^  type = (.*?^  }}\)+)\n', code, re.M | re.S
    )
    lines = (line.strip() for line in found.split("\n"))
    return [re.sub(" +", " ", line) for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("name", PLAN_TESTS)
def test_plans(checkout: Path, name: str) -> None:
    folder = "-test-directory=tests/module"
    run_well(checkout, "init", "-backend=false", "-input=false", folder)
    result = run(checkout, "test", folder, f"-filter=tests/module/{name}")
    assert result.returncode == 0, result.stdout + result.stderr
    assert not re.search(r"\b0 passed", result.stdout)
