"""What S3 or a library said of a problem is in the log, by request and job, and nowhere else."""

import logging
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

from common.invocation import Invocation
from common.jobs import Job, Jobs, Progress
from common.problems import Unavailable, Unprocessable, cause_of
from common.store import Store
from tests.unit.plain import assert_plain

HOST = "https://ml-data-111122223333.s3.eu-central-1.amazonaws.com"


def test_a_failing_s3_is_not_named() -> None:
    client = boto3.client("s3", region_name="us-east-1")
    with Stubber(client) as stub:
        stub.add_client_error("put_object", "InternalError", HOST, http_status_code=500)
        with pytest.raises(Unavailable) as caught:
            Store("ml-data-111122223333", client=client).put("raw/a", b"")

    assert_plain(caught.value.document("r1"))
    assert isinstance(caught.value.__cause__, ClientError)
    assert HOST in str(cause_of(caught.value))


def test_an_s3_that_cannot_be_reached_is_not_named() -> None:
    class Client:
        def head_object(self, **arguments: Any) -> None:
            raise EndpointConnectionError(endpoint_url=HOST)

    with pytest.raises(Unavailable) as caught:
        Store("ml-data-111122223333", client=Client()).size("raw/a")

    assert_plain(caught.value.document("r1"))
    assert HOST in str(cause_of(caught.value))


def test_a_job_logs_what_a_library_said_and_does_not_tell_it(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def work(job: Job, progress: Progress) -> dict[str, Any]:
        raise Unprocessable("The file is damaged.") from ValueError("/tmp/processing-1/source")

    jobs = Jobs(store, "data_processing")
    job = jobs.create({"a": 1}, None)
    with caplog.at_level(logging.INFO, "ml"):
        jobs.run(job.job_id, Invocation("r1", "arn", 1024, time.time() + 900), work)

    assert_plain(jobs.read(job.job_id).error)
    (line,) = [one for one in caplog.records if one.message == "cause of a problem"]
    fields = vars(line)["fields"]
    assert fields["job_id"] == job.job_id
    assert fields["request_id"] == "r1"
    assert fields["cause"] == "ValueError: /tmp/processing-1/source"
