"""Lists of jobs are newest first, and show their callers and short results."""

import json
import time
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from common import newest
from common.function import Request
from common.invocation import Invocation
from common.job_endpoints import show_all
from common.jobs import Jobs
from common.jobs.keys import ID_TOKEN, folder, job_key
from common.newest import Page, asked
from common.problems import Corrupted, Unprocessable
from common.store import Store
from common.times import now
from tests.unit import stalled
from tests.unit.damage import DAMAGES, damaged

ATTEMPT = {
    "request_id": "r1",
    "started_at": "2026-01-31T12:00:00Z",
    "heartbeat_at": "2026-01-31T12:00:00Z",
    "deadline": "2026-01-31T12:15:00Z",
    "memory_mb": 100,
    "memory_limit_mb": 1024,
}

ANN = "arn:aws:iam::111122223333:user/ann"


@pytest.fixture
def jobs(store: Store) -> Jobs:
    return Jobs(store, "model_training")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each id is made a second after the one before."""
    at = iter(now() + timedelta(seconds=second) for second in range(1000))
    countdown = newest.countdown
    monkeypatch.setattr("common.jobs.keys.countdown", lambda _: countdown(next(at)))


def invocation() -> Invocation:
    return Invocation("r1", "arn", memory_mb=1024, deadline=time.monotonic() + 900)


def listed(jobs: Jobs, **query: str) -> dict[str, Any]:
    request = Request(parameters={}, headers={}, body=None, caller=ANN, query=query)
    answer: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(show_all(jobs, request).body))
    return answer


def ids(answer: dict[str, Any]) -> list[str]:
    return [job["job_id"] for job in answer["jobs"]]


def test_jobs_are_listed_newest_first_in_pages(jobs: Jobs, store: Store) -> None:
    made = [jobs.create({}, f"key {number}", caller=ANN).job_id for number in range(5)]
    Jobs(store, "data_processing").create({}, "another function's", caller=ANN)
    store.put(f"jobs/model_training/{made[0]}.checkpoint", b"")

    first = listed(jobs, limit="2")
    assert ids(first) == [made[4], made[3]]
    store.delete([job_key("model_training", made[2])])  # a lifecycle rule
    later = jobs.create({}, None).job_id
    second = listed(jobs, limit="2", after=first["next"])
    assert ids(second) == [made[1], made[0]]
    assert "next" not in second
    assert ids(listed(jobs)) == [later, made[4], made[3], made[1], made[0]]


def test_a_list_says_who_asked_and_what_came_of_it(jobs: Jobs) -> None:
    request = {"model": "churn", "dataset": "customers", "columns": ["x" * 1000]}
    result = {"model": "churn", "version": "v1", "promoted": True, "warnings": ["w" * 1000]}
    failed = jobs.create(request, None, caller=ANN)
    error = Unprocessable("No. " * 1000)

    def failing(*_: Any) -> dict[str, Any]:
        raise error

    jobs.run(failed.job_id, invocation(), failing)
    ended = jobs.create(request, None, caller=ANN)
    jobs.run(ended.job_id, invocation(), lambda *_: result)

    succeeded, broken = listed(jobs)["jobs"]
    times = [succeeded.pop(name) for name in ("created_at", "started_at", "finished_at")]
    assert times == sorted(times)
    assert succeeded == {
        "job_id": ended.job_id,
        "status": "SUCCEEDED",
        "caller": ANN,
        "model": "churn",
        "dataset": "customers",
        "result": {"version": "v1", "promoted": True},
    }
    assert (broken["error"]["title"], broken["error"]["status"]) == ("Unprocessable content", 422)
    assert broken["error"]["detail"].startswith("No. No.")
    assert len(broken["error"]["detail"]) == 1000
    assert jobs.read(ended.job_id).public()["caller"] == ANN


@damaged
def test_a_damaged_job_is_named_and_the_rest_is_listed(
    jobs: Jobs, store: Store, damage: str
) -> None:
    made = [jobs.create({}, None).job_id for _ in range(3)]
    key = job_key("model_training", made[1])
    store.put(key, DAMAGES[damage](store.get(key).body))
    answer = listed(jobs)
    assert ids(answer) == [made[2], made[0]]
    assert answer["damaged"] == [key]


@pytest.mark.parametrize(
    "impossible",
    [
        {"status": "RUNNING"},
        {"created_at": "2026-01-31T12:00:00"},
        {"status": "RUNNING", "attempts": [ATTEMPT | {"heartbeat_at": "9999-12-31T23:59:59Z"}]},
        {"status": "FAILED", "error": {}},
        {"status": "FAILED", "error": {"title": 1, "status": "x", "detail": None}},
    ],
    ids=[
        "running unattempted",
        "time without zone",
        "last second of all",
        "empty error",
        "odd error",
    ],
)
def test_a_job_as_no_run_leaves_it_is_damaged(
    jobs: Jobs, store: Store, impossible: dict[str, Any]
) -> None:
    made = [jobs.create({}, None).job_id for _ in range(2)]
    key = job_key("model_training", made[0])
    store.put(key, json.dumps(json.loads(store.get(key).body) | impossible).encode())

    answer = listed(jobs)

    assert ids(answer) == [made[1]]
    assert answer["damaged"] == [key]
    with pytest.raises(Corrupted):
        jobs.read(made[0])


def test_what_others_put_between_the_jobs_is_left_out(jobs: Jobs, store: Store) -> None:
    made = jobs.create({}, None).job_id
    for stray in (".DS_Store", "0.json", f"{made}.json.bak", "z/"):
        store.put(folder("model_training") + stray, b"{}")
    assert ids(listed(jobs)) == [made]


def test_jobs_of_0_2_are_read_and_not_listed(jobs: Jobs, store: Store) -> None:
    job = jobs.create({}, None)
    own = folder("model_training") + f"{job.job_id}.json"
    record = json.loads(store.get(own).body) | {"job_id": "0" * 32}
    del record["checksum"]  # which those of 0.2 have not
    store.put(f"jobs/model_training/{'0' * 32}.json", json.dumps(record).encode())
    assert jobs.read("0" * 32).job_id == "0" * 32
    assert ids(listed(jobs)) == [job.job_id]


def test_a_job_that_was_killed_is_listed_as_failed(
    jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    job = jobs.create({"model": "churn"}, None, caller=ANN)
    stalled.silent("data", job_key("model_training", job.job_id), 7 * 3600)
    (shown,) = listed(jobs)["jobs"]
    assert shown["status"] == "FAILED"
    assert "never started" in shown["error"]["detail"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [line for line in lines if line["message"] == "job finished"]
    assert (line["caller"], line["error_status"]) == (ANN, 503)
    assert line["detail"] == shown["error"]["detail"]


def test_the_line_of_a_failed_job_has_its_reason(
    jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    job = jobs.create({"model": "churn"}, None, caller=ANN)

    def failing(*_: Any) -> dict[str, Any]:
        raise Unprocessable("Too few rows.")

    jobs.run(job.job_id, invocation(), failing)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [line for line in lines if line["message"] == "job finished"]
    assert (line["error"], line["error_status"], line["detail"], line["caller"]) == (
        ("Unprocessable content", 422, "Too few rows.", ANN)
    )


@pytest.mark.parametrize(
    "after", ["", "x", "0" * 32, "../" + "0" * 32, "8230182400000-" + "0" * 31, "8230182400000.a"]
)
def test_a_token_of_something_else_is_refused(jobs: Jobs, after: str) -> None:
    with pytest.raises(Unprocessable) as problem:
        listed(jobs, after=after)
    assert problem.value.errors[0].pointer == "/after"


def test_a_job_id_is_a_token(jobs: Jobs) -> None:
    job_id = jobs.create({}, None).job_id
    assert asked({"after": job_id}, ID_TOKEN) == Page(50, job_id)
