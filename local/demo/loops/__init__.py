"""The demo's loops: loops/<task>.py holds the LOOPS of one task.

Their data is real, and ships inside Python packages, so that nothing is downloaded.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHORT = ("classification", "regression", "text_classification")
"""The tasks that a demo shows when none is named."""


@dataclass(frozen=True)
class Question:
    """Something to ask the live model: as a request has it, as a person sees it, and the truth."""

    instance: dict[str, Any]
    shown: str
    truth: str


@dataclass(frozen=True)
class Raw:
    """A file to upload, how the request describes it, and questions about what is not in it."""

    file: Path
    options: dict[str, Any]
    questions: Sequence[Question]


def told(prediction: Mapping[str, Any]) -> str:
    """A prediction as a person reads it."""
    if "value" in prediction:
        return f"{prediction['value']:.2f}"
    return f"{prediction['label']} ({prediction['probability']:.2f})"


@dataclass(frozen=True)
class Loop:
    """One data set and what is to be learnt from it; prepare writes the raw file into a folder."""

    name: str
    question: str
    origin: str
    task: str
    prepare: Callable[[Path], Raw]
    training: Mapping[str, Any] = field(default_factory=dict)
    told: Callable[[Mapping[str, Any]], str] = told


def task_names() -> list[str]:
    """The tasks that have loops."""
    found = [module.name for module in pkgutil.iter_modules(__path__)]
    return [name for name in found if name != "tables"]


def loops(task: str) -> tuple[Loop, ...]:
    found: tuple[Loop, ...] = importlib.import_module(f"{__name__}.{task}").LOOPS
    return found
