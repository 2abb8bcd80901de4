"""What must be true of a scene once its faults are over, as its callers see it."""

from typing import Any

import msgspec

from common.datasets import DatasetManifest, latest_key
from common.registry import alias_key, manifest_key
from common.tombstones import tombstone
from data_processing.reuse import files_of
from tests.faults.scene import OTHER, RAW, Scene, Thing, inferred, is_clear, sha256
from tests.faults.world import Answer

_MODELS = ("shop", "other")
_DATASETS = ("shop", "other")


def check(scene: Scene) -> None:
    """Complains of what is lost, of what is there and should not be, and of wrong answers."""
    asked = len(scene.effects) + len(scene.moves) - len(scene.damaged)
    state = dict(scene.world.s3.objects), asked
    if state == scene.checked:
        return
    scene.checked = state
    for model in _MODELS:
        _check_model(scene, model)
    for dataset in _DATASETS:
        _check_dataset(scene, dataset)
    for key in (*RAW.values(), OTHER, scene.before.rows):
        _check_raw(scene, key)
    _check_lists(scene)
    _check_checksums(scene)


def _check_checksums(scene: Scene) -> None:
    """What functions store as JSON tells when it is altered, whichever kind it is."""
    for key, found in scene.world.s3.objects.items():
        is_json = key.endswith((".json", ".key")) and not key.startswith("raw/")
        is_whole = is_json and key not in scene.altered and tombstone(found.body) is None
        if is_whole and b'"checksum":"' not in found.body[-130:]:
            scene.wrong(f"{key} has no checksum")


def _found(scene: Scene, answer: Answer, what: str) -> bool:
    """Whether something is there; complains of an answer that does not say so plainly."""
    if answer.status == 200:
        return True
    if fault := is_clear(answer.body):
        scene.wrong(f"{what}: status {answer.status} {fault}: {answer.body}")
    elif answer.status != 404:
        scene.lost(f"{what} cannot be read: {answer.body['detail']}")
    return False


def _check_lists(scene: Scene) -> None:
    models = scene.world.look("inference", "/models")
    datasets = scene.world.look("data_processing", "/datasets")
    # What counts deletions is written anew with the next version; until then, lists name it.
    counts = {key for key in scene.altered if key.endswith(("/dataset.json", "/model.json"))}
    # A pointer at a version whose manifest is lost is named, too.
    hurt = {key.split("/")[1] for key in scene.altered if key.startswith("datasets/")}
    counts |= {latest_key(dataset) for dataset in hurt}
    for what, answer in (("GET /models", models), ("GET /datasets", datasets)):
        if answer.status != 200:
            scene.wrong(f"{what}: {answer.body}")
        elif damaged := set(answer.body.get("damaged", ())) - scene.damaged - counts:
            scene.lost(f"{what} names as damaged {sorted(damaged)}")
    if models.status == 200 and "other" not in {one["model"] for one in models.body["models"]}:
        scene.lost("GET /models does not list the model 'other'")


def _check_model(scene: Scene, model: str) -> None:
    answer = scene.world.look("inference", "/models/{model}", model=model)
    is_there = _found(scene, answer, f"model {model}")
    listed = {one["version"] for one in answer.body["versions"]} if is_there else set()
    for name, version in sorted(scene.things("model")):
        if name != model:
            continue
        is_readable = manifest_key(model, version) not in scene.damaged
        if is_readable and version not in listed and scene.exists(("model", model, version)):
            scene.lost(f"version {version} of model {model} is not listed")
        if scene.is_gone(("model", model, version)):
            _check_gone(scene, model, version, listed)
    known = {version for name, version in scene.things("model") if name == model}
    unsettled = [e for e in scene.effects if (e.kind, e.name, e.version) == ("model", model, None)]
    makings = sum(effect.action == "make" for effect in unsettled)
    if len(listed - known) > makings:
        scene.wrong(f"versions of model {model} that nobody has made: {sorted(listed - known)}")
    for version in sorted(listed):
        _check_version(scene, model, version)
    if is_there:
        _check_aliases(scene, model, answer.body["aliases"], listed)


def _check_gone(scene: Scene, model: str, version: str, listed: set[str]) -> None:
    path = "/models/{model}/versions/{version}"
    shown = scene.world.look("inference", path, model=model, version=version)
    asked = inferred(scene.world, {"model": model, "version": version})
    if version in listed or shown.status != 404 or asked.status != 404:
        scene.wrong(f"version {version} of model {model} was deleted and is there: {shown.body}")


def _check_version(scene: Scene, model: str, version: str) -> None:
    path, what = "/models/{model}/versions/{version}", f"version {version} of model {model}"
    if manifest_key(model, version) in scene.damaged:
        return
    shown = scene.world.look("inference", path, model=model, version=version)
    if not _found(scene, shown, what):
        if shown.status == 404:
            scene.wrong(f"{what} is listed and not there")
        return
    is_damaged = False
    for name, file in shown.body["files"].items():
        if file["key"] in scene.damaged:
            is_damaged = True
        elif not _is_whole(scene, file["key"], file["sha256"]):
            scene.lost(f"{name} of {what} is not what its manifest says")
    asked = inferred(scene.world, {"model": model, "version": version})
    expected = scene.before.predictions.get(shown.body["dataset"]["version"])
    if asked.status == 200:
        if asked.body["predictions"] != expected:
            scene.wrong(f"{what} predicts {asked.body['predictions']}")
    elif not is_damaged:
        scene.lost(f"{what} does not predict: {asked.body['detail']}")
    elif fault := is_clear(asked.body):
        scene.wrong(f"{what} is damaged, and its prediction {fault}: {asked.body}")


def _is_whole(scene: Scene, key: str, digest: str) -> bool:
    found = scene.world.s3.objects.get(key)
    return found is not None and sha256(found.body) == digest


def _check_aliases(scene: Scene, model: str, aliases: dict[str, Any], versions: set[str]) -> None:
    if alias_key(model, "live") in scene.damaged:
        return
    live = aliases.get("live")
    if live is None:
        if all(effect.name != model for effect in scene.effects if effect.action == "delete"):
            scene.lost(f"alias live of model {model} is gone")
        return
    history = live["history"]
    if not any(
        e.action == "delete" and (e.name, e.version) == (model, None) for e in scene.effects
    ):
        first = scene.before.models["other" if model == "other" else "v1"]
        if alias_key(model, "live") in scene.altered:
            return  # whatever could be read of it is kept
        if history[0]["version"] != first:
            scene.lost(f"the history of alias live of model {model} begins with {history[0]}")
        _check_moves(scene, model, history)
    if live["version"] != history[-1]["version"]:
        scene.wrong(f"alias live of model {model} is at {live['version']}, its history {history}")
    asked = [inferred(scene.world, {"model": model})]
    if model == "shop" and scene.warm is not None:
        asked.append(_asked_warm(scene))
    for answer in asked:
        _check_live(scene, model, live["version"], versions, answer)


def _asked_warm(scene: Scene) -> Answer:
    """The answer of an environment that has answered before everything."""
    import json

    from tests.faults.scene import INSTANCES
    from tests.faults.world import Context, _handler, _proxy_event

    assert scene.warm is not None
    body = {"model": "shop", "instances": INSTANCES}
    event = _proxy_event("POST", "/inference", body, None, None, {})
    with scene.world.inside(scene.warm):
        answer = _handler("inference")(event, Context("inference"))
    return Answer(answer["statusCode"], json.loads(answer["body"]))


def _check_live(
    scene: Scene, model: str, version: str | None, versions: set[str], answer: Answer
) -> None:
    if version is None or version not in versions:
        if answer.status == 200:
            scene.wrong(f"model {model} answers from {answer.body['version']}, live is {version}")
        elif fault := is_clear(answer.body):
            scene.wrong(f"model {model} {fault}: {answer.body}")
        elif version is not None and not (
            _is_half_deleted(scene, model, version) or _is_damaged(scene, model, version)
        ):
            scene.lost(f"live of model {model} is at {version}, which is not there")
        return
    if answer.status == 200:
        if answer.body["version"] != version:
            scene.wrong(f"model {model} answers from {answer.body['version']}, live is {version}")
    elif _is_damaged(scene, model, version):
        if fault := is_clear(answer.body):
            scene.wrong(f"model {model} {fault}: {answer.body}")
    else:
        scene.lost(f"model {model} does not answer: {answer.body}")


def _is_half_deleted(scene: Scene, model: str, version: str) -> bool:
    """Whether somebody has asked for its deletion, and no deletion was answered with success."""
    thing: Thing = ("model", model, version)
    deletions = [e for e in scene.effects if e.action == "delete" and e.is_of(thing)]
    return bool(deletions) and not scene.is_gone(thing)


def _is_damaged(scene: Scene, model: str, version: str) -> bool:
    return any(f"models/{model}/versions/{version}/" in key for key in scene.damaged)


def _check_moves(scene: Scene, model: str, history: list[dict[str, Any]]) -> None:
    marks = [move["reason"] for move in history], [move["by"] for move in history]
    for move in scene.moves:
        if move.model != model or move.mark == "model_training":
            continue
        count = sum(move.mark in one for one in marks)
        times = max(one.count(move.mark) for one in marks)
        if move.is_certain and not count:
            scene.lost(f"the move {move.mark!r} is not in the history of model {model}")
        if times > 1:
            scene.wrong(f"the move {move.mark!r} is {times} times in the history of model {model}")
        if move.is_refused and move.mark in marks[0]:
            scene.wrong(f"the move {move.mark!r} was refused and is in the history of {model}")


def _check_dataset(scene: Scene, dataset: str) -> None:
    answer = scene.world.look("data_processing", "/datasets/{dataset}", dataset=dataset)
    is_there = _found(scene, answer, f"dataset {dataset}")
    listed = {one["version"] for one in answer.body["versions"]} if is_there else set()
    path = "/datasets/{dataset}/versions/{version}"
    for name, version in sorted(scene.things("dataset")):
        if name != dataset:
            continue
        is_readable = f"datasets/{dataset}/{version}/manifest.json" not in scene.damaged
        if is_readable and version not in listed and scene.exists(("dataset", dataset, version)):
            scene.lost(f"version {version} of dataset {dataset} is not listed")
        if scene.is_gone(("dataset", dataset, version)):
            shown = scene.world.look("data_processing", path, dataset=dataset, version=version)
            if version in listed or shown.status != 404:
                scene.wrong(f"version {version} of dataset {dataset} was deleted and is there")
    if is_there and answer.body["latest"] not in listed:
        scene.wrong(f"the latest version of dataset {dataset} is {answer.body['latest']}")
    for version in sorted(listed):
        if f"datasets/{dataset}/{version}/manifest.json" in scene.damaged:
            continue
        shown = scene.world.look("data_processing", path, dataset=dataset, version=version)
        if not _found(scene, shown, f"version {version} of dataset {dataset}"):
            if shown.status == 404:
                scene.wrong(f"version {version} of dataset {dataset} is listed and not there")
            continue
        for file in files_of(msgspec.convert(shown.body, DatasetManifest)):
            if file.key not in scene.damaged and not _is_whole(scene, file.key, file.sha256):
                scene.lost(f"{file.key} is not what its manifest says")


def _check_raw(scene: Scene, key: str) -> None:
    if key in scene.damaged:
        return
    found = scene.world.s3.objects.get(key)
    before, name = scene.before.objects[key], key.split("/")[1]
    if scene.exists(("raw", name, key)) and (found is None or found.body != before.body):
        scene.lost(f"{key} is not what was sent")
    is_buried = found is not None and "deleted-at" in found.metadata
    if scene.is_gone(("raw", name, key)) and found is not None and not is_buried:
        scene.wrong(f"{key} was deleted and is there")
