"""A job runs once, whatever is delivered how often, and always ends."""

import contextlib
import errno
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from common import job_endpoints
from common.function import DirectOptions, Request
from common.invocation import Invocation
from common.jobs import WATCHDOG_SECONDS, HandOver, Job, Jobs, Lease, Progress
from common.jobs.failures import LEASE_SECONDS, MAX_ATTEMPTS
from common.jobs.keys import job_key
from common.jobs.lease import LeaseLost
from common.jobs.record import Attempt
from common.problems import NotFound, Unavailable, Unprocessable
from common.store import Store
from common.times import now
from tests.unit import stalled

RESULT = {"answer": 42}


@pytest.fixture
def jobs(store: Store) -> Jobs:
    return Jobs(store, "data_processing")


def invocation(seconds: float = 900.0, request_id: str = "r1") -> Invocation:
    return Invocation(request_id, "arn", memory_mb=1024, deadline=time.monotonic() + seconds)


def done(job: Job, progress: Progress) -> dict[str, Any]:
    progress("working", 50, "Half way.")
    return RESULT


def raising(error: Exception) -> Callable[[Job, Progress], dict[str, Any]]:
    def work(job: Job, progress: Progress) -> dict[str, Any]:
        raise error

    return work


def change(store: Store, job: Job, edit: Callable[[Job], None]) -> None:
    """Edits the stored job as another process would."""
    key = job_key(job.function, job.job_id)
    found = msgspec.json.decode(store.get(key).body, type=Job)
    edit(found)
    store.put(key, msgspec.json.encode(found))


def silent(job: Job, seconds: float) -> None:
    stalled.silent("data", job_key(job.function, job.job_id), seconds)


def orphan(store: Store, jobs: Jobs, silence: float = 60.0, **attempt: Any) -> Job:
    """A job whose run has died without a word some time ago."""
    job = jobs.create({"a": 1}, None)
    ago = now() - timedelta(seconds=silence)
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
    silent(job, silence)
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


def test_a_full_disk_says_what_to_raise(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)
    jobs.run(job.job_id, invocation(), raising(OSError(errno.ENOSPC, "/tmp/x: no space")))
    error = jobs.read(job.job_id).error
    assert error is not None
    assert error["status"] == 422
    assert "Raise ephemeral_storage" in error["detail"]
    assert "/tmp" not in error["detail"]


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
    assert ended.message.startswith("S3 is away. ")
    assert "with a new Idempotency-Key" in ended.message


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


def test_an_end_that_cannot_be_written_says_why(
    jobs: Jobs, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.create({}, None)
    put = Store.put

    def refusing(self: Store, key: str, body: bytes, **options: Any) -> str:
        if b'"SUCCEEDED"' in body:
            raise Unavailable("S3 failed (503).")
        return put(self, key, body, **options)

    monkeypatch.setattr(Store, "put", refusing)
    for number in range(3):
        with contextlib.suppress(Unavailable):
            jobs.run(job.job_id, invocation(request_id=f"r{number}"), done)

    ended = jobs.read(job.job_id)
    assert ended.status == "FAILED"
    assert ended.message.startswith("S3 failed (503). ")


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


@pytest.mark.parametrize("attempt", [{"memory_mb": 1000}, {"deadline": now()}])
def test_a_job_whose_version_is_published_is_tried_again(
    jobs: Jobs, store: Store, attempt: dict[str, Any]
) -> None:
    job = orphan(store, jobs, **attempt)
    published = "Version 'v' is published; deciding on alias 'live'."
    change(store, job, lambda job: _at(job, "promoting", published))
    silent(job, 60)

    assert jobs.read(job.job_id).status == "RUNNING"
    silent(job, 3600)
    assert jobs.read(job.job_id).message.endswith(f" {published}")

    job = orphan(store, jobs, **attempt)
    change(store, job, lambda job: _at(job, "promoting", published))
    silent(job, 60)
    assert jobs.run(job.job_id, invocation(), done).status == "SUCCEEDED"


def _at(job: Job, stage: str, message: str) -> None:
    job.stage, job.message = stage, message


def test_the_third_death_is_the_last(jobs: Jobs, store: Store) -> None:
    job = orphan(store, jobs)
    change(store, job, lambda job: job.attempts.extend(job.attempts * 2))
    silent(job, 60)
    ended = jobs.run(job.job_id, invocation(), done)
    assert ended.status == "FAILED"
    assert "killed" in ended.message


def test_a_reader_records_the_death_of_a_job_that_nobody_retries(jobs: Jobs, store: Store) -> None:
    job = orphan(store, jobs, silence=3600)
    assert jobs.read(job.job_id).status == "FAILED"
    assert jobs.run(job.job_id, invocation(), done).status == "FAILED"


def test_a_reader_waits_for_a_retry(jobs: Jobs, store: Store) -> None:
    job = orphan(store, jobs)
    assert jobs.read(job.job_id).status == "RUNNING"


def test_a_job_that_never_started_is_given_up(jobs: Jobs, store: Store) -> None:
    job = jobs.create({"a": 1}, None)
    assert jobs.read(job.job_id).status == "PENDING"
    silent(job, 7 * 3600)
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
    job = orphan(store, jobs, silence=3600.0 * hours, outcome="continued")
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


@pytest.mark.parametrize("error", [HandOver("Half is done."), Unavailable("S3 is down.")])
def test_a_job_whose_next_event_may_be_lost_is_sent_on_its_way_by_its_key(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(job_endpoints, "dispatch", lambda arn, job_id: sent.append(job_id))
    asked = Request({}, {"idempotency-key": "k"}, b"", "ann", {})

    def start() -> None:
        prepared: tuple[dict[str, Any], int] = {"a": 1}, 0
        job_endpoints.start(jobs, asked, invocation(), {"a": 1}, lambda: prepared)

    start()
    with contextlib.suppress(Unavailable):
        jobs.run(sent[0], invocation(), raising(error))
    start()
    assert len(sent) == 2
    jobs.run(sent[0], invocation(), done)
    start()
    assert sent == sent[:1] * 2


@pytest.mark.parametrize("raise_errors", [True, False])
def test_a_direct_call_that_meets_an_outage_leaves_a_job_that_is_tried_again(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, raise_errors: bool
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(job_endpoints, "dispatch", lambda arn, job_id: sent.append(job_id))
    works = iter([raising(Unavailable("S3 is down.")), done])

    def run(job_id: str, invocation: Invocation) -> Job:
        return jobs.run(job_id, invocation, next(works))

    def call() -> dict[str, Any]:
        options = DirectOptions(idempotency_key="k", raise_errors=raise_errors)
        prepared: tuple[dict[str, Any], int] = {"a": 1}, 0
        return job_endpoints.run_directly(
            jobs, invocation(), options, {"a": 1}, lambda: prepared, run
        )

    if (
        raise_errors
    ):  # a caller that gets an error sends the same request again, like Step Functions
        with pytest.raises(Unavailable, match="S3 is down"):
            call()
        assert call()["status"] == "SUCCEEDED"
        assert not sent
    else:
        waiting = call()
        assert (waiting["status"], sent) == ("RUNNING", [waiting["job_id"]])
        assert run(sent[0], invocation()).status == "SUCCEEDED"


def written_and_unanswered(
    monkeypatch: pytest.MonkeyPatch, holds: Callable[[bytes], bool]
) -> list[bytes]:
    """From now on S3 performs some writes, and nobody ever learns whether it has."""
    put, met = Store.put, list[bytes]()

    def unanswered(self: Store, key: str, body: bytes, *, expected: str | None = None) -> str:
        etag = put(self, key, body, expected=expected)
        if not met and holds(body):
            met.append(body)
            raise Unavailable("S3 has not answered.")
        return etag

    monkeypatch.setattr(Store, "put", unanswered)
    return met


def test_a_heartbeat_that_was_never_answered_does_not_cost_the_job(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.create({"a": 1}, None)
    met = written_and_unanswered(monkeypatch, lambda body: b"Half way." in body)

    def work(job: Job, lease: Lease) -> dict[str, Any]:
        lease("working", 50, "Half way.")
        give_up = time.monotonic() + 60
        while not met and time.monotonic() < give_up:
            time.sleep(0.01)
        lease.confirm()
        return RESULT

    assert jobs.run(job.job_id, invocation(), work).status == "SUCCEEDED"
    assert met
    assert jobs.read(job.job_id).result == RESULT


def test_an_end_that_was_never_answered_stands(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.create({"a": 1}, None)
    written_and_unanswered(monkeypatch, lambda body: b"SUCCEEDED" in body)
    jobs.run(job.job_id, invocation(), done)
    ended = jobs.read(job.job_id)
    assert (ended.status, ended.result) == ("SUCCEEDED", RESULT)


def test_a_run_that_slept_through_its_lease_finds_out_before_it_does_harm(
    jobs: Jobs, store: Store
) -> None:
    job = jobs.create({"a": 1}, None)
    harm: list[str] = []

    def sleeping(job: Job, lease: Lease) -> dict[str, Any]:
        with lease._lock:  # stopped: its heartbeat, too
            silent(job, LEASE_SECONDS + 1)
            assert jobs.run(job.job_id, invocation(), done).status == "SUCCEEDED"
        lease.confirm()
        harm.append("published")
        return {}

    answered = jobs.run(job.job_id, invocation(), sleeping)
    assert not harm
    ended = jobs.read(job.job_id)
    assert (answered.status, answered.result) == (ended.status, ended.result)
    assert (ended.status, ended.result) == ("SUCCEEDED", RESULT)
    assert [attempt.outcome for attempt in ended.attempts] == ["killed", "succeeded"]


def test_a_run_that_slept_through_its_last_write_answers_what_became_of_the_job(
    jobs: Jobs,
) -> None:
    job = jobs.create({"a": 1}, None)

    def sleeping(job: Job, lease: Lease) -> dict[str, Any]:
        with lease._lock:
            silent(job, LEASE_SECONDS + 1)
            failed = jobs.run(job.job_id, invocation(), raising(Unprocessable("No rows.")))
            assert failed.status == "FAILED"
        return RESULT

    answered = jobs.run(job.job_id, invocation(), sleeping)
    assert (answered.status, answered.result) == ("FAILED", None)


def test_a_confirmed_lease_is_a_renewed_one(jobs: Jobs, store: Store) -> None:
    job = jobs.create({"a": 1}, None)

    def work(job: Job, lease: Lease) -> dict[str, Any]:
        with lease._lock:
            silent(job, LEASE_SECONDS + 1)
        lease.confirm()
        _, silence = store.get_with_age(job_key(job.function, job.job_id))
        assert silence < LEASE_SECONDS
        return RESULT

    assert jobs.run(job.job_id, invocation(), work).status == "SUCCEEDED"


def test_a_run_whose_time_is_up_begins_nothing_more(jobs: Jobs) -> None:
    job = jobs.create({"a": 1}, None)

    def work(job: Job, lease: Lease) -> dict[str, Any]:
        lease.confirm()
        raise AssertionError("published")

    jobs.run(job.job_id, invocation(seconds=WATCHDOG_SECONDS), work)
    ended = jobs.read(job.job_id)
    assert (ended.status, ended.attempts[-1].outcome) == ("FAILED", "timeout")


def test_a_job_that_is_deleted_while_it_runs_is_given_up(jobs: Jobs, store: Store) -> None:
    job = jobs.create({"a": 1}, None)

    def work(job: Job, lease: Lease) -> dict[str, Any]:
        key = job_key(job.function, job.job_id)
        store._client.delete_object(Bucket="data", Key=key)
        with pytest.raises(LeaseLost):
            lease.confirm()
        raise LeaseLost

    with pytest.raises(NotFound):
        jobs.run(job.job_id, invocation(), work)


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_a_run_that_died_is_dead_whatever_its_clock_said(
    jobs: Jobs, store: Store, days: int
) -> None:
    moment = now() + timedelta(days=days)
    times: dict[str, Any] = {
        "started_at": moment - timedelta(minutes=2),
        "heartbeat_at": moment,
        "deadline": moment + timedelta(minutes=10),
    }
    job = orphan(store, jobs, silence=3600, **times)
    assert jobs.read(job.job_id).status == "FAILED"
    job = orphan(store, jobs, **times)
    ended = jobs.run(job.job_id, invocation(), done)
    assert [attempt.outcome for attempt in ended.attempts] == ["killed", "succeeded"]


@pytest.mark.parametrize("days", [-1, 1])
def test_a_run_that_lives_is_left_alone_whatever_its_clock_says(
    jobs: Jobs, store: Store, days: int
) -> None:
    job = orphan(store, jobs, silence=1, heartbeat_at=now() + timedelta(days=days))
    assert jobs.read(job.job_id).status == "RUNNING"
    jobs.run(job.job_id, invocation(seconds=10), raising(AssertionError("ran twice")))
    assert len(jobs.read(job.job_id).attempts) == 1


def test_a_clock_that_is_set_while_a_job_runs_changes_nothing(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.create({"a": 1}, None)
    clock = time.time

    def work(job: Job, lease: Lease) -> dict[str, Any]:
        monkeypatch.setattr(time, "time", lambda: clock() + 86400)
        for _ in range(3):
            lease.confirm()
        last = lease.job.attempts[-1]
        assert last.heartbeat_at - last.started_at < timedelta(hours=1)
        return RESULT

    assert jobs.run(job.job_id, invocation(), work).status == "SUCCEEDED"


def test_what_a_dead_run_has_left_is_not_overwritten_by_who_records_it(
    jobs: Jobs, store: Store
) -> None:
    job = orphan(store, jobs, memory_mb=1000)
    before = jobs.read(job.job_id).attempts[-1]
    ended = jobs.run(job.job_id, invocation(), done)
    after = ended.attempts[-1]
    assert after.outcome == "out of memory"
    assert (after.memory_mb, after.heartbeat_at) == (before.memory_mb, before.heartbeat_at)
