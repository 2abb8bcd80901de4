"""Datasets and raw data that are deleted: by model_training, which alone may delete, and here."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from common.problems import Unavailable
from common.store import Entry, PreconditionFailed, Store
from local.moto_patches.patch import applied
from local.moto_patches.s3 import delete_what_was_meant
from tests.unit.data_processing.function import DataProcessing
from tests.unit.data_processing.test_loop import inline, table
from tests.unit.function import BUCKET, Answer
from tests.unit.interference import interfere, while_removing
from tests.unit.model_training.function import ModelTraining

VERSION = "/datasets/{dataset}/versions/{version}"
DATASET = "/datasets/{dataset}"
UPLOADS = "/data_processing/uploads"


@pytest.fixture
def training(function: DataProcessing) -> ModelTraining:
    """The function that deletes datasets."""
    return function.beside(ModelTraining)


def start(function: DataProcessing, **options: Any) -> str:
    """The id of a job that waits to be delivered."""
    started = function.call("POST", "/data_processing", function.request(table(), **options))
    assert started.status == 202
    return function.queue.pop()


def ended(function: DataProcessing, job_id: str) -> dict[str, Any]:
    return dict(function.call("GET", "/data_processing/{job_id}", job_id=job_id).body)


def get_version(function: DataProcessing, version: str) -> Answer:
    return function.call("GET", VERSION, dataset="test", version=version)


def test_a_deleted_version_leaves_a_tombstone_and_the_others(
    function: DataProcessing, training: ModelTraining
) -> None:
    other = function.process(table(), exclude=["color"])["version"]
    version = function.process(table())["version"]

    answer = training.call("DELETE", VERSION, dataset="test", version=version)

    assert (answer.status, answer.body["version"]) == (200, version)
    assert function.keys(f"datasets/test/{version}/") == [f"datasets/test/{version}/manifest.json"]
    dataset = function.call("GET", DATASET, dataset="test").body
    assert dataset["latest"] == other
    assert [one["version"] for one in dataset["versions"]] == [other]
    gone = get_version(function, version)
    assert gone.status == 404
    assert f"deleted at {answer.body['deleted']['at']} by 127.0.0.1" in gone.body["detail"]
    assert training.call("DELETE", VERSION, dataset="test", version=version).status == 200


@pytest.mark.parametrize("whole", [False, True])
def test_a_deletion_of_what_is_gone_is_too_late_for_no_job_that_was_asked_for_before(
    function: DataProcessing, training: ModelTraining, whole: bool
) -> None:
    version = function.process(table())["version"]
    at = {"dataset": "test"} if whole else {"dataset": "test", "version": version}
    resource = DATASET if whole else VERSION
    assert training.call("DELETE", resource, **at).status == 200
    function.queue.append(job_id := start(function))
    assert training.call("DELETE", resource, **at).status == 200

    function.deliver()

    assert ended(function, job_id)["error"]["status"] == 409
    assert get_version(function, version).status == 404
    assert training.call("DELETE", resource, **at).status == 200
    assert function.process(table())["version"] == version


def test_a_version_whose_manifest_is_lost_can_be_deleted(
    function: DataProcessing, training: ModelTraining
) -> None:
    version = function.process(table())["version"]
    manifest = f"datasets/test/{version}/manifest.json"
    function.s3.delete_object(Bucket=BUCKET, Key=manifest)

    answer = training.call("DELETE", VERSION, dataset="test", version=version)

    assert answer.status == 200
    assert function.keys(f"datasets/test/{version}/") == [manifest]
    assert "deleted at" in get_version(function, version).body["detail"]


def test_a_deletion_that_fails_before_its_tombstone_leaves_the_latest(
    function: DataProcessing, training: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = function.process(table())["version"]
    function.process(table(), exclude=["color"])
    function.process(table())  # the latest again

    def fail() -> None:
        raise Unavailable("S3 is away.")

    interfere(monkeypatch, "/manifest.json", fail)
    assert training.call("DELETE", VERSION, dataset="test", version=older).status == 503

    assert function.call("GET", DATASET, dataset="test").body["latest"] == older


def test_a_late_removal_of_the_pointer_leaves_one_that_was_written_since(
    function: DataProcessing, training: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = function.process(table(), exclude=["color"])["version"]
    version = function.process(table())["version"]
    remove = Store._delete

    def late(self: Store, objects: Sequence[dict[str, str]]) -> None:
        if objects[0]["Key"].endswith("/latest.json"):
            monkeypatch.setattr(Store, "_delete", remove)
            assert function.process(table(), exclude=["x"])["version"] != older
            assert function.process(table(), exclude=["color"])["version"] == older
        remove(self, objects)

    monkeypatch.setattr(Store, "_delete", late)
    with applied([delete_what_was_meant()]):
        assert training.call("DELETE", VERSION, dataset="test", version=version).status == 200

    assert function.call("GET", DATASET, dataset="test").body["latest"] == older


def test_a_version_becomes_the_latest_though_the_latest_is_deleted_at_that_moment(
    function: DataProcessing, training: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest = function.process(table())["version"]
    function.process(table(), exclude=["color"])
    latest = function.process(table(), exclude=["x"])["version"]

    def delete() -> None:
        answer = training.call("DELETE", VERSION, dataset="test", version=latest)
        assert answer.status == 200

    interfere(monkeypatch, "/latest.json", delete)
    function.process(table())

    assert function.call("GET", DATASET, dataset="test").body["latest"] == oldest


def test_no_deleted_version_is_the_latest_where_the_deletion_ends_early(
    function: DataProcessing, training: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = function.process(table(), exclude=["color"])["version"]
    version = function.process(table())["version"]

    def fail() -> None:
        raise Unavailable("S3 is away.")

    interfere(monkeypatch, "/manifest.json", fail, after=True)
    assert training.call("DELETE", VERSION, dataset="test", version=version).status == 503

    assert get_version(function, version).status == 404
    assert function.call("GET", DATASET, dataset="test").body["latest"] == other
    listed = function.call("GET", "/datasets").body
    assert [row["latest"] for row in listed["datasets"]] == [other]
    assert "damaged" not in listed
    assert "damaged" not in function.call("GET", DATASET, dataset="test").body
    request = {"model": "m", "dataset": "test"}
    started = training.call("POST", "/model_training", request)
    assert started.body["request"]["dataset_version"] == other


def test_the_deletion_of_an_older_version_leaves_the_latest(
    function: DataProcessing, training: ModelTraining
) -> None:
    older = function.process(table(), exclude=["color"])["version"]
    version = function.process(table())["version"]
    assert function.process(table(), exclude=["color"])["version"] == older  # the latest again

    assert training.call("DELETE", VERSION, dataset="test", version=version).status == 200

    assert function.call("GET", DATASET, dataset="test").body["latest"] == older
    assert "datasets/test/latest.json" in function.keys("datasets/test/")


def test_a_deleted_version_can_be_made_anew_by_whoever_asks_after_that(
    function: DataProcessing, training: ModelTraining
) -> None:
    late = start(function)
    version = function.process(table())["version"]
    assert training.call("DELETE", VERSION, dataset="test", version=version).status == 200

    function.queue.append(late)
    function.deliver()
    job = ended(function, late)
    assert (job["status"], job["error"]["status"]) == ("FAILED", 409)
    assert "after this job was asked for" in job["error"]["detail"]
    assert get_version(function, version).status == 404

    again = function.job(function.request(table()))["result"]
    assert (again["version"], again["reused"]) == (version, False)
    assert get_version(function, version).status == 200
    assert function.call("GET", DATASET, dataset="test").body["latest"] == version


def test_a_deleted_dataset_can_be_made_anew_by_whoever_asks_after_that(
    function: DataProcessing, training: ModelTraining
) -> None:
    late = start(function)
    version = function.process(table())["version"]

    answer = training.call("DELETE", DATASET, dataset="test")

    assert (answer.status, answer.body["dataset"]) == (200, "test")
    assert function.keys("datasets/test/") == ["datasets/test/dataset.json"]
    for gone in (get_version(function, version), function.call("GET", DATASET, dataset="test")):
        assert gone.status == 404
        assert f"deleted at {answer.body['deleted']['at']} by" in gone.body["detail"]
    assert training.call("DELETE", DATASET, dataset="test").status == 200

    function.queue.append(late)
    function.deliver()
    assert ended(function, late)["error"]["status"] == 409
    assert function.keys("datasets/test/") == ["datasets/test/dataset.json"]

    again = function.job(function.request(table()))["result"]
    assert (again["version"], again["reused"]) == (version, False)
    assert function.call("GET", DATASET, dataset="test").body["latest"] == version


@pytest.mark.parametrize("key", ["/manifest.json", "/latest.json"])
@pytest.mark.parametrize("after", [False, True])
def test_a_dataset_that_is_deleted_while_a_job_publishes_stays_deleted(
    function: DataProcessing,
    training: ModelTraining,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    after: bool,
) -> None:
    function.process(table(), exclude=["color"])
    function.queue.append(job_id := start(function))

    def delete() -> None:
        assert training.call("DELETE", DATASET, dataset="test").status == 200

    interfere(monkeypatch, key, delete, after=after)
    function.deliver()

    job = ended(function, job_id)
    is_too_late = key == "/manifest.json" or not after
    assert (job["status"] == "FAILED") == is_too_late
    assert function.call("GET", DATASET, dataset="test").status == 404
    assert training.call("DELETE", DATASET, dataset="test").status == 200
    assert function.keys("datasets/test/") == ["datasets/test/dataset.json"]


@pytest.mark.parametrize("whole", [False, True])
def test_nothing_is_made_anew_while_the_files_of_what_was_deleted_are_removed(
    function: DataProcessing,
    training: ModelTraining,
    monkeypatch: pytest.MonkeyPatch,
    whole: bool,
) -> None:
    version = function.process(table())["version"]
    jobs: list[str] = []

    def make_anew() -> None:
        jobs.append(start(function))
        function.queue.append(jobs[0])
        with pytest.raises(Unavailable, match="files are being removed"):
            function.deliver()

    while_removing(monkeypatch, "/train.arrow", make_anew)
    deleted = (
        training.call("DELETE", DATASET, dataset="test")
        if whole
        else training.call("DELETE", VERSION, dataset="test", version=version)
    )
    assert deleted.status == 200

    function.queue.append(jobs[0])
    function.deliver()

    assert ended(function, jobs[0])["status"] == "SUCCEEDED"
    splits = get_version(function, version).body["splits"].values()
    assert all(function.get(side["arrow"]["key"]) for side in splits)


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_deleted_again_while_it_is_made_anew_is_not_half_there(
    function: DataProcessing,
    training: ModelTraining,
    monkeypatch: pytest.MonkeyPatch,
    whole: bool,
) -> None:
    version = function.process(table())["version"]

    def delete() -> None:
        deleted = (
            training.call("DELETE", DATASET, dataset="test")
            if whole
            else training.call("DELETE", VERSION, dataset="test", version=version)
        )
        assert deleted.status == 200

    delete()
    function.queue.append(job_id := start(function))
    # All files are written by then, but no manifest names them yet.
    interfere(monkeypatch, "/dataset.json" if whole else "/manifest.json", delete)
    function.deliver()

    assert ended(function, job_id)["error"]["status"] == 409
    assert get_version(function, version).status == 404


def test_a_count_of_deletions_that_was_lost_costs_one_job_and_no_more(
    function: DataProcessing, training: ModelTraining
) -> None:
    version = function.process(table())["version"]
    assert training.call("DELETE", VERSION, dataset="test", version=version).status == 200
    function.s3.delete_object(Bucket=BUCKET, Key="datasets/test/dataset.json")

    first, second = (function.job(function.request(table())) for _ in range(2))

    assert (first["status"], second["status"]) == ("FAILED", "SUCCEEDED")
    assert get_version(function, version).status == 200


def test_a_training_of_what_was_deleted_is_told_so(
    function: DataProcessing, training: ModelTraining
) -> None:
    version = function.process(table())["version"]
    request = {"model": "m", "dataset": "test", "dataset_version": version}
    assert training.call("DELETE", VERSION, dataset="test", version=version).status == 200

    answer = training.call("POST", "/model_training", request)

    assert answer.status == 404
    assert "deleted at" in answer.body["detail"]


def test_what_is_not_there_cannot_be_deleted(
    function: DataProcessing, training: ModelTraining
) -> None:
    assert training.call("DELETE", DATASET, dataset="none").status == 404
    assert training.call("DELETE", VERSION, dataset="none", version="v").status == 404
    for query in ({"key": "raw/none"}, {"dataset": "none"}, {"key": "models/m/model.json"}):
        assert function.call("DELETE", UPLOADS, query=query).status == 404
    assert function.keys("") == []


@pytest.mark.parametrize(
    "query",
    [None, {}, {"key": "raw/a", "dataset": "a"}, {"dataset": "../models"}, {"dataset": ""}],
)
def test_raw_data_is_named_by_key_or_by_dataset(
    function: DataProcessing, query: dict[str, str] | None
) -> None:
    assert function.call("DELETE", UPLOADS, query=query).status == 422


@pytest.mark.parametrize("key", ["raw/", "raw/a/", "raw/\0", "raw/\ud800", "raw/" + "é" * 600])
def test_a_key_that_nothing_can_have_is_not_found(function: DataProcessing, key: str) -> None:
    assert function.call("DELETE", UPLOADS, query={"key": key}).status == 404


def test_deleted_raw_data_is_gone_and_nothing_takes_its_place(function: DataProcessing) -> None:
    key = function.put(table(), "grün é.csv")
    request = {"dataset": "test", "source": {"key": key}, "task": "classification", "target": "y"}
    waiting = function.call("POST", "/data_processing", request).body["job_id"]

    answer = function.call("DELETE", UPLOADS, query={"key": key})

    assert (answer.status, answer.body["key"]) == (200, key)
    assert function.get(key) == b""
    assert function.call("DELETE", UPLOADS, query={"key": key}).body == answer.body
    refused = function.call("POST", "/data_processing", request)
    assert refused.status == 422
    assert "upload it" in refused.body["detail"]
    function.deliver()
    assert "upload it again" in ended(function, waiting)["error"]["detail"]
    with pytest.raises(function.s3.exceptions.ClientError, match="PreconditionFailed"):
        function.s3.put_object(Bucket=BUCKET, Key=key, Body=b"late", IfNoneMatch="*")


def test_all_raw_data_of_a_dataset_is_deleted_at_once(function: DataProcessing) -> None:
    mine = [function.put(table(n), f"{n}.csv") for n in (10, 20)]
    function.job(function.request(inline()))
    theirs = "raw/test-2/upload/a.csv"
    function.s3.put_object(Bucket=BUCKET, Key=theirs, Body=b"x")

    answer = function.call("DELETE", UPLOADS, query={"dataset": "test"})

    assert (answer.status, answer.body["dataset"]) == (200, "test")
    assert len(function.keys("raw/test/")) == len(mine) + 1
    assert all(function.get(key) == b"" for key in function.keys("raw/test/"))
    assert function.get(theirs) == b"x"


def test_rows_that_were_deleted_can_be_sent_again(function: DataProcessing) -> None:
    key = function.job(function.request(inline()))["request"]["source"]["key"]
    assert function.call("DELETE", UPLOADS, query={"key": key}).status == 200

    again = function.job(function.request(inline()))

    assert (again["status"], again["request"]["source"]["key"]) == ("SUCCEEDED", key)
    assert function.get(key).count(b"\n") == 60


@pytest.mark.parametrize("before", [b"", b"altered"])
def test_rows_that_s3_writes_late_are_deleted(
    function: DataProcessing, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    key = function.job(function.request(inline()))["request"]["source"]["key"]
    function.s3.put_object(Bucket=BUCKET, Key=key, Body=before)
    put = Store._put
    late: list[Callable[[], str]] = []

    def given_up(self: Store, *write: Any) -> str:
        if write[0] == key and "IfMatch" in write[2]:
            late.append(lambda: put(self, *write))
            raise Unavailable("S3 is away.")
        return put(self, *write)

    def sent_again() -> int:
        with monkeypatch.context() as patch:
            patch.setattr(Store, "_put", given_up)
            return function.call("POST", "/data_processing", function.request(inline())).status

    def delete() -> None:
        assert function.call("DELETE", UPLOADS, query={"key": key}).status == 200

    if not before:
        delete()
    assert sent_again() == 503
    delete()
    for write in late:
        with suppress(PreconditionFailed):
            write()

    request = {**function.request(inline()), "source": {"key": key}}
    assert function.call("POST", "/data_processing", request).status == 422
    delete()
    assert function.get(key) == b""


def test_a_deletion_that_was_broken_off_is_finished_by_asking_again(
    function: DataProcessing, training: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = function.process(table())["version"]

    def fails(self: Store, entries: list[Entry]) -> None:
        raise Unavailable("S3 is away.")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "delete_listed", fails)
        assert training.call("DELETE", VERSION, dataset="test", version=version).status == 503
        assert get_version(function, version).status == 404
    assert len(function.keys(f"datasets/test/{version}/")) > 1

    assert training.call("DELETE", VERSION, dataset="test", version=version).status == 200
    assert function.keys(f"datasets/test/{version}/") == [f"datasets/test/{version}/manifest.json"]


def test_a_version_that_is_deleted_while_it_becomes_the_latest_is_not_that(
    function: DataProcessing, training: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = function.process(table(), exclude=["color"])["version"]
    version = function.process(table())["version"]
    function.process(table(), exclude=["color"])

    def delete() -> None:
        answer = training.call("DELETE", VERSION, dataset="test", version=version)
        assert answer.status == 200

    function.queue.append(start(function))
    interfere(monkeypatch, "/latest.json", delete)
    function.deliver()

    assert function.call("GET", "/datasets").body["datasets"][0]["latest"] == other
    assert "damaged" not in function.call("GET", DATASET, dataset="test").body
    assert training.call("DELETE", VERSION, dataset="test", version=other).status == 200
    assert function.call("GET", "/datasets").body["datasets"] == []


@pytest.mark.parametrize("size", [1000, 9_000_000])
def test_raw_data_that_is_deleted_while_a_job_reads_it_is_gone(
    function: DataProcessing, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    request = function.request(b"x,y\n" + b"1,2\n" * (size // 4))
    function.call("POST", "/data_processing", request)
    key = request["source"]["key"]
    head = Store.size

    def late(self: Store, sized: str) -> int:
        monkeypatch.setattr(Store, "size", head)
        found = head(self, sized)
        if size < 8_000_000:
            assert function.call("DELETE", UPLOADS, query={"key": key}).status == 200
        else:
            self._client.meta.events.register_first("before-send.s3.GetObject", delete)
        return found

    def delete(**_: Any) -> None:
        if not gone:
            gone.append(True)
            assert function.call("DELETE", UPLOADS, query={"key": key}).status == 200

    gone: list[bool] = []
    monkeypatch.setattr(Store, "size", late)
    (job_id,) = function.queue
    function.deliver()

    job = ended(function, job_id)
    assert (job["status"], job["error"]["status"]) == ("FAILED", 422)
    assert "There is no object" in job["error"]["detail"]


def test_a_late_request_does_not_bring_back_rows_that_were_deleted(
    function: DataProcessing,
) -> None:
    request, key = function.request(inline()), {"Idempotency-Key": "K"}
    first = function.call("POST", "/data_processing", request, key)
    function.deliver()
    raw = first.body["request"]["source"]["key"]
    assert function.call("DELETE", UPLOADS, query={"key": raw}).status == 200

    late = function.call("POST", "/data_processing", request, key)
    other = function.call("POST", "/data_processing", {**request, "target": "color"}, key)

    assert (late.status, late.body["job_id"]) == (202, first.body["job_id"])
    assert (late.body["status"], function.queue) == ("SUCCEEDED", [])
    assert other.status == 422
    assert function.get(raw) == b""


def test_a_key_stands_for_its_job_when_what_that_needed_is_gone(
    function: DataProcessing, training: ModelTraining
) -> None:
    key = {"Idempotency-Key": "K"}
    processing = function.request(table())
    first = function.call("POST", "/data_processing", processing, key).body["job_id"]
    function.deliver()
    trained = {"model": "m", "dataset": "test"}
    second = training.call("POST", "/model_training", trained, key).body["job_id"]
    raw = processing["source"]["key"]
    assert function.call("DELETE", UPLOADS, query={"key": raw}).status == 200
    assert training.call("DELETE", DATASET, dataset="test").status == 200

    again = function.call("POST", "/data_processing", processing, key)
    assert (again.status, again.body["job_id"]) == (202, first)
    again = training.call("POST", "/model_training", trained, key)
    assert (again.status, again.body["job_id"]) == (202, second)


def test_a_training_whose_dataset_is_deleted_meanwhile_is_told_so(
    function: DataProcessing, training: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = function.process(table())["version"]
    download, waiting = Store.download, [True]

    def late(self: Store, *arguments: Any) -> Any:
        if waiting:
            waiting.pop()
            deleted = training.call("DELETE", VERSION, dataset="test", version=version)
            assert deleted.status == 200
        return download(self, *arguments)

    monkeypatch.setattr(Store, "download", late)
    ended_so = training.job({"model": "m", "dataset": "test"})

    assert (ended_so["status"], ended_so["error"]["status"]) == ("FAILED", 404)
    assert "deleted at" in ended_so["error"]["detail"]
