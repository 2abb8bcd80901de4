"""What modules/functions.json says of the functions is what their code is."""

import importlib
import json
import re
from pathlib import Path

import pytest

from common.function import Function
from scripts.functions import FUNCTIONS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_what_its_description_says(name: str) -> None:
    described = FUNCTIONS[name]
    module, _, attribute = described.handler.rpartition(".")
    function: Function = getattr(importlib.import_module(module), attribute)
    assert function.name == name
    assert (function.run_job is not None) == described.runs_jobs


def test_inputs_by_function_take_the_names_of_the_functions() -> None:
    """Their validations list the names: before Terraform 1.9 they may refer to nothing else."""
    text = (ROOT / "variables.tf").read_text()
    listed = re.findall(r"contains\((\[[^]]+\]), (?:name|function)\)", text)
    assert len(listed) == 4
    assert {tuple(json.loads(names)) for names in listed} == {tuple(FUNCTIONS)}
