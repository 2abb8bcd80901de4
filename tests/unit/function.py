"""A function as AWS would call it, in the three ways that it does, on an S3 held in memory."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import boto3
import pytest

from common import job_endpoints
from tests.unit.plain import assert_plain

BUCKET = "ml-data-111122223333"


@dataclass
class Context:
    """What Lambda passes beside the event."""

    seconds: float = 900.0
    memory_limit_in_mb: str = "1024"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:1:function:ml-function:live"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Function:
    """A function that has jobs, its bucket, and the events that it has sent to itself."""

    s3: Any
    queue: list[str] = field(default_factory=list)

    entry: ClassVar[Any]
    """The module of the handler."""

    @classmethod
    def deployed(cls, monkeypatch: pytest.MonkeyPatch) -> Self:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("DATA_BUCKET", BUCKET)
        cls.entry._store.cache_clear()
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        # Without versions moto closes a file that another request is reading.
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        function = cls(s3)
        monkeypatch.setattr(job_endpoints, "dispatch", lambda arn, job: function.queue.append(job))
        return function

    def call(
        self,
        method: str,
        resource: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        caller: str | None = None,
        query: dict[str, str] | None = None,
        **parameters: str,
    ) -> Answer:
        """A request through the REST API; caller is the ARN that has signed it."""
        event = {
            "httpMethod": method,
            "resource": resource,
            "pathParameters": parameters or None,
            "headers": headers or {},
            "queryStringParameters": query,
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
            "isBase64Encoded": False,
            "requestContext": {"identity": {"userArn": caller, "sourceIp": "127.0.0.1"}},
        }
        answer = self.entry.handler(event, Context())
        document = json.loads(answer["body"])
        if answer["statusCode"] >= 400:
            assert_plain(document)
        return Answer(answer["statusCode"], document, answer["headers"])

    def deliver(self, seconds: float = 900.0) -> None:
        """Lets Lambda deliver the events that wait; the function has so many seconds for each."""
        while self.queue:
            self.entry.handler({"job_id": self.queue.pop(0)}, Context(seconds))

    def job(self, body: dict[str, Any], seconds: float = 900.0) -> dict[str, Any]:
        """Starts a job through the API, lets it run, and returns how it ended."""
        path = f"/{self.entry.handler.name}"
        started = self.call("POST", path, body)
        assert started.status == 202, started.body
        self.deliver(seconds)
        ended = self.call("GET", path + "/{job_id}", job_id=started.body["job_id"])
        assert ended.status == 200
        document: dict[str, Any] = ended.body
        assert_plain([document["message"], document.get("error")])
        return document

    def beside[T: Function](self, other: type[T]) -> T:
        """Another function of the same deployment."""
        other.entry._store.cache_clear()
        return other(self.s3, self.queue)

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
        return [entry["Key"] for entry in found]

    def get(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body
