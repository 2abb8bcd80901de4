"""Callers of a deployed root: with signed requests, with an API key, or without the API."""

import json
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import boto3
import urllib3

from local.client import ApiError, Client
from scripts.smoke.steps import PAUSE_SECONDS, Unexpected

JOB_SECONDS = 900
ORIGIN = "https://smoke.example.com"
"""Of the page that roots/public lets in."""


@dataclass(frozen=True)
class Deployed:
    """An applied root: the module's outputs, and the session in whose region it is."""

    outputs: dict[str, Any]
    session: boto3.Session

    @property
    def url(self) -> str:
        """Of the API for signed requests; on the local cloud at its one address."""
        endpoint = os.environ.get("AWS_ENDPOINT_URL")
        return self._local(f"{endpoint}/_aws/execute-api") if endpoint else self.outputs["api_url"]

    @property
    def open_url(self) -> str:
        """Of the API for requests without a signature."""
        endpoint = os.environ.get("OPEN_ENDPOINT_URL")
        return self._local(endpoint) if endpoint else self.outputs["api_url"]

    def client(self) -> Client:
        """Signs with the session's credentials of the moment, which may be of an hour only."""
        keys = self.session.get_credentials().get_frozen_credentials()
        region = self.session.region_name
        return Client(self.url, keys.access_key, keys.secret_key, region, keys.token)

    def _local(self, address: str) -> str:
        return f"{address}/{self.outputs['rest_api_id']}/{self.outputs['stage_name']}"


@dataclass(frozen=True)
class Answer:
    """What inference answered: the model's version, and a label for each instance."""

    version: str
    labels: list[str]

    @classmethod
    def of(cls, body: Any) -> "Answer":
        return cls(body["version"], [prediction["label"] for prediction in body["predictions"]])


class Caller(Protocol):
    """What every kind of caller does."""

    def upload(self, file: Path) -> str:
        """Sends a file of raw data; its key."""

    def run(self, function: str, body: dict[str, Any]) -> dict[str, Any]:
        """Runs a job to its end; its result."""

    def predict(self, body: dict[str, Any]) -> Answer:
        """Asks inference."""

    def is_ready(self) -> bool:
        """Whether it is let in, which can take AWS some seconds after an apply."""

    def is_closed(self) -> bool:
        """Whether others are not let in."""


@dataclass(frozen=True)
class Signed:
    """Signs every request with AWS_IAM."""

    deployed: Deployed

    def upload(self, file: Path) -> str:
        return self.deployed.client().upload("iris", file)

    def run(self, function: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.deployed.client().run(f"/{function}", body, seconds=JOB_SECONDS)

    def predict(self, body: dict[str, Any]) -> Answer:
        return Answer.of(self.deployed.client().post("/inference", body))

    def is_ready(self) -> bool:
        return self.deployed.client().request("GET", "/models").status == 200

    def is_closed(self) -> bool:
        return _fetch("GET", f"{self.deployed.open_url}/models").status == 403


@dataclass(frozen=True)
class WithKey(Signed):
    """A web page that asks for predictions with an API key; the rest is signed."""

    def predict(self, body: dict[str, Any]) -> Answer:
        answer = self._ask(body, self._key)
        if answer.status != 200:
            raise ApiError(answer.status, answer.data.decode())
        if answer.headers.get("Access-Control-Allow-Origin") != ORIGIN:
            raise Unexpected(f"{ORIGIN} may not read the answer: {dict(answer.headers)}")
        return Answer.of(answer.json())

    def is_ready(self) -> bool:
        return super().is_ready() and self._ask({}, self._key).status == 422

    def is_closed(self) -> bool:
        return super().is_closed() and self._ask({}, "none").status == 403

    @property
    def _key(self) -> str:
        (key,) = self.deployed.outputs["api_keys"].values()
        return str(key)

    def _ask(self, body: dict[str, Any], key: str) -> urllib3.BaseHTTPResponse:
        sent = {"X-Api-Key": key, "Origin": ORIGIN, "Content-Type": "application/json"}
        url = f"{self.deployed.open_url}/inference"
        return _fetch("POST", url, body=json.dumps(body), headers=sent)


@dataclass(frozen=True)
class Direct:
    """Invokes the functions, as nobody outside of the VPC reaches a private API."""

    deployed: Deployed

    def upload(self, file: Path) -> str:
        key = f"raw/iris/{uuid.uuid4().hex}/{file.name}"
        bucket = self.deployed.outputs["data_bucket"]
        self.deployed.session.client("s3").put_object(
            Bucket=bucket, Key=key, Body=file.read_bytes()
        )
        return key

    def run(self, function: str, body: dict[str, Any]) -> dict[str, Any]:
        """Does not wait in the function, so that it has to reach Lambda from the VPC."""
        options = {"idempotency_key": str(uuid.uuid4()), "wait": False, "raise_errors": True}
        give_up = time.monotonic() + JOB_SECONDS
        while True:
            job = self._invoke(function, {**body, "invocation": options})
            if job["status"] == "SUCCEEDED":
                return dict(job["result"])
            if time.monotonic() > give_up:
                raise Unexpected(f"job {job['job_id']} is still {job['status']}")
            time.sleep(PAUSE_SECONDS)

    def predict(self, body: dict[str, Any]) -> Answer:
        return Answer.of(self._invoke("inference", {**body, "invocation": {"raise_errors": True}}))

    def is_ready(self) -> bool:
        return True  # an invocation waits until the function has its network

    def is_closed(self) -> bool:
        try:
            return self.deployed.client().request("GET", "/models").status == 403
        except urllib3.exceptions.HTTPError:  # the name leads nowhere, or to the VPC
            return True

    def _invoke(self, function: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.deployed.session.client("lambda").invoke(
            FunctionName=self.deployed.outputs["function_alias_arns"][function],
            Payload=json.dumps(body),
        )
        content: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise Unexpected(f"{function}: {content}")
        return content


def _fetch(method: str, url: str, **more: Any) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, url, retries=False, timeout=60, **more)
