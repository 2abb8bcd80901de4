"""What a task says of itself is what its options, its datasets and its models do."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

import tasks
from common.problems import Unprocessable
from tasks import TASKS
from tests.unit.tasks.samples import processed, trained

every_task = pytest.mark.parametrize("task", TASKS)
SPLITS = {"hash": {"features", "rows"}, "time": {"time"}, "group": {"group"}}


def choices(form: type[msgspec.Struct], field: str) -> set[str]:
    """The values that an optional field of literals takes, without null."""
    (of_field,) = (one for one in msgspec.structs.fields(form) if one.name == field)
    return {value for part in get_args(of_field.type) for value in get_args(part)}


def test_a_name_that_is_no_task_is_refused_with_the_choices() -> None:
    with pytest.raises(Unprocessable, match="'clustering' is not a task: choose one of classific"):
        tasks.task("clustering")


@every_task
def test_it_is_supervised_where_a_column_is_learned(task: str) -> None:
    roles = {column.role for column in processed(task).about.schema.columns}
    assert tasks.task(task).is_supervised == ("target" in roles)


@every_task
def test_splits_are_what_its_options_take(task: str) -> None:
    (split,) = (
        one.type
        for one in msgspec.structs.fields(tasks.task(task).processing_options)
        if one.name == "split"
    )
    assert "column" in split.__struct_fields__
    splits_by = tasks.task(task).splits_by
    assert "hash" in splits_by
    taken = choices(split, "by") if "by" in split.__struct_fields__ else set()
    for policy in ("time", "group"):
        assert (policy in splits_by) == (policy in taken)


@every_task
def test_metrics_are_what_its_options_take_and_its_models_are_chosen_by(task: str) -> None:
    one = tasks.task(task)
    assert set(one.metrics) == choices(one.training_options, "metric")
    assert trained(task).metric in one.metrics


@every_task
def test_options_of_files_and_extension_are_there_where_it_says_so(task: str) -> None:
    one = tasks.task(task)
    assert (one.extends is not None) == ("extends" in one.training_options.__struct_fields__)
    assert (one.keeps_files is not None) == (
        "keep_images" in one.processing_options.__struct_fields__
    )
    if one.extends is not None:
        assert one.extends(msgspec.convert({"extends": "v1"}, one.training_options)) == "v1"
        assert one.extends(msgspec.convert({}, one.training_options)) is None
    if one.keeps_files is not None:
        for keep in (True, False):
            options = msgspec.convert({"keep_images": keep}, one.processing_options)
            assert one.keeps_files(options) is keep


def test_the_input_backbones_lists_the_networks_that_tasks_use() -> None:
    variables = Path("variables.tf").read_text()
    (listed,) = re.findall(r"networks to upload: ([a-z0-9_, ]+)\.", variables)
    used = {name for task in TASKS for name in tasks.task(task).backbones}
    assert set(listed.split(", ")) == used
