"""A world in which something is there already, and what has been promised of it since."""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.faults.patches import Deployment
from tests.faults.s3 import Stored
from tests.faults.world import Answer, Process, World
from tests.unit.plain import INTERNALS

type Thing = tuple[Literal["dataset", "model", "raw"], str, str]
"""A dataset's version, a model's version, or an object of raw data: kind, name, version or key."""

INSTANCES = [{"x": 5}, {"x": 95}]

RAW = {"a": "raw/shop/a/rows.csv", "b": "raw/shop/b/rows.csv", "c": "raw/shop/c/rows.csv"}
OTHER = "raw/other/a/rows.csv"
ROWS = [{"x": x, "y": "yes" if x < 50 else "no"} for x in 2 * [*range(100)]]


def table(which: str) -> bytes:
    """200 rows of which a decision tree learns a rule without any error."""
    limit = {"a": 50, "b": 50, "c": 30}[which]
    values = (number * 7 % 100 for number in range(200))
    rows = (f"{x},{'yes' if (x < limit) != (which == 'b') else 'no'}" for x in values)
    return ("x,y\n" + "\n".join(rows) + "\n").encode()


@dataclass(frozen=True)
class Effect:
    """What a request was to make or delete, and when it was sent and had its end.

    It is certain where it was answered with success. version None is all of a name.
    """

    action: Literal["make", "delete"]
    kind: Literal["dataset", "model", "raw"]
    name: str
    version: str | None
    began: int
    ended: int
    is_certain: bool

    def is_of(self, thing: Thing) -> bool:
        kind, name, version = thing
        return (self.kind, self.name) == (kind, name) and self.version in (None, version)


@dataclass(frozen=True)
class Moved:
    """A move of an alias that was asked for: told apart by its reason, or by who made it."""

    model: str
    mark: str
    began: int
    ended: int
    is_certain: bool
    is_refused: bool = False
    """Whether its caller was told that it was not made."""


@dataclass(frozen=True)
class Before:
    """What was there before everything."""

    objects: dict[str, Stored]
    now: float
    datasets: dict[str, str]
    models: dict[str, str]
    predictions: dict[str, Any]
    """What a model must answer, by the version of the dataset that it was trained on."""

    rows: str
    """The key of ROWS, which were sent and deleted."""


@dataclass
class Scene:
    """A world, and what its callers know of it."""

    world: World
    before: Before
    effects: list[Effect] = field(default_factory=list)
    moves: list[Moved] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    """The keys of objects that were damaged, and that nobody has been asked to repair."""

    altered: set[str] = field(default_factory=set)
    """All that were ever damaged."""

    hurt: Callable[["Scene", str], None] = lambda scene, job_id: None
    """What is done to a job's record before it is delivered."""

    keys: dict[str, int] = field(default_factory=dict)
    """When each Idempotency-Key was sent first."""

    checked: tuple[dict[str, Stored], int] | None = None
    """What was there at the last check, and how much had been asked for."""

    complaints: list[str] = field(default_factory=list)
    warm: Process | None = None
    ticks: Iterator[int] = field(default_factory=itertools.count)

    def lost(self, what: str) -> None:
        self.complaints.append(f"lost: {what}")

    def wrong(self, what: str) -> None:
        self.complaints.append(f"wrong: {what}")

    def queued(self, job_id: str) -> None:
        hurt, self.hurt = self.hurt, lambda scene, job_id: None
        hurt(self, job_id)

    def tick(self) -> int:
        return next(self.ticks)

    def exists(self, thing: Thing) -> bool:
        """Whether it must be there: it was made, and nobody has asked for its deletion since."""
        mine = [effect for effect in self.effects if effect.is_of(thing)]
        deletions = [effect.ended for effect in mine if effect.action == "delete"]
        return any(
            effect.action == "make"
            and effect.is_certain
            and all(ended < effect.began for ended in deletions)
            for effect in mine
        )

    def is_gone(self, thing: Thing) -> bool:
        """Whether it must be gone: it was deleted, and nobody has asked for it since."""
        mine = [effect for effect in self.effects if effect.is_of(thing)]
        makings = [effect.ended for effect in mine if effect.action == "make"]
        return any(
            effect.action == "delete"
            and effect.is_certain
            and all(ended < effect.began for ended in makings)
            for effect in mine
        )

    def is_damaged(self, thing: Thing) -> bool:
        """Whether an object of it is damaged that nothing has repaired."""
        kind, name, version = thing
        prefix = {
            "dataset": f"datasets/{name}/{version}/",
            "model": f"models/{name}/versions/{version}/",
            "raw": version,
        }[kind]
        return any(key.startswith(prefix) for key in self.damaged)

    def things(self, kind: str) -> set[tuple[str, str]]:
        """Names and versions of a kind that anybody has asked for, as far as they are known."""
        return {
            (effect.name, effect.version)
            for effect in self.effects
            if effect.kind == kind and effect.version is not None
        }


def is_clear(document: Any) -> str | None:
    """What is wrong with a problem document; None for one that its reader can act on."""
    if not isinstance(document, dict) or not document.get("detail") or not document.get("title"):
        return "is no problem document"
    if document["title"] == "Internal error" or "not expect" in document["detail"]:
        return "says that something unexpected has happened"
    if found := INTERNALS.search(document["detail"].replace("The function's /tmp is full", "")):
        return f"names internals ({found[0]})"
    return None


def prepared(deployment: Deployment, folder: Path) -> Before:
    """Two datasets and models: of the shop's, the first version is live, and the second waits."""
    world = deployment.world = World(folder, -1)
    for which, key in RAW.items():
        world.s3.write(key, table(which))
    world.s3.write(OTHER, table("a"))
    datasets, models = {}, {}
    rows = _deleted_rows(world)
    for name, key in {"d1": RAW["a"], "d2": RAW["b"], "other": OTHER}.items():
        dataset = "other" if name == "other" else "shop"
        datasets[name] = _job(world, "data_processing", processing(dataset, key))["version"]
        world.clock.now += 60
    for name, at, promote in (("v1", "d1", "always"), ("v2", "d2", "never"), ("other",) * 3):
        model = "other" if name == "other" else "shop"
        body = training(model, datasets[at], "always" if promote == "other" else promote)
        models[name] = _job(world, "model_training", body)["version"]
        world.clock.now += 60
    predictions = {
        datasets[at]: predicted(world, "shop", models[name])
        for name, at in (("v1", "d1"), ("v2", "d2"))
    }
    predictions[datasets["other"]] = predictions[datasets["d1"]]
    assert predictions[datasets["d1"]] != predictions[datasets["d2"]]
    return Before(dict(world.s3.objects), world.clock.now, datasets, models, predictions, rows)


def scene(deployment: Deployment, folder: Path, before: Before, seed: int = 0) -> Scene:
    """The same as it was before, for somebody else to do something to it."""
    world = deployment.world = World(folder, seed)
    world.s3.objects = dict(before.objects)
    world.clock.now = before.now + 3600
    made = Scene(world, before)
    at = made.tick()
    for name, version in before.datasets.items():
        dataset = "other" if name == "other" else "shop"
        made.effects.append(Effect("make", "dataset", dataset, version, at, at, True))
    for name, version in before.models.items():
        model = "other" if name == "other" else "shop"
        made.effects.append(Effect("make", "model", model, version, at, at, True))
    for key in (*RAW.values(), OTHER):
        made.effects.append(Effect("make", "raw", key.split("/")[1], key, at, at, True))
    return made


def processing(dataset: str, key: str) -> dict[str, Any]:
    return {"dataset": dataset, "source": {"key": key}, "task": "classification", "target": "y"}


def _deleted_rows(world: World) -> str:
    body = {**processing("shop", ""), "source": {"rows": ROWS}}
    sent = world.call(None, "data_processing", "POST", "/data_processing", body)
    assert sent is not None
    world.deliver(None)
    key: str = sent.body["request"]["source"]["key"]
    resource = "/data_processing/uploads"
    deleted = world.call(None, "data_processing", "DELETE", resource, query={"key": key})
    assert deleted is not None
    assert deleted.status == 200, deleted.body
    return key


def training(model: str, version: str, promote: str = "if_better") -> dict[str, Any]:
    return {
        "model": model,
        "dataset": model,
        "dataset_version": version,
        "candidates": ["decision_tree"],
        "promote": promote,
    }


def predicted(world: World, model: str, version: str) -> Any:
    answer = inferred(world, {"model": model, "version": version})
    assert answer.status == 200, answer.body
    return answer.body["predictions"]


def inferred(world: World, which: dict[str, str]) -> Answer:
    """What a new environment answers, which follows from the model's objects alone."""
    prefix = f"models/{which['model']}/"
    state = tuple(
        (key, found.body)
        for key, found in sorted(world.s3.objects.items())
        if key.startswith(prefix)
    )
    known = tuple(which.items()), state
    if known not in _ANSWERS:
        if len(_ANSWERS) == _REMEMBERED:
            _ANSWERS.clear()
        body = {**which, "instances": INSTANCES}
        _ANSWERS[known] = world.ask("inference", "POST", "/inference", body)
    return _ANSWERS[known]


_REMEMBERED = 1000
_ANSWERS: dict[Any, Answer] = {}


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _job(world: World, function: str, body: dict[str, Any]) -> dict[str, Any]:
    started = world.call(None, function, "POST", f"/{function}", body)
    assert started is not None
    assert started.status == 202, started.body
    world.deliver(None)
    path = f"/{function}/{{job_id}}"
    ended = world.call(None, function, "GET", path, parameters={"job_id": started.body["job_id"]})
    assert ended is not None
    assert ended.body["status"] == "SUCCEEDED", ended.body
    result: dict[str, Any] = ended.body["result"]
    return result
