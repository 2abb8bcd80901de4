"""Calls the Lambda handler in the three ways that AWS does."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from common import job_endpoints
from data_processing import handler as entry

BUCKET = "data"


@dataclass
class Context:
    """What Lambda passes beside the event."""

    seconds: float = 900.0
    memory_limit_in_mb: str = "1024"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:1:function:ml-data_processing:live"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class DataProcessing:
    """The function, its bucket, and the events that it has sent to itself."""

    s3: Any
    queue: list[str] = field(default_factory=list)

    @classmethod
    def deployed(cls, monkeypatch: pytest.MonkeyPatch) -> "DataProcessing":
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("DATA_BUCKET", BUCKET)
        entry._store.cache_clear()
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        function = cls(s3)
        monkeypatch.setattr(job_endpoints, "dispatch", lambda arn, job: function.queue.append(job))
        return function

    def call(
        self,
        method: str,
        resource: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        **parameters: str,
    ) -> Answer:
        """A request through the REST API."""
        event = {
            "httpMethod": method,
            "resource": resource,
            "pathParameters": parameters or None,
            "headers": headers or {},
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
            "isBase64Encoded": False,
            "requestContext": {"identity": {"sourceIp": "127.0.0.1"}},
        }
        answer = entry.handler(event, Context())
        return Answer(answer["statusCode"], json.loads(answer["body"]), answer["headers"])

    def deliver(self) -> None:
        """Lets Lambda deliver the events that wait."""
        while self.queue:
            entry.handler({"job_id": self.queue.pop(0)}, Context())

    def put(self, content: bytes, name: str = "data.csv") -> str:
        """Uploads a file below raw/ and returns its key."""
        key = f"raw/test/upload/{name}"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return key

    def get(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def job(self, body: dict[str, Any]) -> dict[str, Any]:
        """Starts a job through the API, lets it run, and returns how it ended."""
        started = self.call("POST", "/data_processing", body)
        assert started.status == 202, started.body
        self.deliver()
        ended = self.call("GET", "/data_processing/{job_id}", job_id=started.body["job_id"])
        assert ended.status == 200
        document: dict[str, Any] = ended.body
        return document

    def process(self, source: bytes | list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        """The manifest of the dataset that a file or rows become."""
        document = self.job(self.request(source, **options))
        assert document["status"] == "SUCCEEDED", document["error"]
        answer = self.call(
            "GET",
            "/datasets/{dataset}/versions/{version}",
            dataset="test",
            version=document["result"]["version"],
        )
        assert answer.status == 200
        manifest: dict[str, Any] = answer.body
        return manifest

    def failure(self, source: bytes | list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        """The problem that a job ends with."""
        document = self.job(self.request(source, **options))
        assert document["status"] == "FAILED", document["result"]
        problem: dict[str, Any] = document["error"]
        return problem

    def request(self, source: bytes | list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        where = {"rows": source} if isinstance(source, list) else {"key": self.put(source)}
        defaults = {"dataset": "test", "task": "classification", "target": "y"}
        return {**defaults, "source": where, **options}
