"""A job runs once, whatever is delivered how often, and always ends."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import common
from common import job_endpoints
from common.invocation import Invocation
from common.jobs import WATCHDOG_SECONDS, HandOver, Job, Jobs, Progress, now
from common.jobs.record import Attempt
from common.jobs.verdict import MAX_ATTEMPTS
from common.problems import NotFound, Unavailable, Unprocessable
from common.store import Store

RESULT = {"answer": 42}


@pytest.fixture
def jobs(store: Store) -> Jobs:
    return Jobs(store, "data_processing")


def invocation(seconds: float = 900.0, request_id: str = "r1") -> Invocation:
    return Invocation(request_id, "arn", memory_mb=1024, deadline=time.time() + seconds)


def done(job: Job, progress: Progress) -> dict[str, Any]:
    progress("working", 50, "Half way.")
    return RESULT


def raising(error: Exception) -> Callable[[Job, Progress], dict[str, Any]]:
    def work(job: Job, progress: Progress) -> dict[str, Any]:
        raise error

    return work


def change(store: Store, job: Job, edit: Callable[[Job], None]) -> None:
    """Edits the stored job as another process would."""
    key = f"jobs/{job.function}/{job.job_id}.json"
    found = msgspec.json.decode(store.get(key).body, type=Job)
    edit(found)
    store.put(key, msgspec.json.encode(found))


def orphan(store: Store, jobs: Jobs, **attempt: Any) -> Job:
    """A job whose run has died without a word some time ago."""
    job = jobs.create({"a": 1}, None)
    ago = now() - timedelta(seconds=60)
    fields = {
        "request_id": "dead",
        "started_at": ago,
        "heartbeat_at": ago,
        "deadline": now() + timedelta(minutes=10),
        "memory_mb": 100,
        "memory_limit_mb": 1024,
        **attempt,
    }

    def edit(job: Job) -> None:
        job.status = "RUNNING"
        job.attempts = [*job.attempts, Attempt(**fields)]

    change(store, job, edit)
    return job


def test_a_job_runs_and_succeeds(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)
    assert (job.status, job.percent) == ("PENDING", 0)
    jobs.run(job.job_id, invocation(), done)
    ended = jobs.read(job.job_id)
    assert (ended.status, ended.stage, ended.percent) == ("SUCCEEDED", "done", 100)
    assert ended.result == RESULT
    assert [attempt.outcome for attempt in ended.attempts] == ["succeeded"]
    assert ended.finished_at is not None
    assert "request_sha256" not in ended.public()


def test_a_second_delivery_runs_nothing(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)
    jobs.run(job.job_id, invocation(), done)
    again = jobs.run(job.job_id, invocation(), raising(AssertionError("ran twice")))
    assert again.status == "SUCCEEDED"


def test_a_delivery_while_the_job_runs_gives_way(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)

    def work(job: Job, progress: Progress) -> dict[str, Any]:
        other = jobs.run(job.job_id, invocation(10), raising(AssertionError("ran twice")))
        assert other.status == "RUNNING"
        return RESULT

    assert jobs.run(job.job_id, invocation(), work).status == "SUCCEEDED"


def test_a_problem_fails_the_job_for_good(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)
    jobs.run(job.job_id, invocation(), raising(Unprocessable("Not like this.")))
    ended = jobs.read(job.job_id)
    assert ended.status == "FAILED"
    assert ended.error is not None
    assert (ended.error["status"], ended.error["detail"]) == (422, "Not like this.")
    assert jobs.run(job.job_id, invocation(), done).status == "FAILED"


def test_an_unexpected_error_does_not_show_its_inside(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)
    jobs.run(job.job_id, invocation(request_id="r7"), raising(ValueError("secret")))
    error = jobs.read(job.job_id).error
    assert error is not None
    assert error["status"] == 500
    assert "secret" not in str(error)
    assert "r7" in error["detail"]


def test_what_is_unavailable_is_tried_again_by_lambda(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)
    for _ in range(2):
        with pytest.raises(Unavailable):
            jobs.run(job.job_id, invocation(), raising(Unavailable("S3 is away.")))
        assert jobs.read(job.job_id).status == "RUNNING"
    assert jobs.run(job.job_id, invocation(), done).status == "SUCCEEDED"
    outcomes = [attempt.outcome for attempt in jobs.read(job.job_id).attempts]
    assert outcomes == ["unavailable", "unavailable", "succeeded"]


def test_the_last_attempt_tells_what_was_unavailable(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)
    work = raising(Unavailable("S3 is away."))
    for _ in range(2):
        with pytest.raises(Unavailable):
            jobs.run(job.job_id, invocation(), work)
    ended = jobs.run(job.job_id, invocation(), work)
    assert ended.status == "FAILED"
    assert ended.message == "S3 is away."


def test_a_result_that_could_not_be_written_is_not_claimed(
    jobs: Jobs, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.create({"a": 1}, None)
    put, failures = Store.put, iter([Unavailable("S3 is away.")])

    def flaky(self: Store, key: str, body: bytes, *, expected: str | None = None) -> str:
        if b"SUCCEEDED" in body and (failure := next(failures, None)):
            raise failure
        return put(self, key, body, expected=expected)

    monkeypatch.setattr(Store, "put", flaky)
    with pytest.raises(Unavailable):
        jobs.run(job.job_id, invocation(), done)
    waiting = jobs.read(job.job_id)
    assert (waiting.status, waiting.result) == ("RUNNING", None)
    assert jobs.run(job.job_id, invocation(), done).status == "SUCCEEDED"


def test_a_write_that_meets_itself_keeps_the_lease(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.create({"a": 1}, None)
    put = Store.put

    def twice(self: Store, key: str, body: bytes, *, expected: str | None = None) -> str:
        put(self, key, body, expected=expected)
        return put(self, key, body, expected=expected)  # the answer to the first was lost

    monkeypatch.setattr(Store, "put", twice)
    assert jobs.run(job.job_id, invocation(), done).status == "SUCCEEDED"


def test_a_retry_takes_over_from_a_run_that_was_killed(jobs: Jobs, store: Store) -> None:
    job = orphan(store, jobs)
    ended = jobs.run(job.job_id, invocation(), done)
    assert ended.status == "SUCCEEDED"
    assert [attempt.outcome for attempt in ended.attempts] == ["killed", "succeeded"]


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        ({"memory_mb": 1000}, "ran out of memory (1000 of 1024 MB"),
        ({"deadline": now() - timedelta(seconds=50)}, "time"),
    ],
)
def test_what_would_only_die_again_is_not_tried_again(
    jobs: Jobs, store: Store, attempt: dict[str, Any], says: str
) -> None:
    job = orphan(store, jobs, **attempt)
    ended = jobs.run(job.job_id, invocation(), raising(AssertionError("tried again")))
    assert ended.status == "FAILED"
    assert says in jobs.read(job.job_id).message


def test_the_third_death_is_the_last(jobs: Jobs, store: Store) -> None:
    job = orphan(store, jobs)
    change(store, job, lambda job: job.attempts.extend(job.attempts * 2))
    ended = jobs.run(job.job_id, invocation(), done)
    assert ended.status == "FAILED"
    assert "killed" in ended.message


def test_a_reader_records_the_death_of_a_job_that_nobody_retries(jobs: Jobs, store: Store) -> None:
    long_ago = now() - timedelta(hours=1)
    job = orphan(store, jobs, started_at=long_ago, heartbeat_at=long_ago)
    assert jobs.read(job.job_id).status == "FAILED"
    assert jobs.run(job.job_id, invocation(), done).status == "FAILED"


def test_a_reader_waits_for_a_retry(jobs: Jobs, store: Store) -> None:
    job = orphan(store, jobs)
    assert jobs.read(job.job_id).status == "RUNNING"


def test_a_job_that_never_started_is_given_up(jobs: Jobs, store: Store) -> None:
    job = jobs.create({"a": 1}, None)
    assert jobs.read(job.job_id).status == "PENDING"
    change(store, job, lambda job: setattr(job, "created_at", now() - timedelta(hours=7)))
    ended = jobs.read(job.job_id)
    assert ended.status == "FAILED"
    assert "never started" in ended.message


def test_time_that_runs_out_is_said_before_the_end(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)

    def endless(job: Job, progress: Progress) -> dict[str, Any]:
        while True:
            progress("working", 1, "Still at it.")
            time.sleep(0.05)

    jobs.run(job.job_id, invocation(seconds=WATCHDOG_SECONDS + 0.2), endless)
    ended = jobs.read(job.job_id)
    assert ended.status == "FAILED"
    assert ended.attempts[-1].outcome == "timeout"
    assert "Raise its timeout" in ended.message


def test_the_same_key_and_request_are_the_same_job(jobs: Jobs) -> None:
    first = jobs.create({"a": 1, "b": 2}, "key")
    assert jobs.create({"b": 2, "a": 1}, "key").job_id == first.job_id
    assert jobs.create({"a": 1, "b": 2}, None).job_id != first.job_id
    with pytest.raises(Unprocessable, match="'key' was used for another request"):
        jobs.create({"a": 2}, "key")


def test_a_job_that_is_not_there(jobs: Jobs) -> None:
    with pytest.raises(NotFound):
        jobs.read("nothing")


def finished_lines(capsys: pytest.CaptureFixture[str]) -> list[tuple[Any, ...]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [
        (line["status"], line["JobsSucceeded"], line["JobsFailed"], line.get("error"))
        for line in lines
        if line["message"] == "job finished"
    ]


def test_every_end_of_a_job_is_measured_once(
    store: Store, jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    job = jobs.create({"dataset": "churn"}, None)
    for _ in range(2):  # the second is a duplicate delivery
        jobs.run(job.job_id, invocation(), done)
    assert finished_lines(capsys) == [("SUCCEEDED", 1, 0, None)]

    job = jobs.create({}, None)
    jobs.run(job.job_id, invocation(), raising(Unprocessable("No.")))
    assert finished_lines(capsys) == [("FAILED", 0, 1, "Unprocessable content")]

    killed = orphan(store, jobs, outcome="timeout")
    for _ in range(2):
        jobs.read(killed.job_id)
    assert finished_lines(capsys) == [("FAILED", 0, 1, "Service unavailable")]


def test_work_goes_on_in_another_invocation(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)
    left = jobs.run(job.job_id, invocation(), raising(HandOver("Half is done.")))
    assert (left.status, left.handed_over) == ("RUNNING", True)
    assert "Half is done." in jobs.read(job.job_id).message
    assert jobs.run(job.job_id, invocation(), done).status == "SUCCEEDED"
    ended = jobs.read(job.job_id)
    assert [attempt.outcome for attempt in ended.attempts] == ["continued", "succeeded"]
    assert not ended.handed_over


def test_every_invocation_of_a_job_has_retries_of_its_own(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)
    away = raising(Unavailable("S3 is away."))
    for _ in range(2):
        for _ in range(MAX_ATTEMPTS - 1):
            with pytest.raises(Unavailable):
                jobs.run(job.job_id, invocation(), away)
        jobs.run(job.job_id, invocation(), raising(HandOver("More is done.")))
    for _ in range(MAX_ATTEMPTS - 1):
        with pytest.raises(Unavailable):
            jobs.run(job.job_id, invocation(), away)
    assert jobs.run(job.job_id, invocation(), away).status == "FAILED"


@pytest.mark.parametrize(("hours", "status"), [(1, "RUNNING"), (7, "FAILED")])
def test_a_job_that_is_never_continued_fails(
    store: Store, jobs: Jobs, hours: int, status: str
) -> None:
    ago = now() - timedelta(hours=hours)
    job = orphan(store, jobs, outcome="continued", started_at=ago, heartbeat_at=ago)
    assert jobs.read(job.job_id).status == status


def test_a_job_that_is_handed_over_is_sent_on_its_way(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(job_endpoints, "dispatch", lambda arn, job_id: sent.append((arn, job_id)))
    job = jobs.create({"a": 1}, None)
    job_endpoints.run(jobs, job.job_id, invocation(), raising(HandOver("Half is done.")))
    assert sent == [("arn", job.job_id)]
    job_endpoints.run(jobs, job.job_id, invocation(), done)
    assert len(sent) == 1


def test_memory_is_the_programs_own_not_that_of_who_started_it() -> None:
    ballast = bytearray(b"x" * 300_000_000)
    program = "from common.jobs.lease import _peak_memory_mb; print(_peak_memory_mb())"
    command = [sys.executable, "-c", program]
    source = Path(common.__file__).parents[1]
    ran = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True)
    assert len(ballast) > 2_000_000 * int(ran.stdout) > 0
