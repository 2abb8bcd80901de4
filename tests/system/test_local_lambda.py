"""Functions of a few lines, run as Lambda would."""

import base64
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import LocalCloud
from local.lambda_runtime.process import MAX_LINE_BYTES
from tests.system.tiny import WRITE_LOGS, Function, deploy, redeploy

ECHO = "def handler(event, context): return event"
BREAK = "def handler(event, context): raise ValueError('no')"


def invoke(cloud: LocalCloud, function: Function, payload: Any = None, **more: Any) -> Any:
    """Lambda's Invoke of the alias; the answer with its payload read."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    answer = cloud.boto3("lambda").invoke(
        FunctionName=function.name, Qualifier="live", Payload=body, **more
    )
    return {**answer, "Payload": answer["Payload"].read()}


def value(answer: Any) -> Any:
    assert "FunctionError" not in answer, answer
    return json.loads(answer["Payload"])


def wait_for(cloud: LocalCloud, function: Function, text: str, times: int = 1) -> str:
    """The function's log once it holds `text` that many times."""
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        log = cloud.logs(function.name)
        if log.count(text) >= times:
            return log
        time.sleep(0.02)
    raise AssertionError(f"{text!r} is not {times} times in:\n{cloud.logs(function.name)}")


def test_an_event_comes_back_with_any_text_in_it(bare_cloud: LocalCloud) -> None:
    event = {"text": "酒店很好 \u2028 \U0001f600", "n": [1, None, True, 1e-9]}

    assert value(invoke(bare_cloud, deploy(bare_cloud, ECHO), event)) == event


def test_the_environment_is_lambdas_and_nothing_of_ours(
    bare_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "x")
    function = deploy(
        bare_cloud,
        "import os\ndef handler(event, context): return dict(os.environ)",
        Environment={"Variables": {"COLOUR": "blue"}},
        MemorySize=320,
    )

    variables = value(invoke(bare_cloud, function))

    assert variables["COLOUR"] == "blue"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == function.name
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "320"
    assert variables["AWS_LAMBDA_FUNCTION_VERSION"] == "1"
    assert variables["_HANDLER"] == "app.handler"
    assert variables["AWS_ENDPOINT_URL"] == bare_cloud.endpoint_url
    assert variables["AWS_ACCESS_KEY_ID"] != bare_cloud.credentials.access_key_id
    assert not {"PYTHONPATH", "SECRET_OF_THE_PARENT", "HOME", "VIRTUAL_ENV"} & variables.keys()


def test_only_what_the_runtime_brings_can_be_imported(bare_cloud: LocalCloud) -> None:
    function = deploy(
        bare_cloud,
        "import importlib.util as u\n"
        "def handler(names, context): return [name for name in names if u.find_spec(name)]",
    )

    names = ["boto3", "awslambdaric", "moto", "numpy", "pytest", "local"]

    assert value(invoke(bare_cloud, function, names)) == ["boto3", "awslambdaric"]


def test_context_names_the_alias_and_the_time_left(bare_cloud: LocalCloud) -> None:
    source = (
        "def handler(event, c): return [c.invoked_function_arn, c.get_remaining_time_in_millis(),"
        " c.aws_request_id, c.function_version, c.client_context.custom]"
    )
    function = deploy(bare_cloud, source, Timeout=7)
    custom = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()

    arn, left, request_id, version, given = value(
        invoke(bare_cloud, function, ClientContext=custom)
    )

    assert arn == function.alias_arn
    assert 0 < left <= 7000
    assert f"START RequestId: {request_id} Version: 1" in bare_cloud.logs(function.name)
    assert version == "1"
    assert given == {"a": "b"}


def test_a_warm_environment_is_used_again(bare_cloud: LocalCloud) -> None:
    source = "n = 0\ndef handler(event, context):\n  global n\n  n += 1\n  return n"
    function = deploy(bare_cloud, source)

    assert [value(invoke(bare_cloud, function)) for _ in range(3)] == [1, 2, 3]
    assert bare_cloud.logs(function.name).count("INIT_START") == 1


def test_an_exception_is_a_function_error_and_keeps_the_environment(
    bare_cloud: LocalCloud,
) -> None:
    source = "import os\ndef handler(e, c):\n  if e: raise KeyError('colour')\n  return os.getpid()"
    function = deploy(bare_cloud, source)
    before = value(invoke(bare_cloud, function, None))

    answer = invoke(bare_cloud, function, {"fail": True})

    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"])["errorType"] == "KeyError"
    assert value(invoke(bare_cloud, function, None)) == before


def test_an_import_error_is_reported_as_such(bare_cloud: LocalCloud) -> None:
    answer = invoke(bare_cloud, deploy(bare_cloud, "import no_such_module"))

    assert answer["FunctionError"] == "Unhandled"
    error = json.loads(answer["Payload"])
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert "no_such_module" in error["errorMessage"]


def test_a_slow_function_is_stopped_at_its_timeout(bare_cloud: LocalCloud) -> None:
    source = "import time\ndef handler(e, c):\n  if e: time.sleep(60)\n  return 'alive'"
    function = deploy(bare_cloud, source, Timeout=1)

    answer = invoke(bare_cloud, function, {"slow": True})

    assert json.loads(answer["Payload"])["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in bare_cloud.logs(function.name)
    assert value(invoke(bare_cloud, function, None)) == "alive"


def test_a_greedy_function_is_killed_at_its_memory_size(bare_cloud: LocalCloud) -> None:
    source = "def handler(e, c):\n  x = []\n  while True: x.append(bytearray(b'x' * 4_000_000))"
    function = deploy(bare_cloud, source, MemorySize=128)

    error = json.loads(invoke(bare_cloud, function)["Payload"])

    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert "Max Memory Used: 128 MB" in bare_cloud.logs(function.name)


def test_a_function_that_exits_is_started_again(bare_cloud: LocalCloud) -> None:
    source = "import os\ndef handler(e, c):\n  if e: os._exit(3)\n  return 'alive'"
    function = deploy(bare_cloud, source)

    error = json.loads(invoke(bare_cloud, function, {"exit": True})["Payload"])

    assert "exit status 3" in error["errorMessage"]
    assert value(invoke(bare_cloud, function, None)) == "alive"


def test_payloads_are_limited_both_ways(bare_cloud: LocalCloud) -> None:
    function = deploy(
        bare_cloud, "def handler(n, c): return 'x' * (n if isinstance(n, int) else 0)"
    )

    assert len(value(invoke(bare_cloud, function, 6_291_554))) == 6_291_554
    too_large = json.loads(invoke(bare_cloud, function, 6_291_555)["Payload"])
    assert too_large["errorType"] == "Function.ResponseSizeTooLarge"
    with pytest.raises(ClientError, match="RequestTooLarge"):
        invoke(bare_cloud, function, b'"' + b"x" * 6_291_556 + b'"')
    with pytest.raises(ClientError, match="RequestTooLarge"):
        invoke(bare_cloud, function, b'"' + b"x" * 262_144 + b'"', InvocationType="Event")


def test_logs_are_in_order_and_reach_cloudwatch(bare_cloud: LocalCloud) -> None:
    source = (
        "import logging\nlogging.getLogger().setLevel('INFO')\n"
        "def handler(e, c):\n  print('printed')\n  logging.info('logged')"
    )
    function = deploy(bare_cloud, source)

    answer = invoke(bare_cloud, function, LogType="Tail")

    messages = [
        event["message"]
        for event in bare_cloud.boto3("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{function.name}"
        )["events"]
    ]
    kinds = [message.split()[0] for message in messages]
    assert kinds == ["INIT_START", "START", "printed", "[INFO]", "END", "REPORT"]
    for field in ("Duration:", "Billed Duration:", "Memory Size: 256 MB", "Max Memory Used:"):
        assert field in messages[-1]
    assert "Init Duration:" in messages[-1]
    assert "printed" in base64.b64decode(answer["LogResult"]).decode()


def test_a_line_without_an_end_is_logged_in_parts(bare_cloud: LocalCloud) -> None:
    source = "import sys\ndef handler(event, context): sys.stdout.write('x' * event)"
    function = deploy(bare_cloud, source)

    invoke(bare_cloud, function, 3 * MAX_LINE_BYTES)

    sizes = [len(line) for line in bare_cloud.logs(function.name).splitlines() if line[:2] == "xx"]
    assert sum(sizes) >= 2 * MAX_LINE_BYTES  # the rest waits for more
    assert MAX_LINE_BYTES < max(sizes) < 2 * MAX_LINE_BYTES


def test_a_function_for_which_there_is_no_room_is_an_error_of_lambda(
    bare_cloud: LocalCloud,
) -> None:
    function = deploy(bare_cloud, ECHO + "  # never run before")
    code, aside = bare_cloud.folder / "code", bare_cloud.folder / "aside"
    code.rename(aside)
    code.touch()
    try:
        with pytest.raises(ClientError, match=r"ServiceException.* cannot be run: Not a directory"):
            invoke(bare_cloud, function, 1)
    finally:
        code.unlink()
        aside.rename(code)

    assert value(invoke(bare_cloud, function, 1)) == 1


def test_concurrent_events_get_an_environment_each(bare_cloud: LocalCloud) -> None:
    source = "import os, time\ndef handler(e, c):\n  print('began')\n  time.sleep(60)"
    function = deploy(bare_cloud, source, Timeout=60)
    for _ in range(3):
        invoke(bare_cloud, function, InvocationType="Event")

    wait_for(bare_cloud, function, "began", times=3)

    assert bare_cloud.kill(function.name) == 3
    bare_cloud.boto3("lambda").delete_function(FunctionName=function.name)


def test_reserved_concurrency_throttles(bare_cloud: LocalCloud) -> None:
    function = deploy(bare_cloud, ECHO)
    functions = bare_cloud.boto3("lambda")
    functions.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)

    with pytest.raises(ClientError, match="TooManyRequests"):
        cloud_without_retries(bare_cloud).invoke(FunctionName=function.name)


def cloud_without_retries(cloud: LocalCloud) -> Any:
    client = cloud.boto3("lambda")
    client.meta.events.register("needs-retry.lambda", lambda **_: None)
    client.meta.config.retries = {"max_attempts": 0}
    return client


def test_a_failed_event_is_tried_twice_more_with_the_same_request_id(
    bare_cloud: LocalCloud,
) -> None:
    function = deploy(bare_cloud, "def handler(e, c): raise ValueError(c.aws_request_id)")

    answer = invoke(bare_cloud, function, InvocationType="Event")

    assert answer["StatusCode"] == 202
    log = wait_for(bare_cloud, function, "REPORT", times=3)
    ids = {line.split()[2] for line in log.splitlines() if line.startswith("START")}
    assert len(ids) == 1


def test_event_invoke_config_sets_the_retries(bare_cloud: LocalCloud) -> None:
    function = deploy(bare_cloud, "def handler(e, c):\n  print(e)\n  raise ValueError")
    functions = bare_cloud.boto3("lambda")
    for attempts in (2, 0):
        functions.put_function_event_invoke_config(
            FunctionName=function.name, Qualifier="live", MaximumRetryAttempts=attempts
        )
    invoke(bare_cloud, function, "once", InvocationType="Event")
    wait_for(bare_cloud, function, "REPORT")
    functions.put_function_event_invoke_config(
        FunctionName=function.name, Qualifier="live", MaximumRetryAttempts=1
    )

    invoke(bare_cloud, function, "twice", InvocationType="Event")

    log = wait_for(bare_cloud, function, "REPORT", times=3)
    assert log.count("once") == 1


def test_an_event_that_is_given_up_goes_to_the_queue_with_its_reason(
    bare_cloud: LocalCloud,
) -> None:
    queues = bare_cloud.boto3("sqs")
    url = queues.create_queue(QueueName="failed")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:failed"
    may_send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    allowed = deploy(bare_cloud, BREAK, policy=[WRITE_LOGS, may_send])
    for function in (deploy(bare_cloud, BREAK), allowed):
        bare_cloud.boto3("lambda").put_function_event_invoke_config(
            FunctionName=function.name,
            Qualifier="live",
            MaximumRetryAttempts=1,
            DestinationConfig={"OnFailure": {"Destination": arn}},
        )
        invoke(bare_cloud, function, {"n": 1}, InvocationType="Event")
        wait_for(bare_cloud, function, "REPORT", times=2)

    (message,) = queues.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    record = json.loads(message["Body"])
    context = record["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("RetriesExhausted", 2)
    assert context["functionArn"] == allowed.alias_arn  # the other one's role may not send
    assert context["requestId"] in bare_cloud.logs(allowed.name)
    assert record["requestPayload"] == {"n": 1}
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "no"


def test_new_code_takes_effect_behind_the_alias(bare_cloud: LocalCloud) -> None:
    function = deploy(bare_cloud, "def handler(e, c): return 'old'")
    assert value(invoke(bare_cloud, function)) == "old"

    redeploy(bare_cloud, function, "def handler(e, c): return 'new ' + c.function_version")

    assert value(invoke(bare_cloud, function)) == "new 2"
    first = bare_cloud.boto3("lambda").invoke(FunctionName=function.name, Qualifier="1")
    assert json.loads(first["Payload"].read()) == "old"


def test_a_changed_environment_takes_effect(bare_cloud: LocalCloud) -> None:
    source = "import os\ndef handler(e, c): return os.environ.get('MODE')"
    function = deploy(bare_cloud, source, Environment={"Variables": {"MODE": "a"}})
    functions = bare_cloud.boto3("lambda")
    latest = {"FunctionName": function.name, "Qualifier": "$LATEST"}
    assert json.loads(functions.invoke(**latest)["Payload"].read()) == "a"

    functions.update_function_configuration(
        FunctionName=function.name, Environment={"Variables": {"MODE": "b"}}
    )

    assert json.loads(functions.invoke(**latest)["Payload"].read()) == "b"
    assert value(invoke(bare_cloud, function)) == "a"


def test_a_missing_function_and_a_dry_run(bare_cloud: LocalCloud) -> None:
    functions = bare_cloud.boto3("lambda")
    with pytest.raises(ClientError, match=r"Function not found: arn:aws:lambda:.*:nobody"):
        functions.invoke(FunctionName="nobody")
    function = deploy(bare_cloud, "def handler(e, c): print('ran')")

    answer = functions.invoke(FunctionName=function.name, InvocationType="DryRun")

    assert answer["StatusCode"] == 204
    assert bare_cloud.logs(function.name) == ""


READ_AND_WRITE = """\
import boto3
from botocore.exceptions import ClientError
def handler(steps, context):
    s3, results = boto3.client("s3"), []
    for name, arguments in steps:
        try:
            getattr(s3, name)(**arguments)
            results.append("ok")
        except ClientError as error:
            results.append(error.response["Error"]["Code"])
    return results
"""


def test_a_function_may_do_what_its_role_says(bare_cloud: LocalCloud) -> None:
    bucket = "tiny-roles"
    bare_cloud.boto3("s3").create_bucket(Bucket=bucket)
    policy = [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": f"arn:aws:s3:::{bucket}/mine/*",
        },
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"StringLike": {"s3:prefix": ["mine/*"]}},
        },
        {
            "Effect": "Deny",
            "Action": "s3:*",
            "Resource": f"arn:aws:s3:::{bucket}/mine/secret*",
        },
    ]
    function = deploy(bare_cloud, READ_AND_WRITE, policy)
    steps = [
        ("put_object", {"Key": "mine/a", "Body": "x"}, "ok"),
        ("get_object", {"Key": "mine/a"}, "ok"),
        ("get_object", {"Key": "mine/none"}, "AccessDenied"),  # not all of the bucket is listed
        ("list_objects_v2", {"Prefix": "mine/"}, "ok"),
        ("list_objects_v2", {}, "AccessDenied"),
        ("list_objects_v2", {"Prefix": "other/"}, "AccessDenied"),
        ("put_object", {"Key": "other/a", "Body": "x"}, "AccessDenied"),
        ("get_object", {"Key": "mine/secret"}, "AccessDenied"),
        ("delete_object", {"Key": "mine/a"}, "AccessDenied"),
        ("delete_bucket", {}, "AccessDenied"),
    ]

    results = value(
        invoke(
            bare_cloud,
            function,
            [[name, {"Bucket": bucket, **arguments}] for name, arguments, _ in steps],
        )
    )

    assert results == [expected for _, _, expected in steps]


def test_a_missing_key_is_missing_only_to_whom_may_list(bare_cloud: LocalCloud) -> None:
    bucket = "tiny-unlisted"
    bare_cloud.boto3("s3").create_bucket(Bucket=bucket)
    arn = f"arn:aws:s3:::{bucket}"
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{arn}/*"}
    listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn}
    reader = deploy(bare_cloud, READ_AND_WRITE, [read])
    lister = deploy(bare_cloud, READ_AND_WRITE, [read, listing])

    steps = [["get_object", {"Bucket": bucket, "Key": "none"}]]

    assert value(invoke(bare_cloud, reader, steps)) == ["AccessDenied"]
    assert value(invoke(bare_cloud, lister, steps)) == ["NoSuchKey"]


def test_lambda_logs_by_the_functions_role(bare_cloud: LocalCloud) -> None:
    function = deploy(bare_cloud, "def handler(e, c):\n  print('printed')", policy=())

    invoke(bare_cloud, function)

    group = f"/aws/lambda/{function.name}"
    assert bare_cloud.boto3("logs").filter_log_events(logGroupName=group)["events"] == []
    assert "printed" in bare_cloud.logs(function.name)
