"""What a process has of its own on AWS, and shares with all others in here.

Clocks, credentials, the ends of time limits, and the stores and models that a warm environment
keeps are those of the process at hand. Heartbeats are written at the moments when a run has
something to tell. What would be a thread of its own is done in that of the process. Trees are
fitted and tables cleaned once for each input; each later run gets the same with a mark of its own
in the files, as other releases of libraries would make them.
"""

import contextlib
import hashlib
import io
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import boto3.s3.transfer
import botocore.endpoint
import msgspec
import urllib3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.retries.quota import RetryQuota

import common.jobs.lease
import common.logs
import common.metrics
import common.store
import common.times
import data_processing.handler
import inference.connection
import inference.handler
import inference.models
import inference.s3
import model_training.deletion
import model_training.handler
import tasks
from common import invocation, jobs, time_limit
from common.jobs import Lease
from inference.models import Models
from inference.s3 import Credentials, ReadOnlyStore
from tests.faults.s3 import BUCKET, Reply, Request
from tests.faults.world import World, here

NOWHERE = "http://127.0.0.1:9"
"""Where nothing is sent to."""

MODEL_BYTES = 10**9


@dataclass
class Deployment:
    """What all that runs is in."""

    world: World | None = None


@contextlib.contextmanager
def deployed() -> Iterator[Deployment]:
    """While the functions' code runs on the S3 of whatever world is at hand."""
    deployment = Deployment()
    environment = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": NOWHERE,
        "AWS_EC2_METADATA_DISABLED": "true",
        "DATA_BUCKET": BUCKET,
    }
    with contextlib.ExitStack() as stack, patch.dict("os.environ", environment):
        for target, name, replacement in _patches(deployment):
            stack.enter_context(patch.object(target, name, replacement))
        yield deployment


def _patches(deployment: Deployment) -> Iterator[tuple[Any, str, Any]]:
    def world() -> World:
        assert deployment.world is not None
        return deployment.world

    def sleep(seconds: float) -> None:
        world().wait(seconds)

    clocked = SimpleNamespace(
        **{**vars(time), "monotonic": lambda: world().clock.now, "sleep": sleep}
    )
    for module in (time_limit, invocation, jobs, common.jobs.lease, model_training.deletion):
        yield module, "time", clocked
    unhurried = SimpleNamespace(**{**vars(clocked), "sleep": lambda seconds: None})
    for module in (common.store, botocore.endpoint, inference.s3):
        yield module, "time", unhurried
    yield common.times, "datetime", _clock(world)
    yield time_limit, "within", _within
    yield time_limit, "left", lambda: here().ends - world().clock.now
    yield time_limit, "ending_in", _ending_in
    yield uuid, "uuid4", lambda: uuid.UUID(int=world().number(), version=4)
    yield boto3, "client", _Clients()
    yield (
        boto3.s3.transfer,
        "TransferConfig",
        partial(boto3.s3.transfer.TransferConfig, use_threads=False),
    )
    yield URLLib3Session, "send", _send
    yield inference.connection, "_open", lambda *about: _Wire()
    yield inference.connection, "time", clocked
    yield RetryQuota, "acquire", lambda self, amount: True
    yield Lease, "__init__", _observed(Lease.__init__)
    for handler in (data_processing.handler, model_training.handler):
        yield handler, "_store", lambda bucket, prefix: here().store()
    yield inference.handler, "_bucket", _reader
    yield inference.handler, "_models", lambda memory: _models()
    yield inference.models, "ALIAS_SECONDS", 0.0
    yield common.logs, "configure", lambda: None
    yield common.metrics, "sys", SimpleNamespace(stdout=_Sink())
    yield invocation.Invocation, "scratch", property(lambda self: world().folder)
    yield tasks.training("classification"), "train", _trained_once()
    yield tasks.processing("classification"), "process", _processed_once()


class _Sink(io.StringIO):
    def write(self, text: str) -> int:
        return len(text)


def _clock(world: Callable[[], World]) -> type[datetime]:
    class Clocked(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            at = datetime.fromtimestamp(world().clock.now, UTC)
            return at + timedelta(seconds=here().skew)

    return Clocked


def _within[T](seconds: float, action: Callable[[], T]) -> T:
    """time_limit.within, in the time of the world: what takes too long has its effect."""
    clock = here().world.clock
    began = clock.now
    if seconds <= 0:
        raise TimeoutError("it takes too long")
    try:
        return action()
    finally:
        if clock.now - began > seconds:
            raise TimeoutError("it takes too long")


@contextlib.contextmanager
def _ending_in(seconds: float) -> Iterator[None]:
    process = here()
    process.ends = process.world.clock.now + seconds
    try:
        yield
    finally:
        process.ends = float("inf")


class _Clients:
    """boto3.client: one client for each process and service, which are kept for those to come."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Any] = {}
        self._session = boto3.Session()

    def __call__(self, service: str, config: Any = None) -> Any:
        key = here().access_key, service
        if key not in self._made:
            self._made[key] = self._session.client(
                service,
                aws_access_key_id=key[0],
                aws_secret_access_key="secret",
                endpoint_url=NOWHERE,
                config=config,
            )
        return self._made[key]


def _send(self: URLLib3Session, request: Any) -> AWSResponse:
    """What URLLib3Session.send returns and raises, of what the world answers."""
    headers = {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else value
        for name, value in request.headers.items()
    }
    body = request.body
    if body is not None and not isinstance(body, bytes | bytearray):
        body = body.read()
    reply = here().world.answer(
        Request.of(request.method, request.url, headers, bytes(body or b""))
    )
    if reply.sent == "closed":
        raise ConnectionClosedError(endpoint_url=request.url, request=request)
    if reply.sent == "silent":
        raise ReadTimeoutError(endpoint_url=request.url)
    is_empty = request.method == "HEAD" or reply.status == 304
    whole = b"" if is_empty else reply.body
    raw = urllib3.HTTPResponse(
        io.BytesIO(_part(whole) if reply.sent == "part" else whole),
        {"Content-Length": str(len(reply.body)), **reply.headers},
        reply.status,
        preload_content=False,
        decode_content=False,
        enforce_content_length=False,  # as botocore asks for
        request_method=request.method,
    )
    response = AWSResponse(request.url, reply.status, raw.headers, raw)
    if not request.stream_output:
        _ = response.content  # as it reads what is no stream
    return response


def _part(body: bytes) -> bytes:
    return body[: len(body) // 2]


class _Wire:
    """A socket to the world, for inference's connection; a request is sent at once."""

    def __init__(self) -> None:
        self._incoming = io.BytesIO()
        self._is_silent = False

    def settimeout(self, seconds: float) -> None: ...

    def close(self) -> None: ...

    def sendall(self, data: bytes) -> None:
        head, _, _ = data.decode("ascii").partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split()
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        reply = here().world.answer(Request.of(method, target, headers, b""))
        self._is_silent = reply.sent == "silent"
        self._incoming = io.BytesIO(b"" if reply.sent in ("closed", "silent") else _wired(reply))

    def recv_into(self, buffer: Any) -> int:
        if self._is_silent:
            raise TimeoutError("timed out")
        return self._incoming.readinto(buffer)


def _wired(reply: Reply) -> bytes:
    length = {} if reply.status == 304 else {"Content-Length": str(len(reply.body))}
    headers = {**length, **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} .", *(f"{name}: {headers[name]}" for name in headers)]
    body = b"" if reply.status == 304 else reply.body
    whole = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
    return _part(whole) if reply.sent == "part" else whole


class _Asleep(Exception):
    """A heartbeat has written, and waits for more to tell."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class _Wake(threading.Event):
    """Wakes a heartbeat, which writes in the thread that wakes it, and then not for a while."""

    def __init__(self, lease: Lease) -> None:
        super().__init__()
        self._lease = lease
        self._is_over = False
        self._next = 0.0

    def set(self) -> None:
        super().set()
        clock = here().world.clock
        if self._is_over or self._lease._done.is_set() or clock.now < self._next:
            return
        try:
            self._lease._beat()
            self._is_over = True
        except _Asleep as asleep:
            self._next = clock.now + asleep.seconds

    def wait(self, timeout: float | None = None) -> bool:
        return True


class _Done(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        raise _Asleep(timeout or 0.0)


class _NoThread:
    def start(self) -> None: ...

    def join(self) -> None: ...


def _observed(init: Callable[..., None]) -> Callable[..., None]:
    def replacement(self: Lease, *arguments: Any) -> None:
        init(self, *arguments)
        self._wake, self._done = _Wake(self), _Done()
        self._thread = _NoThread()  # type: ignore[assignment]
        here().leases.append(self)

    return replacement


def _reader() -> Any:
    process = here()
    if process.is_direct:
        return process.world.s3
    if process.reader is None:
        reader = ReadOnlyStore(BUCKET, "us-east-1", NOWHERE)
        reader._credentials = Credentials(process.access_key, "secret", None)
        process.reader = reader
    return process.reader


def _models() -> Models:
    process = here()
    if process.models is None:
        process.models = Models(_reader(), MODEL_BYTES)
    found: Models = process.models
    return found


def _trained_once() -> Callable[..., tasks.Trained]:
    train = tasks.training("classification").train
    known: dict[bytes, tuple[tasks.Trained, list[tuple[str, int, str]]]] = {}

    def replacement(data: tasks.TrainingData, options: Any, run: Any) -> tasks.Trained:
        about = [msgspec.json.encode([data.schema, data.target, data.rows, options, run.seed])]
        about += [path.read_bytes() for path in data.files.values()]
        key = hashlib.sha256(b"".join(about)).digest()
        if key not in known:
            told: list[tuple[str, int, str]] = []
            # Without a store, whose calls only the first one of these runs would make.
            silent = replace(run, progress=lambda *one: told.append(one), store=None)
            known[key] = train(data, options, silent), told
        trained, told = known[key]
        for progress in told:
            run.progress(*progress)
        mark = b"%d" % next(here().world.ticks)
        files = {
            "model.onnx": trained.files["model.onnx"] + b"\x32" + bytes([len(mark)]) + mark,
            "model.joblib": trained.files["model.joblib"] + mark,
        }
        return msgspec.structs.replace(trained, files=files)

    return replacement


def _processed_once() -> Callable[..., tasks.Processed]:
    process = tasks.processing("classification").process
    known: dict[bytes, tuple[tasks.Processed, dict[str, bytes], list[tuple[str, int, str]]]] = {}

    def replacement(
        source: Path, options: Any, folder: Path, invoked: Any, progress: Any
    ) -> tasks.Processed:
        key = hashlib.sha256(source.read_bytes() + msgspec.json.encode(options)).digest()
        if here().room is not None:
            return process(source, options, folder, invoked, progress)
        if key not in known:
            told: list[tuple[str, int, str]] = []
            made = process(source, options, folder, invoked, lambda *one: told.append(one))
            files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
            known[key] = made, files, told
        made, files, told = known[key]
        for one in told:
            progress(*one)
        for name, body in files.items():
            (folder / name).write_bytes(body)
        with (folder / "rejected.csv").open("a") as file:
            file.write(f"{next(here().world.ticks)}\n")
        return made

    return replacement


logging.getLogger("ml").setLevel(logging.CRITICAL)
