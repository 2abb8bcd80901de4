"""Schedules: what happens in a scene, in which order, and with which faults."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from tests.faults.checks import check
from tests.faults.damages import Damage
from tests.faults.operations import OPERATIONS, Attempt, End
from tests.faults.patches import Deployment
from tests.faults.plan import Fault, Kind, Point
from tests.faults.scene import Before, Scene, scene
from tests.faults.world import DAY, Sender

type Verdict = Literal["survived", "failed clearly", "lost", "wrong"]


@dataclass(frozen=True)
class Step:
    """An operation, with the faults that its calls meet, by a clock that is so many days off.

    room is the size of the function's disk in bytes.
    """

    operation: str
    faults: tuple[Fault, ...] = ()
    days: int = 0
    room: int | None = None


@dataclass(frozen=True)
class Schedule:
    """What each of the actors does one after the other, while the other one does the same.

    damage is what has become of an object before that.
    """

    actors: tuple[tuple[Step, ...], ...]
    seed: int = 0
    damage: Damage | None = None


@dataclass
class Outcome:
    """What has become of a schedule."""

    verdict: Verdict
    complaints: list[str] = field(default_factory=list)
    met: int = 0
    calls: list[Point] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    """What was said of what has failed."""


def run(deployment: Deployment, folder: Path, before: Before, schedule: Schedule) -> Outcome:
    """Runs a schedule in a scene of its own, and checks what has become of it."""
    made = scene(deployment, folder, before, schedule.seed)
    with made.world.process() as warm:
        made.warm = warm
        if schedule.damage is not None:
            schedule.damage.do(made)
        return _run(made, schedule)


def _run(made: Scene, schedule: Schedule) -> Outcome:
    senders: list[Sender] = []
    details: list[str] = []
    ends: list[End] = []
    left: list[tuple[Step, Attempt]] = []

    def actor(steps: Sequence[Step]) -> None:
        for step in steps:
            sender = Sender(step.faults, step.days * DAY, step.room)
            senders.append(sender)
            attempt = Attempt(made, key=f"key {made.tick()}")
            end = OPERATIONS[step.operation].run(made, sender, attempt)
            ends.append(end)
            if end == "failed":
                details.append(attempt.detail)
                if len(schedule.actors) == 1 and len(steps) == 1:
                    check(made)  # before anybody repairs anything
                if schedule.damage is not None:
                    schedule.damage.repair(made)
                left.append((step, attempt))

    made.world.lanes.run([partial(actor, steps) for steps in schedule.actors])
    # Who comes to what is half deleted is told to finish that first.
    for step, attempt in sorted(left, key=lambda one: "deletion" not in one[0].operation):
        _repeat(made, step, attempt)
    made.world.perform_late()
    check(made)
    for event in list(made.world.events):
        made.world.delivered(event, is_faulty=False)
    check(made)
    verdict: Verdict = "failed clearly" if "failed" in ends else "survived"
    if made.complaints:
        is_lost = any(one.startswith("lost") for one in made.complaints)
        verdict = "lost" if is_lost else "wrong"
    met = sum(len(sender.met) for sender in senders)
    calls = [call for sender in senders for call in sender.calls]
    return Outcome(verdict, list(dict.fromkeys(made.complaints)), met, calls, details)


def _repeat(made: Scene, step: Step, failed: Attempt) -> None:
    """Sends the same again, without faults: it succeeds if what it needs is there."""
    operation, attempt = OPERATIONS[step.operation], Attempt(made, key=failed.key)
    if operation.run(made, Sender(), attempt) == "done":
        return
    if attempt.status == 409 and attempt.key != failed.key:
        # The job from before what it makes was deleted: a new key makes a new one, as it says.
        attempt = Attempt(made, key=attempt.key)
        if operation.run(made, Sender(), attempt) == "done":
            return
    needs = operation.needs(made)
    if any(made.is_damaged(thing) for thing in needs) and attempt.status in (404, 500):
        return  # what it needs cannot be repaired, as it was told
    is_possible = all(made.exists(thing) for thing in needs)
    if is_possible or attempt.status not in (404, 409, 422):
        made.wrong(f"sent again, {step.operation} fails: {attempt.status} {attempt.detail}")


def recorded(deployment: Deployment, folder: Path, before: Before, operation: str) -> list[Point]:
    """The calls of an operation that meets no fault."""
    outcome = run(deployment, folder, before, Schedule(((Step(operation),),)))
    assert outcome.verdict == "survived", outcome
    return outcome.calls


def drawn(points: dict[str, list[Point]], seed: int) -> Schedule:
    """A schedule of two actors that meet one to four faults, by a seed."""
    chance = random.Random(seed)
    names = list(OPERATIONS)
    operations = [[chance.choice(names) for _ in range(chance.randint(1, 3))] for _ in range(2)]
    places = [(actor, at) for actor in range(2) for at in range(len(operations[actor]))]
    faults: dict[tuple[int, int], list[Fault]] = {place: [] for place in places}
    for _ in range(chance.randint(1, 4)):
        actor, at = chance.choice(places)
        point = chance.choice(points[operations[actor][at]])
        kind: Kind = chance.choice(point.kinds)
        faults[actor, at].append(Fault(kind, point))
    actors = tuple(
        tuple(
            Step(name, tuple(faults[actor, at]), chance.choice((0, 0, 0, 1, -1)))
            for at, name in enumerate(operations[actor])
        )
        for actor in range(2)
    )
    return Schedule(actors, seed)


def encoded(schedule: Schedule) -> str:
    """A schedule as cases.json has it."""
    return msgspec.json.encode(schedule).decode()


def kept() -> dict[str, Schedule]:
    """Schedules by which something was once lost or wrong, by what that was."""
    return msgspec.json.decode((Path(__file__).parent / "cases.json").read_bytes(), type=_Kept)


_Kept = dict[str, Schedule]
