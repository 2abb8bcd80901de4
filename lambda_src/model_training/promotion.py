"""Promotion: moving an alias to a version, after training or by hand."""

import math
from dataclasses import dataclass, replace
from typing import Any

import tasks
from common.datasets import DatasetManifest
from common.jobs import PROMOTING, Lease
from common.problems import Conflict, Corrupted, NotFound, Problem
from common.registry import Alias, ModelManifest, Move, Registry, moved
from common.registry_writer import AliasState, RegistryWriter
from common.store import PreconditionFailed, Store
from model_training.gates import EQUAL, TestScore, is_unlabelled, obstacles
from model_training.requests import AliasPath, AliasRequest, Promotion

_TRIES = 20
"""How often the decision is repeated because the alias has moved meanwhile."""


@dataclass(frozen=True)
class Decision:
    """Whether an alias has moved to a new version, and why.

    score, live_score and baseline are values of metric; greater is better. live_score is None
    unless two versions were compared.
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
        """The decision as a field of the job's result."""
        fields = ("alias", "reason", "live_version", "metric", "score", "live_score", "baseline")
        return {name: value for name in fields if (value := getattr(self, name)) is not None}


@dataclass(frozen=True)
class TestRows:
    """The data that a new version is evaluated on: a dataset's manifest, and its files."""

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

    "if_better" requires that the version has no obstacle (see gates) and is not worse than the
    live one on the new version's test rows. If the alias moves meanwhile, it decides again. It
    leaves an alias that is damaged; "always" replaces that. If an earlier attempt of the job has
    moved the alias, that move is final. tested is None for a model without test rows.

    Raises Conflict when the alias keeps moving, NotFound or Conflict when the version is deleted
    meanwhile, Corrupted when a file of it is damaged meanwhile, and LeaseLost.
    """
    lease(PROMOTING, 95, f"Version {manifest.version!r} is published; deciding on alias {alias!r}.")
    if mode == "never":
        return Decision(False, alias, "The request says never.")
    lease.confirm()  # if this run is killed from here on, its job reports what is published
    registry, by = RegistryWriter(store), f"model_training job {lease.job.job_id}"
    for _ in range(_TRIES):
        state = registry.alias_state(manifest.model, alias)
        if state.damage and mode != "always":
            return Decision(False, alias, f"It cannot be compared: {state.damage}")
        live = None if state.damage else state.version
        is_retry = len(lease.job.attempts) > 1
        made = _earlier_move(registry, state, manifest.version, by) if is_retry else None
        if made is not None:
            if state.alias is not None and state.version == manifest.version:
                registry.confirm_move(state.alias, made)
            return Decision(True, alias, made.reason)
        if mode == "always":
            decision = Decision(True, alias, "The request says always.", live)
        else:
            try:
                decision = _decide(store, manifest, tested, alias, live)
            except NotFound:  # if the version was deleted, this raises Conflict, which says more
                registry.published(manifest.model, manifest.version, lease.job.deletions)
                raise
        if not decision.promoted:
            if registry.alias_state(manifest.model, alias).etag == state.etag:
                return decision
            continue  # the version that it was compared with is no longer live
        if live == manifest.version:
            return decision
        lease.confirm()
        try:
            registry.move(
                manifest.model, alias, moved(manifest.version, by, decision.reason), state
            )
        except PreconditionFailed:
            continue
        except Conflict as problem:
            return replace(decision, promoted=False, reason=problem.detail)
        return decision
    raise Conflict(
        f"Alias {alias!r} of model {manifest.model!r} kept moving. Version {manifest.version!r} is "
        f"published: PUT /models/{manifest.model}/aliases/{alias} can point at it."
    )


def not_tested(alias: str, problem: Problem) -> Decision:
    """The decision on a published version whose test rows are gone or damaged."""
    advice = "Move the alias by hand if it is to be used."
    return Decision(False, alias, f"It was not tested: {_sentence(problem)}. {advice}")


def point(registry: RegistryWriter, at: AliasPath, request: AliasRequest, by: str) -> Alias:
    """Moves an alias by hand, and returns it. by is the caller, who is recorded.

    Raises NotFound for an unknown version, Corrupted for a damaged one, and Conflict where the
    alias is not at the expected version.
    """
    move = moved(request.version, by, request.reason)
    return registry.point(at.model, at.alias, move, request.expected_version)


def _earlier_move(registry: Registry, state: AliasState, version: str, by: str) -> Move | None:
    """The move that an earlier attempt of the job has made, even if the alias moved on since."""
    if state.alias is None or state.damage:
        return None
    moves = registry.moves(state.alias)
    return next((move for move in moves if (move.version, move.by) == (version, by)), None)


def _decide(
    store: Store,
    manifest: ModelManifest,
    tested: TestRows | None,
    alias: str,
    live: str | None,
) -> Decision:
    """The decision of "if_better". Raises NotFound and Corrupted for the new version."""
    if live == manifest.version:
        return Decision(True, alias, "It is at this version already.", live)
    if tested is None:
        if live is None:
            reason = "The alias pointed at no version; this one has no test rows here."
            return Decision(True, alias, reason)
        why = "a model that was trained elsewhere has no test rows here"
        return Decision(False, alias, _not_compared(live, why), live)
    score = TestScore.of(manifest, tested.data.rows["test"])
    unlabelled = is_unlabelled(manifest, tested.dataset)
    result = "The dataset has no labels to measure it by" if unlabelled else str(score)
    if reasons := list(obstacles(manifest, tested.dataset, score)):
        path = f"/models/{manifest.model}/aliases/{alias}"
        reason = (
            f"It stays out: {'; '.join(reasons)}. {result}. PUT {path} with this version, or train "
            'with "promote": "always", if it is to be used all the same.'
        )
        return _with_score(Decision(False, alias, reason, live), score)
    if live is None:
        reason = f"The alias pointed at no version. {result}."
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
    """Evaluates both versions on the same test rows.

    Raises NotFound and Corrupted for the new version.
    """
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
    """The live version's score, by the metric of the new one. Raises tasks.Incomparable."""
    try:
        registry = Registry(store)
        live = registry.version(manifest.model, version)
        _check_same_problem(live, manifest)
        _check_base(registry, live, manifest)
        return _score(store, live, data, manifest.metric)
    except (NotFound, Corrupted) as problem:
        raise tasks.Incomparable(_sentence(problem)) from None


def _check_same_problem(live: ModelManifest, manifest: ModelManifest) -> None:
    """Raises tasks.Incomparable unless both versions have the same task, target and labels."""
    for name in ("task", "target", "labels"):
        was, is_now = getattr(live, name), getattr(manifest, name)
        if was != is_now:
            raise tasks.Incomparable(f"its {name} is {was!r}, and the new version's is {is_now!r}")


def _check_base(registry: Registry, live: ModelManifest, manifest: ModelManifest) -> None:
    """Raises tasks.Incomparable where the new version would undo what the live one has learned.

    A version that extends another one adds labels, or forgets some. If either version extends one,
    the new version must extend the live one, directly or through versions in between. Raises
    NotFound and Corrupted where a version in between cannot be read.
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
    """The version that this one extends, or None."""
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
    """The first sentence of a problem, which is without its advice."""
    return problem.detail.partition(". ")[0].rstrip(".")
