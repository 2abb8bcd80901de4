"""A part of `make faults`: the same schedules in every run, and whether it would find anything."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from common.registry import Registry
from tests.faults import bounded, scene, schedules
from tests.faults.damages import Damage, objects
from tests.faults.operations import OPERATIONS
from tests.faults.patches import deployed
from tests.faults.plan import Point
from tests.faults.scene import Before, prepared
from tests.faults.schedules import Outcome, Schedule, Step, drawn, encoded, kept
from tests.faults.world import can_mount

ONE_IN = 23
"""A prime, so that every kind of fault and of object has its turn."""

SEEDS = range(1, 11)


class Bench:
    """What runs schedules."""

    def __init__(self, deployment: Any, folder: Path) -> None:
        self.deployment, self.folder = deployment, folder
        self.before: Before = prepared(deployment, folder)

    def run(self, schedule: Schedule) -> Outcome:
        return schedules.run(self.deployment, self.folder, self.before, schedule)

    def points(self) -> dict[str, list[Point]]:
        return {
            name: schedules.recorded(self.deployment, self.folder, self.before, name)
            for name in OPERATIONS
        }


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with deployed() as deployment:
        yield Bench(deployment, tmp_path_factory.mktemp("scratch"))


def bad(outcome: Outcome) -> bool:
    return outcome.verdict in ("lost", "wrong")


def test_what_was_mended_stays_mended(bench: Bench) -> None:
    for what, schedule in kept().items():
        if can_mount() or all(step.room is None for actor in schedule.actors for step in actor):
            outcome = bench.run(schedule)
            assert not bad(outcome), (what, outcome.complaints)


def test_single_faults_lose_nothing(bench: Bench) -> None:
    every = chain(bounded.cases(bench.points()), bounded.damages(bench.before))
    for operation, fault, schedule in islice(every, 0, None, ONE_IN):
        outcome = bench.run(schedule)
        assert not bad(outcome), (operation, fault, encoded(schedule), outcome.complaints)
        assert schedule.damage or outcome.met, (operation, fault, "was never met")


def test_faults_at_random_lose_nothing_and_are_the_same_each_time(bench: Bench) -> None:
    points = bench.points()
    for seed in SEEDS:
        outcome = bench.run(drawn(points, seed))
        assert not bad(outcome), (
            f"python -m tests.faults --random --runs 1 --seed {seed}",
            outcome.complaints,
        )
    again = [bench.run(drawn(points, SEEDS[0])) for _ in range(2)]
    assert again[0].calls == again[1].calls


def test_a_model_that_is_served_without_a_look_at_its_hash_is_found_out(bench: Bench) -> None:
    damage = Damage(objects(bench.before)["live model's model.onnx"], "truncated")
    other = bench.before.models["v2"]
    (another,) = [
        key for key in bench.before.objects if other in key and key.endswith("/model.onnx")
    ]

    def unchecked(self: Registry, key: str, file: Any) -> bytes:
        return self._store.get(another if key == damage.key else key).body

    # Answers are remembered by what is stored, which these do not follow from.
    with patch.object(Registry, "_checked", unchecked), patch.dict(scene._ANSWERS, clear=True):
        assert bad(bench.run(Schedule(((Step("prediction"),),), damage=damage)))
    outcome = bench.run(Schedule(((Step("prediction"),),), damage=damage))
    assert not bad(outcome), outcome.complaints


def test_a_promotion_that_is_not_made_is_found_out(bench: Bench) -> None:
    written = "model_training.handler.point"

    def pretended(registry: Any, at: Any, request: Any, by: str) -> Any:
        alias = registry.alias(at.model, at.alias)
        return {"version": request.version, "history": [{"reason": request.reason}], "x": alias}

    with patch(written, pretended):
        assert bench.run(Schedule(((Step("promotion"),),))).verdict == "lost"
