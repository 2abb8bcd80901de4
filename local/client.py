"""A small client of the service's REST API, signed as AWS_IAM wants it.

The demo, the benchmarks and the system tests speak to the service through this alone, as any
other caller would.
"""

import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

POLL_SECONDS = 0.25


class ApiError(Exception):
    """An answer that is a problem instead of what was asked for."""

    def __init__(self, status: int, problem: Any) -> None:
        super().__init__(f"{status}: {msgspec.json.encode(problem).decode()}")
        self.status = status
        self.problem = problem


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; body is the JSON value it holds. Header names ignore case."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Client:
    """Calls the API at url (with its stage) with the given credentials."""

    def __init__(
        self, url: str, access_key: str, secret_key: str, region: str, token: str | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._signer = SigV4Auth(Credentials(access_key, secret_key, token), "execute-api", region)
        self._http = urllib3.PoolManager(retries=False, timeout=60)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One signed request; body is a JSON value, or bytes to send as they are."""
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        url = self._url + _encoded(path)
        signed = AWSRequest(method, url, {**(headers or {})}, data)
        if data is not None and "Content-Type" not in signed.headers:
            signed.headers["Content-Type"] = "application/json"
        self._signer.add_auth(signed)
        answer = self._http.request(method, url, body=data, headers=dict(signed.headers))
        content = msgspec.json.decode(answer.data) if answer.data else None
        return Answer(answer.status, answer.headers, content)

    def get(self, path: str) -> Any:
        """The body of a GET. Raises ApiError."""
        return _expected(self.request("GET", path))

    def post(self, path: str, body: Any) -> Any:
        """The body of the answer to a POST. Raises ApiError."""
        return _expected(self.request("POST", path, body))

    def put(self, path: str, body: Any) -> Any:
        """The body of the answer to a PUT. Raises ApiError."""
        return _expected(self.request("PUT", path, body))

    def delete(self, path: str) -> Any:
        """The body of the answer to a DELETE. Raises ApiError."""
        return _expected(self.request("DELETE", path))

    def listed(self, path: str, field: str, limit: int = 100) -> Iterator[dict[str, Any]]:
        """All that a list has in a field of its answers, newest first. Raises ApiError."""
        page = self.get(f"{path}?limit={limit}")
        yield from page[field]
        while "next" in page:
            page = self.get(f"{path}?limit={limit}&after={page['next']}")
            yield from page[field]

    def upload(self, dataset: str, file: Path) -> str:
        """Sends a file through a presigned URL and returns its key."""
        asked = {"dataset": dataset, "filename": file.name, "bytes": file.stat().st_size}
        target = self.post("/data_processing/uploads", asked)
        with file.open("rb") as stream:
            answer = self._http.request(
                target["method"], target["url"], body=stream, headers=target["headers"]
            )
        if answer.status != 200:
            raise ApiError(answer.status, answer.data.decode(errors="replace"))
        return str(target["key"])

    def run(
        self,
        path: str,
        body: Any,
        on_progress: Callable[[dict[str, Any]], None] = lambda job: None,
        seconds: float = 900,
    ) -> dict[str, Any]:
        """Starts a job and waits for its end; its result. Raises ApiError when it fails."""
        job = self.post(path, body)
        give_up = time.monotonic() + seconds
        while job["status"] in ("PENDING", "RUNNING"):
            if time.monotonic() > give_up:
                raise TimeoutError(f"Job {job['job_id']} is still {job['status']}.")
            time.sleep(POLL_SECONDS)
            try:
                job = self.get(f"{path}/{job['job_id']}")
            except ApiError as error:
                if error.status not in (503, 504):
                    raise
                continue  # for a moment there is nobody to ask: the job goes on
            on_progress(job)
        if job["status"] == "FAILED":
            raise ApiError(job["error"]["status"], job["error"])
        result: dict[str, Any] = job["result"]
        return result


def _encoded(path: str) -> str:
    """A path and its query as a signature takes them, be they encoded or not.

    >>> _encoded("/models/a b?after=raw/x&limit=%35")
    '/models/a%20b?after=raw%2Fx&limit=5'
    """
    path, mark, query = path.partition("?")
    named = urllib.parse.parse_qsl(query, keep_blank_values=True)
    encoded = urllib.parse.urlencode(named, quote_via=urllib.parse.quote, safe="")
    return urllib.parse.quote(path, safe="/%") + mark + encoded


def _expected(answer: Answer) -> Any:
    if answer.status >= 400:
        raise ApiError(answer.status, answer.body)
    return answer.body
