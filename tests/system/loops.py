"""Real data taken through the service: the demo's, with fewer rows and one candidate at a time."""

import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.client import POLL_SECONDS, Client
from local.demo.loops import Question, Raw
from local.demo.loops.classification import telco_churn
from local.demo.loops.regression import concrete_strength
from local.demo.loops.tables import Row, labelled
from local.demo.loops.text_classification import chinese_reviews

ROWS = 800


@dataclass(frozen=True)
class Lesson:
    """What is learnt from which data, and the candidates that become its two versions."""

    name: str
    task: str
    prepare: Callable[[Path], Raw]
    candidates: tuple[str, str]


def part(rows: Callable[[], list[Row]], target: str) -> Callable[[Path], Raw]:
    """How ROWS of the rows become a file."""
    return labelled(lambda: random.Random(0).sample(rows(), ROWS), target)


LESSONS = (
    Lesson(
        "churn",
        "classification",
        part(telco_churn, "churn"),
        ("logistic_regression", "decision_tree"),
    ),
    Lesson(
        "concrete",
        "regression",
        part(concrete_strength, "compressive_strength"),
        ("ridge", "decision_tree"),
    ),
    Lesson(
        "reviews",
        "text_classification",
        part(chinese_reviews, "sentiment"),
        ("logistic_regression_char", "logistic_regression_word"),
    ),
)


@dataclass(frozen=True)
class Learned:
    """A dataset and two versions of its model: the first is live, the second was held back."""

    lesson: Lesson
    dataset: dict[str, Any]
    results: list[dict[str, Any]]
    questions: list[Question]

    @property
    def name(self) -> str:
        return self.lesson.name

    @property
    def versions(self) -> list[str]:
        return [result["version"] for result in self.results]

    @property
    def instances(self) -> list[Row]:
        """What the service never saw, without the columns that it reads nothing in."""
        columns = {
            one["name"] for one in self.dataset["schema"]["columns"] if one["role"] == "feature"
        }
        return [{name: one.instance[name] for name in columns} for one in self.questions]


def learn(lesson: Lesson, client: Client) -> Learned:
    """Uploads, processes and trains twice."""
    with tempfile.TemporaryDirectory() as folder:
        raw = lesson.prepare(Path(folder))
        file = raw.file.rename(raw.file.with_name(f"{lesson.name} für 2026.csv"))
        key = client.upload(lesson.name, file)
    body = {"dataset": lesson.name, "source": {"key": key}, "task": lesson.task, **raw.options}
    made = client.run("/data_processing", body)
    first, second = lesson.candidates
    results = [
        train(lesson.name, first, client, promote="if_better"),
        train(lesson.name, second, client, promote="never"),
    ]
    dataset = client.get(f"/datasets/{lesson.name}/versions/{made['version']}")
    return Learned(lesson, dataset, results, list(raw.questions))


def train(name: str, candidate: str, client: Client, **options: Any) -> dict[str, Any]:
    """The result of a training of one candidate on the dataset of the model's name."""
    body = {"model": name, "dataset": name, "candidates": [candidate], "time_budget_seconds": 10}
    return client.run("/model_training", {**body, **options})


def finished(client: Client, job: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
    """The job's last state, once there is one."""
    give_up = time.monotonic() + seconds
    while job["status"] in ("PENDING", "RUNNING"):
        assert time.monotonic() < give_up, job
        time.sleep(POLL_SECONDS)
        job = client.get(f"/{job['function']}/{job['job_id']}")
    return job
