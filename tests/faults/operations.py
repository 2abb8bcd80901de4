"""What callers ask for, sent through the public door, and how each request ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.faults.scene import (
    RAW,
    ROWS,
    Effect,
    Moved,
    Scene,
    Thing,
    inferred,
    is_clear,
    processing,
    training,
)
from tests.faults.world import Answer, Sender

type End = Literal["done", "failed"]

_LONG = 7 * 3600.0
"""Longer than Lambda keeps an event: then a job has come to its end, or it never will."""

_POLLS = 3


@dataclass(frozen=True)
class Operation:
    """A kind of request; needs are the things without which it may be refused."""

    name: str
    run: Callable[[Scene, Sender, "Attempt"], End]
    needs: Callable[[Scene], list[Thing]] = lambda scene: []


@dataclass
class Attempt:
    """One time that a request is sent, and all that becomes of it."""

    scene: Scene
    detail: str = ""
    status: int = 0
    """Of what has failed; 0 while nothing has answered."""

    key: str = ""
    """The Idempotency-Key, of which a request that is sent again has the same one."""

    results: list[dict[str, Any]] = field(default_factory=list)

    def refused(self, answer: Answer | None) -> End:
        """The end of a request that has no answer of success."""
        if answer is None:
            self.detail = "no answer"
            return "failed"
        self.detail, self.status = str(answer.body.get("detail")), answer.status
        if fault := is_clear(answer.body):
            self.scene.wrong(f"status {answer.status} {fault}: {answer.body}")
        return "failed"


def _job(function: str, body: Mapping[str, Any], settle: Callable[..., None]) -> Any:
    """An operation that makes a job; settle notes what it has promised."""

    def run(scene: Scene, sender: Sender, attempt: Attempt) -> End:
        world = scene.world
        # A key from before gives the job from before.
        began = scene.keys.setdefault(attempt.key, scene.tick())
        headers = {"Idempotency-Key": attempt.key}

        def post(by: Sender | None) -> Answer | None:
            return world.call(by, function, "POST", f"/{function}", dict(body), headers)

        sender.again = lambda: post(None)
        answer = post(sender)
        job: dict[str, Any] = {}
        if answer is not None and answer.status == 202:
            job = answer.body
            scene.queued(job["job_id"])
        world.deliver(sender)
        world.deliver(None)
        if not job:
            settle(scene, began, scene.tick(), None, attempt)
            return attempt.refused(answer)
        job = _ended(scene, function, job["job_id"])
        settle(scene, began, scene.tick(), job, attempt)
        if job.get("status") == "SUCCEEDED":
            return "done"
        attempt.key += "+"  # what has failed is the end of its key
        return attempt.refused(Answer(job["error"]["status"], job["error"]))

    return run


def _ended(scene: Scene, function: str, job_id: str) -> dict[str, Any]:
    """The job at its end, as its caller sees it."""
    path = f"/{function}/{{job_id}}"
    for _ in range(_POLLS):
        answer = scene.world.call(None, function, "GET", path, parameters={"job_id": job_id})
        assert answer is not None
        if answer.status != 200:  # what becomes of it, nobody can tell any more
            return {"status": "UNREADABLE", "error": {**answer.body, "status": answer.status}}
        if answer.body["status"] in ("SUCCEEDED", "FAILED"):
            found: dict[str, Any] = answer.body
            return found
        scene.world.clock.now += _LONG
    scene.wrong(f"job {job_id} never ends")
    return {"status": "NEVER", "error": {"status": 0, "title": "Never", "detail": "It never ends"}}


def _settle_processing(
    scene: Scene, began: int, ended: int, job: dict[str, Any] | None, attempt: Attempt
) -> None:
    is_done = job is not None and job["status"] == "SUCCEEDED"
    version = job["result"]["version"] if is_done and job else None
    scene.effects.append(Effect("make", "dataset", "shop", version, began, ended, is_done))
    if is_done and job:
        attempt.results.append(job["result"])


def _settle_training(
    scene: Scene, began: int, ended: int, job: dict[str, Any] | None, attempt: Attempt
) -> None:
    is_done = job is not None and job["status"] == "SUCCEEDED"
    version = job["result"]["version"] if is_done and job else None
    scene.effects.append(Effect("make", "model", "shop", version, began, ended, is_done))
    mark = f"model_training job {job['job_id']}" if job and "job_id" in job else "model_training"
    promoted = bool(is_done and job and job["result"]["promoted"])
    scene.moves.append(Moved("shop", mark, began, ended, promoted))
    if is_done and job:
        attempt.results.append(job["result"])


def _promote(scene: Scene, sender: Sender, attempt: Attempt) -> End:
    version, began = scene.before.models["v2"], scene.tick()
    answers: list[tuple[str, Answer | None]] = []

    def put(by: Sender | None, reason: str) -> Answer | None:
        answer = scene.world.call(
            by,
            "model_training",
            "PUT",
            "/models/{model}/aliases/{alias}",
            {"version": version, "reason": reason},
            parameters={"model": "shop", "alias": "live"},
        )
        answers.append((reason, answer))
        return answer

    reason = f"promotion {began}"
    sender.again = lambda: put(None, reason + " again")
    answer = put(sender, reason)
    for reason, one in answers:
        is_done = one is not None and one.status == 200
        made = is_done and one is not None and _has_move(one.body, reason)
        if is_done and one is not None and one.body["version"] != version and not made:
            scene.wrong(f"200 for a move that was not made: {one.body}")
        is_refused = one is not None and 400 <= one.status < 500
        scene.moves.append(Moved("shop", reason, began, scene.tick(), made, is_refused))
    if answer is not None and answer.status == 200:
        return "done"
    return attempt.refused(answer)


def _has_move(alias: dict[str, Any], reason: str) -> bool:
    return any(move["reason"] == reason for move in alias["history"])


def _delete(
    function: str,
    resource: str,
    kind: Literal["dataset", "model", "raw"],
    which: Callable[[Scene], str | None],
    query: Callable[[Scene], dict[str, str]] = lambda scene: {},
) -> Any:
    def run(scene: Scene, sender: Sender, attempt: Attempt) -> End:
        version, began = which(scene), scene.tick()
        parameters: dict[str, str] = {} if kind == "raw" else {kind: "shop"}
        if version is not None and kind != "raw":
            parameters["version"] = version

        def delete(by: Sender | None) -> Answer | None:
            return scene.world.call(
                by, function, "DELETE", resource, query=query(scene), parameters=parameters
            )

        sender.again = lambda: delete(None)
        answer = delete(sender)
        is_done = answer is not None and answer.status == 200
        # A client that sends again is answered as well; either may have deleted it.
        scene.effects.append(Effect("delete", kind, "shop", version, began, scene.tick(), is_done))
        return "done" if is_done else attempt.refused(answer)

    return run


def _delete_raw(which: Callable[[Scene], str]) -> Any:
    resource = "/data_processing/uploads"
    return _delete("data_processing", resource, "raw", which, lambda scene: {"key": which(scene)})


def _process_rows(scene: Scene, sender: Sender, attempt: Attempt) -> End:
    """Rows that were deleted before are sent, and deleted once their job has come to its end."""
    body, key = {**processing("shop", ""), "source": {"rows": ROWS}}, scene.before.rows
    began = scene.tick()
    made: End = _job("data_processing", body, _settle_processing)(scene, sender, attempt)
    scene.effects.append(Effect("make", "raw", "shop", key, began, scene.tick(), False))
    deleted: End = _delete_raw(lambda scene: key)(scene, sender, attempt)
    attempt.key += "+"  # a key from before gives the job from before, whose rows are gone
    return "done" if made == deleted == "done" else "failed"


def _predict(scene: Scene, sender: Sender, attempt: Attempt) -> End:
    body = {"model": "shop", "instances": [{"x": 5}, {"x": 95}]}
    answer = scene.world.call(sender, "inference", "POST", "/inference", body)
    if answer is None or answer.status != 200:
        return attempt.refused(answer)
    expected = inferred(scene.world, {"model": "shop", "version": answer.body["version"]})
    if expected.status == 200 and answer.body["predictions"] != expected.body["predictions"]:
        scene.wrong(f"predictions of something else: {answer.body}")
    return "done"


def _list(scene: Scene, sender: Sender, attempt: Attempt) -> End:
    """What readers look through: lists, versions and manifests."""
    asked: Sequence[tuple[str, str, dict[str, str]]] = (
        ("inference", "/models", {}),
        ("inference", "/models/{model}", {"model": "other"}),
        ("data_processing", "/datasets", {}),
        ("data_processing", "/datasets/{dataset}", {"dataset": "other"}),
    )
    for function, resource, parameters in asked:
        is_alone = scene.world.lanes.is_alone
        answer = scene.world.call(sender, function, "GET", resource, parameters=parameters)
        if answer is None or answer.status != 200:
            return attempt.refused(answer)
        direct = scene.world.look(function, resource, **parameters)
        if is_alone and _undated(answer.body) != _undated(direct.body):
            scene.wrong(f"GET {resource} does not answer what is there: {answer.body}")
    return "done"


def _undated(body: dict[str, Any]) -> dict[str, Any]:
    """Without times, of which each function has a form of its own."""
    dated = body.get("versions", [])
    return {**body, "versions": [one["version"] for one in dated]}


def _version(name: str) -> Callable[[Scene], str]:
    return lambda scene: scene.before.models[name]


def _dataset(scene: Scene) -> str:
    return scene.before.datasets["d2"]


def _train(scene: Scene, sender: Sender, attempt: Attempt) -> End:
    body = training("shop", scene.before.datasets["d1"])
    end: End = _job("model_training", body, _settle_training)(scene, sender, attempt)
    return end


OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            "processing",
            _job("data_processing", processing("shop", RAW["c"]), _settle_processing),
            lambda scene: [("raw", "shop", RAW["c"])],
        ),
        Operation(
            "processing again",
            _job("data_processing", processing("shop", RAW["a"]), _settle_processing),
            lambda scene: [("raw", "shop", RAW["a"])],
        ),
        Operation(
            "training",
            _train,
            lambda scene: [("dataset", "shop", scene.before.datasets["d1"])],
        ),
        Operation(
            "promotion",
            _promote,
            lambda scene: [("model", "shop", scene.before.models["v2"])],
        ),
        Operation(
            "deletion of a version",
            _delete(
                "model_training",
                "/models/{model}/versions/{version}",
                "model",
                _version("v1"),
                lambda scene: {"force": "true"},
            ),
            lambda scene: [("model", "shop", scene.before.models["v1"])],
        ),
        Operation(
            "deletion of a model",
            _delete(
                "model_training",
                "/models/{model}",
                "model",
                lambda scene: None,
                lambda scene: {"force": "true"},
            ),
        ),
        Operation(
            "deletion of a dataset's version",
            _delete(
                "model_training", "/datasets/{dataset}/versions/{version}", "dataset", _dataset
            ),
            lambda scene: [("dataset", "shop", _dataset(scene))],
        ),
        Operation(
            "deletion of a dataset",
            _delete("model_training", "/datasets/{dataset}", "dataset", lambda scene: None),
        ),
        Operation("deletion of raw data", _delete_raw(lambda scene: RAW["b"])),
        Operation("processing of rows", _process_rows),
        Operation(
            "prediction",
            _predict,
            lambda scene: [("model", "shop", scene.before.models["v1"])],
        ),
        Operation("lists", _list),
    )
}
"""In the order in which tables show them."""
