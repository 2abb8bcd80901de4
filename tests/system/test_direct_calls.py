"""Functions that are invoked without the API, as Step Functions and the command line do."""

import json
import uuid
from typing import Any

import pytest

from local.cloud import LocalCloud
from scripts.functions import FUNCTIONS
from tests.system.contract import ContractClient
from tests.system.loops import finished
from tests.system.sizes import PROCESSING, Sizes


def invoke(cloud: LocalCloud, function: str, event: Any) -> tuple[Any, str | None]:
    """What a direct call answers, and the kind of its error."""
    answer = cloud.boto3("lambda").invoke(
        FunctionName=cloud.function_names[function], Qualifier="live", Payload=json.dumps(event)
    )
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def test_a_call_that_does_not_wait_and_is_sent_again_is_one_job(
    cloud: LocalCloud, api: ContractClient, sizes: Sizes
) -> None:
    options = {"idempotency_key": str(uuid.uuid4()), "wait": False}
    event = {**PROCESSING, "source": {"key": sizes.key}, "invocation": options}
    started, error = invoke(cloud, "data_processing", event)
    assert error is None

    job = finished(api, started)
    assert job["status"] == "SUCCEEDED"
    assert invoke(cloud, "data_processing", event) == (job, None)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("event", [None, 5, [], {}])
def test_an_event_that_does_not_fit_is_a_problem(
    cloud: LocalCloud, function: str, event: Any
) -> None:
    problem, error = invoke(cloud, function, event)

    assert error is None
    assert (problem["status"], problem["title"]) == (422, "Unprocessable content")


def test_a_call_raises_the_problem_where_it_asks_for_it(cloud: LocalCloud, sizes: Sizes) -> None:
    event = {"model": "none", "instances": [{}], "invocation": {"raise_errors": True}}
    answer, error = invoke(cloud, "inference", event)

    assert error == "Unhandled"
    assert answer["errorType"] == "NotFound"
    assert json.loads(answer["errorMessage"])["status"] == 404


def test_a_call_raises_the_error_of_its_job(cloud: LocalCloud, sizes: Sizes) -> None:
    event = {**PROCESSING, "target": "none", "source": {"key": sizes.key}}
    job, error = invoke(cloud, "data_processing", event)
    assert (job["status"], error) == ("FAILED", None)

    raising = {**event, "invocation": {"raise_errors": True}}
    answer, error = invoke(cloud, "data_processing", raising)
    assert error == "Unhandled"
    assert answer["errorType"] == "UnprocessableContent"
    assert json.loads(answer["errorMessage"])["detail"].endswith(job["error"]["detail"])
