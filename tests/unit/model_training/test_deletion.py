"""Deleted things stay deleted even if a job was about to write them; things in use are kept."""

from typing import Any

import pytest

from common.existence import Existence, ExistenceWriter
from common.newest import Page
from common.problems import NotFound, Unavailable
from common.registry_writer import RegistryWriter
from common.store import Entry, Store
from common.tombstones import Deletion
from inference import catalog
from model_training import deletion
from tests.unit.damage import DAMAGES, damaged
from tests.unit.function import BUCKET, Answer
from tests.unit.interference import before_reading, interfere, while_removing
from tests.unit.model_training.function import ModelTraining, request

VERSION = "/models/{model}/versions/{version}"
MODEL = "/models/{model}"
ALIAS = "/models/{model}/aliases/{alias}"


@pytest.fixture
def shop(function: ModelTraining) -> ModelTraining:
    function.dataset()
    return function


@pytest.mark.parametrize("by", ["\x01" * 400, '"' * 400, "\ud800" * 9, "é" * 400])
def test_a_tombstone_is_known_by_its_size_whoever_has_deleted(shop: ModelTraining, by: str) -> None:
    version = shop.train(promote="never")["version"]
    other = shop.train(promote="never")["version"]
    deletion.delete_model_version(shop.store, "shop", version, by, force=False)
    assert list(shop.registry.versions("shop")) == [other]


def delete_version(shop: ModelTraining, version: str, force: str | None = None) -> Answer:
    query = None if force is None else {"force": force}
    return shop.call("DELETE", VERSION, query=query, model="shop", version=version)


def delete_model(shop: ModelTraining, force: str | None = None) -> Answer:
    query = None if force is None else {"force": force}
    return shop.call("DELETE", MODEL, query=query, model="shop")


def point(shop: ModelTraining, version: str, **more: Any) -> Answer:
    return shop.call("PUT", ALIAS, {"version": version, **more}, model="shop", alias="live")


def start(shop: ModelTraining, **options: Any) -> str:
    """The id of a job that waits to be delivered."""
    started = shop.call("POST", "/model_training", request(**options))
    assert started.status == 202
    return shop.queue.pop()


def ended(shop: ModelTraining, job_id: str) -> dict[str, Any]:
    return dict(shop.call("GET", "/model_training/{job_id}", job_id=job_id).body)


def test_a_deleted_version_leaves_a_tombstone_and_nothing_else(shop: ModelTraining) -> None:
    live, other = shop.train()["version"], shop.train(promote="never")["version"]

    answer = delete_version(shop, other)

    assert (answer.status, answer.body["version"]) == (200, other)
    assert answer.body["deleted"]["by"] == "127.0.0.1"
    assert shop.keys(f"models/shop/versions/{other}/") == [shop.model_key(other, "manifest.json")]
    assert list(shop.registry.versions("shop")) == [live]
    refused = point(shop, other)
    assert refused.status == 404
    assert f"deleted at {answer.body['deleted']['at']} by 127.0.0.1" in refused.body["detail"]
    assert delete_version(shop, other).status == 200


def test_what_an_alias_points_at_is_deleted_by_force_only(shop: ModelTraining) -> None:
    first = shop.train()["version"]
    second = shop.train(promote="always")["version"]

    refused = delete_version(shop, second)
    assert refused.status == 409
    assert f"'live' at {second!r}" in refused.body["detail"]
    assert delete_version(shop, second, "false").status == 409
    assert shop.live() == [first, second]

    assert delete_version(shop, second, "true").status == 200
    alias = shop.registry.alias("shop", "live")
    assert alias is not None
    assert (alias.version, [move.version for move in alias.history]) == (
        None,
        [first, second, None],
    )
    assert "was deleted at" in alias.history[-1].reason

    moved = point(shop, first, expected_version=None)
    assert (moved.status, moved.body["version"]) == (200, first)
    assert shop.live() == [first, second, first]


def test_a_plain_deletion_after_a_forced_one_that_was_broken_off_leaves_no_alias_behind(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = shop.train()["version"]

    def fails() -> None:
        raise Unavailable("S3 is away.")

    interfere(monkeypatch, "/manifest.json", fails, after=True)  # the tombstone is written
    assert delete_version(shop, version, "true").status == 503

    assert delete_version(shop, version).status == 200
    alias = shop.registry.alias("shop", "live")
    assert alias is not None
    assert [move.version for move in alias.history] == [version, None]
    assert alias.version is None
    assert delete_model(shop).status == 200


@pytest.mark.parametrize("force", ["", "1", "yes", "True"])
def test_a_flag_is_true_or_false(shop: ModelTraining, force: str) -> None:
    answer = delete_model(shop, force)
    assert answer.status == 422
    assert answer.body["errors"][0]["pointer"] == "/force"


def test_what_is_not_there_cannot_be_deleted(shop: ModelTraining) -> None:
    assert delete_model(shop).status == delete_version(shop, "v9").status == 404
    assert shop.keys("models/") == []


@damaged
def test_a_damaged_version_can_be_deleted(shop: ModelTraining, damage: str) -> None:
    shop.train()
    other = shop.train(promote="never")["version"]
    key = shop.model_key(other, "manifest.json")
    shop.s3.put_object(Bucket=BUCKET, Key=key, Body=DAMAGES[damage](shop.get(key)))

    assert delete_version(shop, other).status == 200
    assert shop.keys(f"models/shop/versions/{other}/") == [key]


def test_a_late_delivery_does_not_revive_a_deleted_version(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt publishes and dies; before the next one, somebody deletes the version."""
    shop.train()
    shop.queue.append(job_id := start(shop, promote="never"))

    def dies() -> None:
        raise Unavailable("S3 is away.")

    interfere(monkeypatch, "/manifest.json", dies, after=True)
    with pytest.raises(Unavailable):
        shop.deliver()
    (version,) = (one for one in shop.registry.versions("shop") if job_id[-32:][:8] in one)
    assert delete_version(shop, version).status == 200

    shop.queue.append(job_id)
    shop.deliver()

    job = ended(shop, job_id)
    assert (job["status"], job["error"]["status"]) == ("FAILED", 409)
    assert "after this job was asked for" in job["error"]["detail"]
    assert delete_version(shop, version).status == 200
    assert version not in shop.registry.versions("shop")


def test_a_deleted_model_leaves_its_name_and_the_history_of_its_aliases(
    shop: ModelTraining,
) -> None:
    version = shop.train()["version"]

    refused = delete_model(shop)
    assert refused.status == 409
    assert f"'live' at {version!r}" in refused.body["detail"]
    assert shop.live() == [version]

    answer = delete_model(shop, "true")
    assert (answer.status, answer.body["model"]) == (200, "shop")
    assert shop.keys("models/shop/") == ["models/shop/model.json"]
    assert version.encode() in shop.get("models/shop/model.json")
    again = point(shop, version)
    assert again.status == 404
    assert "deleted at" in again.body["detail"]
    assert delete_model(shop).status == 200


def test_a_deletion_of_what_is_gone_is_too_late_for_no_job_that_was_asked_for_before(
    shop: ModelTraining,
) -> None:
    shop.train(promote="never")
    assert delete_model(shop).status == 200
    shop.queue.append(job_id := start(shop))
    assert delete_model(shop).status == 200

    shop.deliver()

    assert ended(shop, job_id)["error"]["status"] == 409
    assert shop.keys("models/shop/versions/") == []
    assert shop.train()["promoted"]


def test_a_version_whose_manifest_is_lost_can_be_deleted(shop: ModelTraining) -> None:
    live, other = shop.train()["version"], shop.train(promote="never")["version"]
    keys = [shop.model_key(version, "manifest.json") for version in (live, other)]
    for key in keys:
        shop.s3.delete_object(Bucket=BUCKET, Key=key)

    assert delete_version(shop, other).status == 200
    assert delete_version(shop, live).status == 409
    assert delete_version(shop, live, "true").status == 200

    assert shop.keys("models/shop/versions/") == sorted(keys)
    assert shop.live() == [live]
    assert point(shop, live, expected_version=None).status == 404


def test_a_deleted_model_can_be_made_anew_by_whoever_asks_after_that(shop: ModelTraining) -> None:
    late = start(shop)
    before = shop.train()["version"]
    assert delete_model(shop, "true").status == 200

    shop.queue.append(late)
    shop.deliver()
    job = ended(shop, late)
    assert (job["status"], job["error"]["status"]) == ("FAILED", 409)
    assert shop.keys("models/shop/versions/") == []

    result = shop.train()
    assert result["promoted"]
    assert before not in shop.registry.versions("shop")
    assert shop.live() == [result["version"]]

    delayed = start(shop)
    assert delete_model(shop, "true").status == 200
    assert shop.train()["promoted"]
    shop.queue.append(delayed)
    shop.deliver()
    assert ended(shop, delayed)["error"]["status"] == 409


@pytest.mark.parametrize("after", [False, True])
def test_a_model_that_is_deleted_while_a_job_publishes_stays_deleted(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    shop.train(promote="never")
    shop.queue.append(job_id := start(shop))
    interfere(
        monkeypatch,
        "/manifest.json",
        lambda: delete_model(shop).status == 200 or pytest.fail("not deleted"),
        after=after,
    )

    shop.deliver()

    job = ended(shop, job_id)
    assert (job["status"], job["error"]["status"]) == ("FAILED", 409)
    assert "was deleted at" in job["error"]["detail"]
    assert shop.registry.versions("shop") == {}
    assert shop.registry.aliases("shop") == ({}, [])
    assert delete_model(shop).status == 200
    assert shop.keys("models/shop/") == ["models/shop/model.json"]


def test_a_run_that_died_before_it_saw_the_deletion_takes_its_version_back(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.train(promote="never")
    shop.queue.append(job_id := start(shop))

    def deleted_and_dead() -> None:
        assert delete_model(shop).status == 200
        shop.s3.put_object(Bucket=BUCKET, Key=written[0], Body=written[1])
        raise Unavailable("S3 is away.")

    written: list[Any] = []
    put = Store.put

    def noting(self: Store, key: str, body: bytes, **options: Any) -> str:
        if key.endswith("/manifest.json"):
            written[:] = key, body
        return put(self, key, body, **options)

    monkeypatch.setattr(Store, "put", noting)
    interfere(monkeypatch, "/manifest.json", deleted_and_dead, after=True)
    with pytest.raises(Unavailable):
        shop.deliver()
    assert shop.keys("models/shop/versions/") == [written[0]]

    shop.queue.append(job_id)
    shop.deliver()

    assert ended(shop, job_id)["error"]["status"] == 409
    assert b"deleted" in shop.get(written[0])


def test_an_alias_that_is_moved_during_a_deletion_keeps_the_version(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.train()
    other = shop.train(promote="never")["version"]
    moves: list[Answer] = []
    interfere(monkeypatch, "/manifest.json", lambda: moves.append(point(shop, other)))

    assert delete_version(shop, other).status == 409

    assert [move.status for move in moves] == [200]
    assert shop.live()[-1] == other
    assert point(shop, other).status == 200
    assert len(shop.keys(f"models/shop/versions/{other}/")) > 1


def test_an_alias_that_is_moved_during_the_end_of_a_model_keeps_the_model(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = shop.train(promote="never")["version"]
    moves: list[Answer] = []
    interfere(monkeypatch, "/model.json", lambda: moves.append(point(shop, version)))

    assert delete_model(shop).status == 409

    assert [move.status for move in moves] == [200]
    assert shop.live() == [version]
    assert shop.train()["promoted"] is not None


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("was_live", [False, True])
def test_an_alias_is_not_left_at_a_version_that_was_deleted_meanwhile(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch, whole: bool, was_live: bool
) -> None:
    if was_live:
        shop.train()
    other = shop.train(promote="never")["version"]
    before = shop.live()

    def delete() -> None:
        deleted = delete_model(shop, "true") if whole else delete_version(shop, other)
        assert deleted.status == 200

    interfere(monkeypatch, "/live.json", delete)
    answer = point(shop, other)

    assert answer.status in (404, 409)
    assert "deleted" in answer.body["detail"] or answer.status == 409
    assert shop.live() == ([] if whole else before)
    alias = shop.registry.alias("shop", "live")
    assert (alias is None) == (whole or not was_live)
    assert whole is (shop.keys("models/shop/") == ["models/shop/model.json"])


def test_a_move_of_an_alias_that_others_have_moved_on_since_was_made(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.train()["version"]
    second, third = (shop.train(promote="never")["version"] for _ in range(2))

    def move_on_and_delete() -> None:
        assert point(shop, third).status == 200
        assert delete_version(shop, second).status == 200

    interfere(monkeypatch, "/live.json", move_on_and_delete, after=True)

    answer = point(shop, second)

    assert (answer.status, answer.body["version"]) == (200, third)
    assert shop.live() == [first, second, third]


def test_a_move_that_broke_off_in_a_deleted_model_is_not_in_the_history_of_the_next_one(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = shop.train(promote="never")["version"]

    def fails() -> None:
        raise Unavailable("S3 is away.")

    interfere(monkeypatch, "/live.json", lambda: delete_model(shop, "true"))
    interfere(monkeypatch, "/live.json", fails, after=True)
    assert point(shop, version).status == 503
    assert shop.live() == [version]

    result = shop.train()

    assert result["promoted"]
    assert shop.live() == [result["version"]]


def test_a_job_that_is_tried_again_takes_back_what_it_has_moved_to_a_deleted_version(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.train()["version"]
    shop.queue.append(job_id := start(shop, promote="always"))

    def fails() -> None:
        raise Unavailable("S3 is away.")

    interfere(monkeypatch, "/live.json", fails, after=True)
    with pytest.raises(Unavailable):
        shop.deliver()
    published = RegistryWriter.published

    def late(self: RegistryWriter, model: str, version: str, seen: int = 0) -> Any:
        found = published(self, model, version, seen)
        shop.s3.delete_object(Bucket=BUCKET, Key=shop.model_key(version, "manifest.json"))
        return found

    monkeypatch.setattr(RegistryWriter, "published", late)
    shop.queue.append(job_id)
    shop.deliver()

    assert ended(shop, job_id)["error"]["status"] == 404
    assert shop.live() == [first]


def test_a_version_that_is_deleted_before_it_is_compared_is_too_late(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.train()["version"]

    def deleted() -> None:
        (version,) = set(shop.registry.versions("shop")) - {first}
        assert delete_version(shop, version).status == 200

    before_reading(monkeypatch, f"{first}/manifest.json", deleted)
    problem = shop.failure()

    assert problem["status"] == 409
    assert "after this job was asked for" in problem["detail"]


def test_a_deletion_that_was_broken_off_is_finished_by_asking_again(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.train()
    other = shop.train(promote="never")["version"]
    remove = Store.delete_listed

    def fails(self: Store, entries: list[Entry]) -> None:
        raise Unavailable("S3 is away.")

    monkeypatch.setattr(Store, "delete_listed", fails)
    assert delete_version(shop, other).status == 503
    assert point(shop, other).status == 404
    assert delete_model(shop, "true").status == 503
    assert len(shop.keys("models/shop/versions/")) > 2

    monkeypatch.setattr(Store, "delete_listed", remove)
    assert delete_model(shop).status == 200
    assert shop.keys("models/shop/") == ["models/shop/model.json"]


def test_a_deletion_of_more_than_fits_into_a_request_says_so(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.train()
    monkeypatch.setattr("model_training.deletion._SECONDS", -1.0)
    answer = delete_model(shop, "true")
    assert (answer.status, answer.body["title"]) == (503, "Service unavailable")
    assert "send the same request again" in answer.body["detail"]
    assert point(shop, "v1").status == 404

    monkeypatch.undo()


def test_a_model_of_an_earlier_release_can_be_deleted(shop: ModelTraining) -> None:
    shop.train(promote="never")
    shop.s3.delete_object(Bucket=BUCKET, Key="models/shop/model.json")

    assert delete_model(shop).status == 200

    assert shop.keys("models/shop/") == ["models/shop/model.json"]
    assert shop.train()["promoted"]


def test_nothing_is_made_anew_while_the_files_of_a_deleted_model_are_removed(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.train()
    jobs: list[str] = []

    def make_anew() -> None:
        jobs.append(start(shop))
        shop.queue.append(jobs[0])
        with pytest.raises(Unavailable, match="files are being removed"):
            shop.deliver()

    while_removing(monkeypatch, "/model.onnx", make_anew)
    assert delete_model(shop, "true").status == 200
    assert shop.keys("models/shop/") == ["models/shop/model.json"]

    shop.queue.append(jobs[0])
    shop.deliver()

    job = ended(shop, jobs[0])
    assert (job["status"], job["result"]["promoted"]) == ("SUCCEEDED", True)
    version = job["result"]["version"]
    assert len(shop.keys(f"models/shop/versions/{version}/")) > 2
    assert shop.live() == [version]


def test_a_removal_that_wakes_up_late_leaves_what_was_made_anew(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.train()
    made: list[str] = []
    read = ExistenceWriter.has_remains

    def late(existence: ExistenceWriter, deleted: Deletion) -> bool:
        monkeypatch.setattr(ExistenceWriter, "has_remains", read)
        assert delete_model(shop).status == 200
        made.append(shop.train()["version"])
        return existence.has_remains(deleted)

    monkeypatch.setattr(ExistenceWriter, "has_remains", late)
    assert delete_model(shop, "true").status == 200

    assert shop.live() == made
    assert len(shop.keys(f"models/shop/versions/{made[0]}/")) > 2


def test_deletions_at_once_take_back_nothing_that_another_has_answered(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not forced sees an alias move there after another one has deleted by force."""
    live = shop.train()["version"]
    other = shop.train(promote="never")["version"]
    answers: list[Answer] = []
    look = deletion._refuse_pointed_at

    def late(*arguments: Any) -> None:
        monkeypatch.setattr(deletion, "_refuse_pointed_at", look)
        look(*arguments)
        answers.append(delete_version(shop, other, "true"))
        answers.append(point(shop, other))

    monkeypatch.setattr(deletion, "_refuse_pointed_at", late)
    last = delete_version(shop, other)

    assert [answer.status for answer in (*answers, last)] == [200, 404, 200]
    assert other not in shop.registry.versions("shop")
    assert shop.live() == [live]


@pytest.mark.parametrize("whole", [False, True])
def test_a_refusal_that_cannot_be_written_leaves_the_version_in_use(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    version = shop.train(promote="never")["version"]
    delete = delete_model if whole else lambda shop: delete_version(shop, version)
    moved: list[Answer] = []
    look = deletion._refuse_pointed_at

    def late(*arguments: Any) -> None:
        if not moved:
            look(*arguments)
        monkeypatch.setattr(deletion, "_refuse_pointed_at", look)
        moved.append(point(shop, version))

    monkeypatch.setattr(deletion, "_refuse_pointed_at", late)
    ending = "/model.json" if whole else "/manifest.json"

    def fails() -> None:
        raise Unavailable("S3 is away.")

    interfere(monkeypatch, ending, fails, after=True)  # the announcement is written
    assert delete(shop).status == 503
    assert point(shop, version).status == 200
    assert delete(shop).status == 409
    assert shop.live()[-1] == version
    shown = shop.registry.version("shop", version)
    assert "deleting" not in shown.details


def test_an_alias_that_is_put_back_is_not_left_at_a_version_deleted_meanwhile(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.train()["version"]
    second = shop.train(promote="never")["version"]
    spare = shop.train(promote="never")["version"]
    assert point(shop, spare).status == 200
    assert point(shop, first).status == 200

    def delete_second() -> None:
        assert delete_version(shop, second, "true").status == 200

    def delete_first() -> None:  # no alias is there while it is moved
        assert delete_version(shop, first).status == 200

    interfere(monkeypatch, "/live.json", delete_second)
    interfere(monkeypatch, "/live.json", delete_first, after=True)

    assert point(shop, second).status == 404
    alias = shop.registry.alias("shop", "live")
    assert alias is not None
    assert alias.version is None
    assert point(shop, spare).status == 200


def test_a_lost_count_of_deletions_lets_no_late_writer_in(shop: ModelTraining) -> None:
    shop.train(promote="never")
    assert delete_model(shop).status == 200
    shop.train(promote="never")
    late = start(shop)
    shop.s3.delete_object(Bucket=BUCKET, Key="models/shop/model.json")
    assert delete_model(shop).status == 200

    shop.queue.append(late)
    shop.deliver()

    assert ended(shop, late)["error"]["status"] == 409
    assert shop.keys("models/shop/versions/") == []


def test_a_model_that_is_made_anew_while_it_is_deleted_once_more_stays(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.train()
    assert delete_model(shop, "true").status == 200
    left = "models/shop/versions/v0/model.onnx"
    shop.s3.put_object(Bucket=BUCKET, Key=left, Body=b"of a late writer")
    made: list[str] = []
    announce = ExistenceWriter.announce

    def late(existence: ExistenceWriter, announcement: str) -> Existence:
        monkeypatch.setattr(ExistenceWriter, "announce", announce)
        made.append(shop.train()["version"])
        return existence.announce(announcement)

    monkeypatch.setattr(ExistenceWriter, "announce", late)

    assert delete_model(shop).status == 409
    assert shop.live() == made
    assert len(shop.keys(f"models/shop/versions/{made[0]}/")) > 2


def test_versions_of_a_model_are_not_shown_while_they_are_removed(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = shop.train(promote="never")["version"]
    monkeypatch.setattr("model_training.deletion._SECONDS", -1.0)
    assert delete_model(shop).status == 503
    assert shop.model_key(version, "manifest.json") in shop.keys("models/shop/")

    with pytest.raises(NotFound, match="was deleted at"):
        catalog.model(shop.registry, "shop", Page())


def test_a_version_is_deleted_while_its_model_is(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.train()
    version = shop.train(promote="never")["version"]
    while_removing(monkeypatch, "/model.onnx", lambda: delete_model(shop, "true"))
    assert delete_version(shop, version).status == 200
    assert shop.keys("models/shop/") == ["models/shop/model.json"]


def test_a_refused_move_leaves_what_was_live(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = shop.train()["version"]
    other = shop.train(promote="never")["version"]
    interfere(monkeypatch, "/live.json", lambda: delete_version(shop, other, "true"), after=True)
    assert point(shop, other).status == 404
    assert shop.live() == [live]


@pytest.mark.parametrize("record", [b'{"gone":true}', b'{"gone":true,"remains":true}'])
def test_a_record_of_a_deletion_that_never_was_is_damaged(
    shop: ModelTraining, record: bytes
) -> None:
    shop.train(promote="never")
    shop.s3.put_object(Bucket=BUCKET, Key="models/shop/model.json", Body=record)
    assert shop.train()["promoted"]
    assert delete_model(shop, "true").status == 200


def test_a_number_of_deletions_that_fell_stops_nobody(shop: ModelTraining) -> None:
    shop.train(promote="never")
    assert delete_model(shop).status == 200
    shop.train(promote="never")
    key = "models/shop/model.json"
    body = shop.get(key).replace(b'"deletions"', b'"deletmons"')
    shop.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    assert shop.train()["promoted"]


@pytest.mark.parametrize("promote", ["if_better", "always"])
def test_a_version_that_was_published_is_told_though_its_dataset_is_gone(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch, promote: str
) -> None:
    """The first attempt publishes and dies; before the next one, somebody deletes the dataset."""
    shop.queue.append(job_id := start(shop, promote=promote))

    def dies() -> None:
        raise Unavailable("S3 is away.")

    interfere(monkeypatch, "/manifest.json", dies, after=True)
    with pytest.raises(Unavailable):
        shop.deliver()
    (version,) = shop.registry.versions("shop")
    assert shop.call("DELETE", "/datasets/{dataset}", dataset="shop").status == 200

    shop.queue.append(job_id)
    shop.deliver()

    job = ended(shop, job_id)
    assert (job["status"], job["result"]["version"]) == ("SUCCEEDED", version)
    assert job["result"]["promoted"] == (promote == "always")
    assert shop.live() == ([version] if promote == "always" else [])
    if promote == "if_better":
        assert "has no version 'v1'" in job["result"]["promotion"]["reason"]


def test_a_version_for_which_there_is_no_alias_left_is_told(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.registry_writer.MAX_ALIASES", 1)
    shop.train()

    result = shop.train(alias="another")

    assert not result["promoted"]
    assert "has 1 aliases, which is the most" in result["promotion"]["reason"]
    assert result["version"] in shop.registry.versions("shop")
