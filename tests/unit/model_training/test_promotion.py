"""Promotion: both versions are evaluated on the same test rows, and no race is lost silently."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import msgspec
import pytest

import tasks
from common.problems import Unavailable
from common.registry import moved
from common.registry_writer import MOST_MOVES, RegistryWriter
from common.store import PreconditionFailed
from common.warnings import Warning
from model_training import gates, promotion, use_case
from model_training.handler import handler
from tests.unit.function import BUCKET, Context
from tests.unit.model_training.function import ModelTraining, request

BLOCKING = Warning(code="odd", detail="Half of it is odd.", blocks_promotion=True)


@pytest.fixture
def shop(function: ModelTraining) -> ModelTraining:
    """A dataset "good", whose tree is right, and one "bad", whose tree has learned much noise."""
    function.dataset("bad", noise=0.9)
    function.dataset("good")
    return function


def train(shop: ModelTraining, dataset_version: str, **options: Any) -> dict[str, Any]:
    return shop.train(dataset_version=dataset_version, **options)


def test_the_first_version_goes_live(shop: ModelTraining) -> None:
    result = train(shop, "bad")
    assert result["promoted"]
    decision = result["promotion"]
    value = result["metrics"]["roc_auc"]["value"]
    assert decision == {
        "alias": "live",
        "reason": f"The alias pointed at no version. roc_auc {value:.4g} on 60 test rows, the "
        "baseline has 0.5.",
        "metric": "roc_auc",
        "score": value,
        "baseline": 0.5,
    }
    assert shop.live() == [result["version"]]


def test_without_labels_only_the_first_version_goes_live_by_itself(function: ModelTraining) -> None:
    function.dataset(task="anomaly_detection", test_rows=60)
    first = function.train(candidates=["ecod"])
    assert first["promoted"]
    assert first["promotion"]["reason"] == (
        "The alias pointed at no version. The dataset has no labels to measure it by."
    )
    later = function.train(candidates=["ecod"])
    assert not later["promoted"]
    assert later["promotion"]["reason"] == (
        f"Not compared with version {first['version']!r}: the dataset has no labels, without which "
        "nothing shows which version is better; process data with a column of labels as "
        'anomaly_label to compare versions by it. Train with "promote": "always", or move the '
        "alias by hand."
    )
    assert function.live() == [first["version"]]


@pytest.mark.parametrize(
    ("dataset", "why"),
    [
        ({"noise": 0.0, "test_rows": 1}, "the test rows do not define roc_auc"),
        ({"noise": 0.0, "test_rows": 1}, "no test row has '"),
        ({"noise": 0.0, "test_rows": 4}, "the test split has only 4 rows, too few to tell"),
        ({"noise": 1.0}, "it is no better than the baseline. roc_auc 0."),
        ({"warnings": [BLOCKING]}, "the dataset's warning odd (Half of it is odd). roc_auc 1 on"),
    ],
)
def test_what_nobody_should_meet_unawares_stays_out(
    function: ModelTraining, dataset: dict[str, Any], why: str
) -> None:
    function.dataset(**dataset)
    result = function.train()
    assert not result["promoted"]
    assert why in result["promotion"]["reason"]
    assert "PUT /models/shop/aliases/live" in result["promotion"]["reason"]
    assert function.live() == []
    assert function.train(promote="always")["promoted"]


@pytest.mark.parametrize(
    ("metric", "score", "worst", "baseline", "rows", "stays"),
    [
        ("roc_auc", 1.0, 0.54, 0.5, 6, False),
        ("roc_auc", 1.0, 0.48, 0.5, 5, True),
        ("roc_auc", 0.9, 0.48, 0.5, 10, False),
        ("neg_log_loss", 0.1, 0.6, 0.7, 6, False),
        ("neg_log_loss", 0.1, 0.8, 0.7, 6, True),
        ("roc_auc", 1.0, None, 0.5, 6, True),
    ],
)
def test_few_rows_are_enough_where_chance_does_not_explain_the_score(
    function: ModelTraining,
    metric: str,
    score: float,
    worst: float | None,
    baseline: float,
    rows: int,
    stays: bool,
) -> None:
    dataset = function.dataset()
    manifest = function.manifest(function.train()["version"])
    tested = gates.TestScore(metric, score, baseline, rows, worst)
    assert bool(list(gates.obstacles(manifest, dataset, tested))) is stays


def test_an_r2_of_nothing_stays_out(function: ModelTraining) -> None:
    dataset = function.dataset()
    manifest = function.manifest(function.train()["version"])
    for r2, stays in ((-0.1, True), (0.0, True), (0.1, False)):
        score = gates.TestScore("r2", r2, -0.5, 50)
        assert bool(list(gates.obstacles(manifest, dataset, score))) is stays


def test_warnings_of_training_are_in_the_manifest_and_can_keep_it_out(
    function: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    function.dataset()
    train = tasks.training("classification").train

    def warned(*arguments: Any) -> Any:
        return msgspec.structs.replace(train(*arguments), warnings=[BLOCKING])

    monkeypatch.setattr(tasks.training("classification"), "train", warned)
    result = function.train()
    assert not result["promoted"]
    assert "the model's warning odd" in result["promotion"]["reason"]
    assert result["warnings"] == [msgspec.to_builtins(BLOCKING)]
    assert function.manifest(result["version"]).warnings == [BLOCKING]


def test_what_is_better_replaces_what_is_live(shop: ModelTraining) -> None:
    bad, good = train(shop, "bad"), train(shop, "good")
    assert good["promoted"]
    assert shop.live() == [bad["version"], good["version"]]
    decision = good["promotion"]
    assert decision["live_version"] == bad["version"]
    assert decision["score"] > decision["live_score"]
    assert decision["score"] == pytest.approx(good["metrics"][decision["metric"]]["value"])


def test_what_is_worse_stays_out_and_says_by_how_much(shop: ModelTraining) -> None:
    good, bad = train(shop, "good"), train(shop, "bad")
    assert not bad["promoted"]
    assert shop.live() == [good["version"]]
    decision = bad["promotion"]
    assert decision["score"] < decision["live_score"]
    assert f"is worse than version {good['version']!r}" in decision["reason"]
    assert set(shop.registry.versions("shop")) == {good["version"], bad["version"]}


def test_the_live_version_is_judged_on_the_new_versions_test_rows(shop: ModelTraining) -> None:
    """Right on the rows of its own, it is wrong where customers have changed their minds."""
    before = train(shop, "good")
    shop.dataset("changed", upside_down=True)
    after = train(shop, "changed")
    assert before["metrics"]["accuracy"]["value"] > 0.95
    assert after["promotion"]["live_score"] < 0.1
    assert shop.live() == [before["version"], after["version"]]


def test_what_is_as_good_goes_live(shop: ModelTraining) -> None:
    first, second = train(shop, "good"), train(shop, "good")
    assert second["promotion"]["score"] == second["promotion"]["live_score"]
    assert shop.live() == [first["version"], second["version"]]


@pytest.mark.parametrize(("mode", "promoted"), [("always", True), ("never", False)])
def test_the_request_may_decide(shop: ModelTraining, mode: str, promoted: bool) -> None:
    good = train(shop, "good")
    bad = train(shop, "bad", promote=mode)
    assert bad["promoted"] is promoted
    assert bad["promotion"]["reason"] == f"The request says {mode}."
    assert shop.live() == [good["version"], *([bad["version"]] if promoted else [])]


def test_never_moves_not_even_the_first(shop: ModelTraining) -> None:
    assert not train(shop, "good", promote="never")["promoted"]
    assert shop.live() == []


@pytest.mark.parametrize(
    ("renamed", "why"),
    [
        ({"buys": "bought"}, "its target is 'buys', and the new version's is 'bought'"),
        ({"price": "cost"}, "its inputs do not fit the new dataset"),
    ],
)
def test_what_answers_another_question_is_not_compared(
    shop: ModelTraining, renamed: dict[str, str], why: str
) -> None:
    good = train(shop, "good")
    shop.dataset("other", renamed=renamed)
    other = train(shop, "other")
    assert not other["promoted"]
    assert why in other["promotion"]["reason"]
    assert 'Train with "promote": "always"' in other["promotion"]["reason"]
    assert shop.live() == [good["version"]]


def test_test_rows_of_one_class_compare_nothing_by_auc(shop: ModelTraining) -> None:
    good = train(shop, "good")
    shop.dataset("short", test_rows=1)
    short = train(shop, "short")
    assert not short["promoted"]
    assert "the test rows do not define roc_auc" in short["promotion"]["reason"]
    assert shop.live() == [good["version"]]


@pytest.mark.parametrize("damage", ["altered", "gone"])
def test_a_damaged_live_version_is_not_compared(shop: ModelTraining, damage: str) -> None:
    first = train(shop, "good")
    key = shop.model_key(first["version"], "model.onnx")
    if damage == "gone":
        shop.s3.delete_object(Bucket=BUCKET, Key=key)
    else:
        shop.s3.put_object(Bucket=BUCKET, Key=key, Body=b"something else")
    second = train(shop, "good")
    assert not second["promoted"]
    assert key in second["promotion"]["reason"]
    assert shop.live() == [first["version"]]


def test_the_pickle_is_never_read(shop: ModelTraining) -> None:
    first = train(shop, "bad")
    shop.s3.delete_object(Bucket=BUCKET, Key=shop.model_key(first["version"], "model.joblib"))
    assert train(shop, "good")["promoted"]


def raced(monkeypatch: pytest.MonkeyPatch, *others: Callable[[RegistryWriter], object]) -> None:
    """Others do something between the decision about an alias and each of its first moves."""
    move, waiting = RegistryWriter.move, iter(others)

    def late(self: RegistryWriter, *arguments: Any) -> Any:
        if other := next(waiting, None):
            with monkeypatch.context() as at_once:
                at_once.setattr(RegistryWriter, "move", move)
                other(self)
        return move(self, *arguments)

    monkeypatch.setattr(RegistryWriter, "move", late)


def test_a_lost_race_is_decided_anew(shop: ModelTraining, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alias moves to a better version while a worse one is being compared with the worst."""
    bad, good = train(shop, "bad"), train(shop, "good", promote="never")
    quicker = moved(good["version"], "another", "it was quicker")
    raced(monkeypatch, lambda registry: registry.point("shop", "live", quicker))
    late = train(shop, "bad", seed=1)
    assert not late["promoted"]
    assert late["promotion"]["live_version"] == good["version"]
    assert shop.live() == [bad["version"], good["version"]]


def test_an_alias_that_was_elsewhere_meanwhile_is_decided_about_anew(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is at the version that it was compared with, and yet somebody has moved it."""
    bad, other = train(shop, "bad"), train(shop, "bad", promote="never")
    decided: list[str | None] = []
    decide = promotion._decide

    def watched(*arguments: Any) -> Any:
        decided.append(arguments[-1])
        return decide(*arguments)

    def there_and_back(registry: RegistryWriter) -> None:
        for version in (other["version"], bad["version"]):
            registry.point("shop", "live", moved(version, "another", "a trial"))

    monkeypatch.setattr(promotion, "_decide", watched)
    raced(monkeypatch, there_and_back)
    good = train(shop, "good")
    assert decided == [bad["version"]] * 2
    assert shop.live() == [bad["version"], other["version"], bad["version"], good["version"]]


def test_a_retry_does_not_undo_what_was_done_after_its_promotion(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is killed after it has moved the alias, and somebody rolls it back by hand."""
    bad = train(shop, "bad")
    job = shop.call("POST", "/model_training", request(dataset_version="good")).body["job_id"]
    promote = promotion.promote

    def killed(*arguments: Any) -> Any:
        promote(*arguments)
        raise Unavailable("It was killed.")

    with monkeypatch.context() as first:
        first.setattr(use_case, "promote", killed)
        with pytest.raises(Unavailable):
            handler({"job_id": job}, Context())
    shop.registry.point("shop", "live", moved(bad["version"], "somebody", "it was wrong"))

    handler({"job_id": job}, Context())

    result = shop.call("GET", "/model_training/{job_id}", job_id=job).body["result"]
    assert result["promoted"]
    assert shop.live() == [bad["version"], result["version"], bad["version"]]


def test_a_retry_finds_its_promotion_however_often_the_alias_has_moved_since(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = train(shop, "bad")
    body = request(dataset_version="good", promote="always")
    job = shop.call("POST", "/model_training", body).body["job_id"]
    promote = promotion.promote

    def killed(*arguments: Any) -> Any:
        promote(*arguments)
        versions = bad["version"], shop.live()[-1]
        for number in range(2 * MOST_MOVES + 1):
            version = versions[number % 2]
            shop.registry.point("shop", "live", moved(version, "somebody", f"{number}"))
        raise Unavailable("It was killed.")

    with monkeypatch.context() as first:
        first.setattr(use_case, "promote", killed)
        with pytest.raises(Unavailable):
            handler({"job_id": job}, Context())
    handler({"job_id": job}, Context())

    assert shop.live()[-1] == bad["version"]


@pytest.mark.parametrize("body", [None, b"{"])
def test_a_retry_bears_old_moves_that_cannot_be_read(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch, body: bytes | None
) -> None:
    bad, good = train(shop, "bad")["version"], train(shop, "good")["version"]
    for number in range(MOST_MOVES + 1):
        version = (bad, good)[number % 2]
        shop.registry.point("shop", "live", moved(version, "somebody", f"{number}"))
    (old,) = shop.s3.list_objects_v2(Bucket=BUCKET, Prefix="models/shop/history/")["Contents"]
    if body is None:
        shop.s3.delete_object(Bucket=BUCKET, Key=old["Key"])
    else:
        shop.s3.put_object(Bucket=BUCKET, Key=old["Key"], Body=body)
    job = shop.call("POST", "/model_training", request(promote="always")).body["job_id"]

    def killed(*arguments: Any) -> Any:
        raise Unavailable("It was killed.")

    with monkeypatch.context() as first:
        first.setattr(use_case, "promote", killed)
        with pytest.raises(Unavailable):
            handler({"job_id": job}, Context())
    handler({"job_id": job}, Context())

    ended = shop.call("GET", "/model_training/{job_id}", job_id=job).body
    assert ended["status"] == "SUCCEEDED", ended["error"]


def test_what_extends_another_version_than_the_live_one_stays_out(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that extend the same version would undo each other."""
    first = train(shop, "good")["version"]
    training = tasks.training("classification")
    fit = training.train

    def extend(version: str, **options: Any) -> dict[str, Any]:
        def extending(*arguments: Any) -> tasks.Trained:
            details = {"extends": {"version": version}}
            return msgspec.structs.replace(fit(*arguments), details=details)

        with monkeypatch.context() as patched:
            patched.setattr(training, "train", extending)
            return train(shop, "good", **options)

    one = extend(first)
    assert one["promoted"]
    other = extend(first)
    assert not other["promoted"]
    assert f"the new version extends {first!r}" in other["promotion"]["reason"]
    between = extend(one["version"], promote="never")
    assert extend(between["version"])["promoted"]


def test_what_extends_none_stays_out_where_the_live_version_extends_another(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live version has added and forgotten people, which the new one would undo."""
    first = train(shop, "good")["version"]
    training = tasks.training("classification")
    fit = training.train
    details = {"extends": {"version": first}}
    with monkeypatch.context() as patched:
        patched.setattr(
            training, "train", lambda *all: msgspec.structs.replace(fit(*all), details=details)
        )
        assert train(shop, "good")["promoted"]

    anew = train(shop, "good")

    assert not anew["promoted"]
    assert f"it extends {first!r}, and the new version" in anew["promotion"]["reason"]
    assert train(shop, "good", promote="always")["promoted"]


def test_a_live_version_that_is_deleted_meanwhile_is_no_reason_to_stay_out(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = train(shop, "bad")["version"]
    compare = promotion._live_score

    def deleted(*arguments: Any) -> Any:
        monkeypatch.setattr(promotion, "_live_score", compare)
        path = {"model": "shop", "version": live}
        query = {"force": "true"}
        answer = shop.call("DELETE", "/models/{model}/versions/{version}", query=query, **path)
        assert answer.status == 200
        return compare(*arguments)

    monkeypatch.setattr(promotion, "_live_score", deleted)
    result = train(shop, "good")
    assert result["promoted"], result["promotion"]
    assert shop.live()[-1] == result["version"]


def test_an_alias_that_never_stands_still_is_a_conflict(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> Any:
        raise PreconditionFailed("It has moved.")

    monkeypatch.setattr(RegistryWriter, "move", never)
    monkeypatch.setattr(promotion, "_TRIES", 3)
    problem = shop.failure(dataset_version="good")
    assert problem["status"] == 409
    (version,) = shop.registry.versions("shop")
    assert f"Version {version!r} is published" in problem["detail"]
    assert "PUT /models/shop/aliases/live" in problem["detail"]


def test_two_that_end_together_leave_one_winner_and_a_whole_history(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both find no live version; the second one decides again."""
    together = Barrier(2)
    promote = promotion.promote

    def at_once(*arguments: Any) -> Any:
        together.wait(timeout=30)
        return promote(*arguments)

    monkeypatch.setattr(use_case, "promote", at_once)
    for dataset_version in ("bad", "good"):
        shop.call("POST", "/model_training", request(dataset_version=dataset_version))
    jobs, shop.queue = list(shop.queue), []

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda job: handler({"job_id": job}, Context()), jobs))

    path = "/model_training/{job_id}"
    bad, good = (shop.call("GET", path, job_id=job).body["result"] for job in jobs)
    assert good["promoted"]
    assert shop.live() == [one["version"] for one in (bad, good) if one["promoted"]]
