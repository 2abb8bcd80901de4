"""Which version an alias points at: decided after training, or by hand."""

import math
from dataclasses import dataclass, replace
from typing import Any

import tasks
from common.datasets import DatasetManifest
from common.jobs import PROMOTING, Lease
from common.problems import Conflict, Corrupted, NotFound, Problem
from common.registry import (
    Alias,
    ModelManifest,
    Move,
    Registry,
    RegistryWriter,
    Seen,
    moved,
)
from common.store import PreconditionFailed, Store
from model_training.gates import EQUAL, TestScore, obstacles
from model_training.requests import AliasPath, AliasRequest, Promotion

_TRIES = 20
"""How often a decision is made anew because the alias has moved meanwhile."""


@dataclass(frozen=True)
class Decision:
    """Whether an alias has moved to a new version, and why.

    score, and live_score where two versions were compared, are values of metric, of which greater
    is better; baseline is that of the baseline.
    """

    promoted: bool
    alias: str
    reason: str
    live_version: str | None = None
    metric: str | None = None
    score: float | None = None
    live_score: float | None = None
    baseline: float | None = None

    def record(self) -> dict[str, Any]:
        """The decision as a job's result tells it."""
        fields = ("alias", "reason", "live_version", "metric", "score", "live_score", "baseline")
        return {name: value for name in fields if (value := getattr(self, name)) is not None}


@dataclass(frozen=True)
class TestRows:
    """What a new version is evaluated on: a dataset's manifest, and its files."""

    dataset: DatasetManifest
    data: tasks.TrainingData


def promote(
    store: Store,
    manifest: ModelManifest,
    tested: TestRows | None,
    mode: Promotion,
    alias: str,
    lease: Lease,
) -> Decision:
    """Moves an alias to a new version if mode allows it.

    if_better moves it to a version that has no obstacle (see gates) and is not worse than the live
    one on the new version's test rows, and decides anew whenever the alias moves meanwhile; tested
    is None for a model that has no test rows. always replaces an alias that is damaged, if_better
    leaves it. What an earlier attempt of the lease's job has moved stays where it is now. Raises
    Conflict when the alias never stands still, NotFound or Conflict when the version is deleted
    meanwhile, Corrupted when a file of it is damaged meanwhile, and LeaseLost.
    """
    lease(PROMOTING, 95, f"Version {manifest.version!r} is published; deciding on alias {alias!r}.")
    if mode == "never":
        return Decision(False, alias, "The request says never.")
    lease.confirm()  # should this run be killed from here on, its job says what is published
    registry, by = RegistryWriter(store), f"model_training job {lease.job.job_id}"
    for _ in range(_TRIES):
        seen = registry.seen(manifest.model, alias)
        if seen.damage and mode != "always":
            return Decision(False, alias, f"It cannot be compared: {seen.damage}")
        live = None if seen.damage else seen.version
        is_retry = len(lease.job.attempts) > 1
        made = _made_already(registry, seen, manifest.version, by) if is_retry else None
        if made is not None:
            if seen.alias is not None and seen.version == manifest.version:
                registry.settle(seen.alias, made)
            return Decision(True, alias, made.reason)
        if mode == "always":
            decision = Decision(True, alias, "The request says always.", live)
        else:
            try:
                decision = _decide(store, manifest, tested, alias, live)
            except NotFound:  # Conflict says more, where the version was deleted
                registry.published(manifest.model, manifest.version, lease.job.deletions)
                raise
        if not decision.promoted and registry.seen(manifest.model, alias).etag != seen.etag:
            continue  # what it was compared with is not live any more
        if not decision.promoted or live == manifest.version:
            return decision
        lease.confirm()
        try:
            registry.move(manifest.model, alias, moved(manifest.version, by, decision.reason), seen)
        except PreconditionFailed:
            continue
        except Conflict as problem:
            return replace(decision, promoted=False, reason=problem.detail)
        return decision
    raise Conflict(
        f"Alias {alias!r} of model {manifest.model!r} kept moving. Version {manifest.version!r} is "
        f"published: PUT /models/{manifest.model}/aliases/{alias} can point at it."
    )


def untested(alias: str, problem: Problem) -> Decision:
    """The decision on a version that was published, and whose test rows are there no more."""
    advice = "Move the alias by hand if it is to be used."
    return Decision(False, alias, f"It was not tested: {_sentence(problem)}. {advice}")


def point(registry: RegistryWriter, at: AliasPath, request: AliasRequest, by: str) -> Alias:
    """Moves an alias by hand. Raises NotFound for an unknown version, and Conflict."""
    move = moved(request.version, by, request.reason)
    return registry.point(at.model, at.alias, move, request.expected_version)


def _made_already(registry: Registry, seen: Seen, version: str, by: str) -> Move | None:
    """The move that an earlier attempt of a job has made, whatever has become of it since."""
    if seen.alias is None or seen.damage:
        return None
    moves = registry.moves(seen.alias)
    return next((move for move in moves if (move.version, move.by) == (version, by)), None)


def _decide(
    store: Store,
    manifest: ModelManifest,
    tested: TestRows | None,
    alias: str,
    live: str | None,
) -> Decision:
    if live == manifest.version:
        return Decision(True, alias, "It is at this version already.", live)
    if tested is None:
        if live is None:
            reason = "The alias pointed at no version; this one has no test rows here."
            return Decision(True, alias, reason)
        why = "a model that was trained elsewhere has no test rows here"
        return Decision(False, alias, _not_compared(live, why), live)
    score = TestScore.of(manifest, tested.data.rows["test"])
    if found := list(obstacles(manifest, tested.dataset, score)):
        path = f"/models/{manifest.model}/aliases/{alias}"
        reason = (
            f"It stays out: {'; '.join(found)}. {score}. PUT {path} with this version, or train "
            'with "promote": "always", if it is to be used all the same.'
        )
        return _with_score(Decision(False, alias, reason, live), score)
    if live is None:
        reason = f"The alias pointed at no version. {score}."
        return _with_score(Decision(True, alias, reason), score)
    return _compare(store, manifest, tested.data, alias, live, score)


def _with_score(decision: Decision, score: TestScore) -> Decision:
    if score.score is None:
        return decision
    baseline = None if score.baseline is None else score.sign * score.baseline
    return replace(decision, metric=score.metric, score=score.sign * score.score, baseline=baseline)


def _not_compared(live: str, why: object) -> str:
    advice = 'Train with "promote": "always", or move the alias by hand.'
    return f"Not compared with version {live!r}: {why}. {advice}"


def _compare(
    store: Store,
    manifest: ModelManifest,
    data: tasks.TrainingData,
    alias: str,
    live: str,
    tested: TestScore,
) -> Decision:
    """Both versions on the same test rows. Raises NotFound and Corrupted for the new one."""
    try:
        live_score = _live_score(store, manifest, live, data)
        score = _score(store, manifest, data, manifest.metric)
    except tasks.Incomparable as why:
        return _with_score(Decision(False, alias, _not_compared(live, why), live), tested)
    better = score >= live_score - EQUAL
    verb = "is not worse" if better else "is worse"
    reason = (
        f"It {verb} than version {live!r} on the same test rows: {manifest.metric} "
        f"{score:.4f}, live {live_score:.4f}. {tested}."
    )
    decision = Decision(better, alias, reason, live, live_score=live_score)
    return replace(_with_score(decision, tested), score=score)


def _live_score(
    store: Store, manifest: ModelManifest, version: str, data: tasks.TrainingData
) -> float:
    """The live version's score by the new one's metric. Raises tasks.Incomparable."""
    try:
        registry = Registry(store)
        live = registry.version(manifest.model, version)
        _check_question(live, manifest)
        _check_base(registry, live, manifest)
        return _score(store, live, data, manifest.metric)
    except (NotFound, Corrupted) as problem:
        raise tasks.Incomparable(_sentence(problem)) from None


def _check_question(live: ModelManifest, manifest: ModelManifest) -> None:
    """Raises tasks.Incomparable unless both versions answer the same question."""
    for name in ("task", "target", "labels"):
        was, is_now = getattr(live, name), getattr(manifest, name)
        if was != is_now:
            raise tasks.Incomparable(f"its {name} is {was!r}, and the new version's is {is_now!r}")


def _check_base(registry: Registry, live: ModelManifest, manifest: ModelManifest) -> None:
    """Raises tasks.Incomparable for a version that does not come from a live one of which it
    would undo what it has added or forgotten.

    Either of both may extend others than the other one. Raises NotFound and Corrupted where a
    version between the two cannot be read.
    """
    base = extended = _extends(manifest)
    if extended is None and (live_base := _extends(live)) is not None:
        raise tasks.Incomparable(
            f"it extends {live_base!r}, and the new version, which extends none, would undo what "
            "it has added or forgotten. To keep that, train with this one to be extended"
        )
    while base is not None and base != live.version:
        base = _extends(registry.version(manifest.model, base))
    if base is None and extended is not None:
        raise tasks.Incomparable(
            f"the new version extends {extended!r}, and would undo what this one has added or "
            "forgotten. To keep it, train again with this one to be extended"
        )


def _extends(manifest: ModelManifest) -> str | None:
    """The version that a version adds to, if it does."""
    version: str | None = manifest.details.get("extends", {}).get("version")
    return version


def _score(store: Store, manifest: ModelManifest, data: tasks.TrainingData, metric: str) -> float:
    try:
        files = Registry(store).files(manifest.model, manifest.version, manifest.files)
        score = tasks.training(manifest.task).score(manifest, files, data, metric)
    except tasks.InvalidInstances as error:
        first = error.errors[0]
        raise tasks.Incomparable(
            f"its inputs do not fit the new dataset ({first.pointer}: {first.detail})"
        ) from None
    if math.isnan(score):
        raise tasks.Incomparable(f"the test rows do not define {metric}")
    return score


def _sentence(problem: Problem) -> str:
    """What is wrong, without the advice."""
    return problem.detail.partition(". ")[0].rstrip(".")
