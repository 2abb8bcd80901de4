"""What the contract allows and the data does not is the caller's mistake: jobs end with a 4xx."""

import random
from itertools import islice
from typing import Any

import pytest

from tests.unit.data_processing.function import DataProcessing
from tests.unit.hostile.cases import CASES, SEED, Case, cases, not_as_described
from tests.unit.tasks.samples import sample

TASKS = ["classification", "image_classification", "recommendation", "translation"]
"""A task for each kind of source, whose options are all that there are."""

SHARE = max(5, CASES // 1000)


@pytest.mark.parametrize("task", TASKS)
def test_jobs(processing: DataProcessing, task: str) -> None:
    key = processing.put(sample(task).source(0), f"{task}.data")
    base: dict[str, Any] = {"dataset": "jobs", "source": {"key": key}, "task": task}
    base |= sample(task).processing
    made = cases("ProcessingRequest", base, random.Random(f"{SEED} {task}"))
    ended = (one for one in (end(processing, case) for case in made) if one is not None)
    found = [reason for reason in islice(ended, SHARE) if reason]
    assert not found, f"seed {SEED}: {len(found)} of {SHARE}\n" + "\n".join(found[:40])


def end(function: DataProcessing, case: Case) -> str | None:
    """What is wrong with how a request's job ends, if anything; None where there is no job."""
    if case.forbidden:
        return None
    started = function.call("POST", "/data_processing", case.body)
    if started.status != 202:
        return None
    function.queue = [started.body["job_id"]]
    function.deliver()
    path = "/data_processing/{job_id}"
    answer = function.call("GET", path, job_id=started.body["job_id"])
    error = answer.body.get("error") or {"status": 422}
    reason = not_as_described("getProcessingJob", answer) or ""
    if error["status"] != 422 or answer.body["status"] not in ("SUCCEEDED", "FAILED"):
        reason = f"{answer.body['status']} {error}"
    return f"{reason} | {case}" if reason else ""
