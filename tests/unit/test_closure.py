"""Which own files a zip holds: what its function imports, and nothing else."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import tasks
from scripts.closure import import_statements, own_files
from scripts.contents import BuildError
from scripts.functions import FUNCTIONS

SOURCES = Path(__file__).parents[2] / "lambda_src"

LOADERS = {"task", "processing", "training", "serving", "signature"}
"""Functions of tasks/__init__.py that load the module of a task that has their name."""


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


@cache
def contents(function: str) -> dict[str, Path]:
    described = FUNCTIONS[function]
    return own_files(SOURCES, [described.module, *described.loads])


@pytest.mark.parametrize(
    "statement",
    [
        "import shared.words",
        "import shared.words as w",
        "from shared.words import greet",
        "from shared import words",
        "from shared import words as w, nothing",
        "def later():\n    from shared.words import greet",
        "if True:\n    import shared.words",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import shared.words",
    ],
)
def test_what_is_imported_is_in_the_zip_with_the_packages_around_it(
    statement: str, tmp_path: Path
) -> None:
    files = {
        "one/__init__.py": "",
        "one/handler.py": statement,
        "shared/__init__.py": "import more",
        "shared/words.py": "",
        "shared/numbers.py": "",
        "more.py": "import os, one.handler",
        "two.py": "",
    }
    found = own_files(tree(tmp_path, files), ["one.handler"])
    assert found == {
        name: tmp_path / name
        for name in (
            *("one/__init__.py", "one/handler.py"),
            *("shared/__init__.py", "shared/words.py", "more.py"),
        )
    }


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("one/handler.py", "from . import words"),
        ("one/handler.py", "from .words import greet"),
        ("one/__init__.py", "from .words import greet"),
        ("one/inner/__init__.py", "from .. import words"),
    ],
)
def test_relative_imports_are_followed(name: str, statement: str, tmp_path: Path) -> None:
    files = {"one/__init__.py": "", "one/words.py": "", name: statement}
    module = name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    assert own_files(tree(tmp_path, files), [module]).keys() == files.keys()


@pytest.mark.parametrize("condition", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_what_only_type_checkers_read_is_left_out(condition: str, tmp_path: Path) -> None:
    files = {"one.py": f"import typing\nif {condition}:\n    import two", "two.py": ""}
    assert own_files(tree(tmp_path, files), ["one"]).keys() == {"one.py"}


def test_a_pattern_names_modules_of_one_depth(tmp_path: Path) -> None:
    files = {
        "tasks/churn/serving.py": "",
        "tasks/words/serving/__init__.py": "",
        "tasks/words/serving/parts.py": "",
        "tasks/words/training/serving.py": "",
        "tasks/words/training.py": "",
    }
    found = own_files(tree(tmp_path, files), ["tasks.*.serving"])
    assert found.keys() == {"tasks/churn/serving.py", "tasks/words/serving/__init__.py"}


def test_a_name_of_no_module_is_refused(tmp_path: Path) -> None:
    folder = tree(tmp_path, {"tasks/churn/serving.py": ""})
    with pytest.raises(BuildError, match=r"no module of lambda_src has the name 'tasks\.\*\.sell'"):
        own_files(folder, ["tasks.churn.serving", "tasks.*.sell"])


def test_a_source_that_is_not_python_is_named(tmp_path: Path) -> None:
    folder = tree(tmp_path, {"one.py": "a = 1\ndef\n"})
    with pytest.raises(BuildError, match=r"one\.py is not Python 3\.13: .*line 2"):
        own_files(folder, ["one"])


def test_data_of_a_package_goes_with_it(tmp_path: Path) -> None:
    files = {
        "one/__init__.py": "",
        "one/words.json": "{}",
        "one/requirements.in": "numpy",
        "one/requirements.txt": "numpy==2.5.5",
        "one/.words.json.swp": "",
        "one/__pycache__/__init__.cpython-313.pyc": "",
        "two/__init__.py": "",
        "two/numbers.json": "{}",
    }
    found = own_files(tree(tmp_path, files), ["one"])
    assert found.keys() == {"one/__init__.py", "one/words.json"}


def test_every_file_of_the_sources_is_in_a_zip() -> None:
    """One that is in none is of no use, or it is loaded by a name that no function has in loads."""
    known = {name for function in FUNCTIONS for name in contents(function)}
    assert known == {
        file.relative_to(SOURCES).as_posix()
        for file in SOURCES.rglob("*")
        if file.is_file() and file.suffix != ".pyc" and not file.name.startswith("requirements.")
    }


def test_only_tasks_are_loaded_by_names_that_are_computed() -> None:
    loading = {
        file.relative_to(SOURCES).as_posix()
        for file in SOURCES.rglob("*.py")
        if re.search(r"\bimport_module\b|\b__import__\b|\brunpy\b", file.read_text())
    }
    assert loading == {"tasks/__init__.py"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_the_modules_of_tasks_that_its_code_loads(function: str) -> None:
    code = [file.read_text() for name, file in contents(function).items() if name.endswith(".py")]
    used = {name for text in code for name in re.findall(r"\btasks\.(\w+)\(", text)}
    assert not LOADERS & {name for text in code for name in names_of_tasks(text)}
    assert {f"tasks.*.{name}" for name in used & LOADERS} == {
        name for name in FUNCTIONS[function].loads if name.startswith("tasks.*.")
    }


def names_of_tasks(source: str) -> list[str]:
    """What a module imports from tasks by `from`."""
    return [
        alias.name
        for statement in import_statements(source)
        if isinstance(statement, ast.ImportFrom) and statement.module == "tasks"
        for alias in statement.names
    ]


def test_loaders_of_tasks_are_known() -> None:
    source = (SOURCES / "tasks/__init__.py").read_text()
    functions = [one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef)]
    loading = {one.name for one in functions if re.search("_module[(]", ast.unparse(one))}
    assert loading - {"_module", "encoding"} == LOADERS  # encoding is of signature.py


@pytest.mark.parametrize("task", [*tasks.TASKS, "onnx"])
def test_every_task_can_be_trained_and_served(task: str) -> None:
    for function, verb in (("model_training", "training"), ("inference", "serving")):
        path = f"tasks/{task}/{verb}"
        assert {f"{path}.py", f"{path}/__init__.py"} & contents(function).keys()


def test_inference_has_nothing_of_processing_and_training() -> None:
    parts = {part.removesuffix(".py") for name in contents("inference") for part in name.split("/")}
    others = {"processing", "data_processing", "training", "model_training", "learners", "jobs"}
    assert parts & others == set()
