"""The deployed functions on an S3 in memory, with Lambda's queue, clocks and processes.

Time is the clock of S3 in here, which goes on with each call and wherever anybody waits. The code
is that of the functions, down to boto3 and their sockets; what is replaced is in patches.py.
"""

import ctypes
import itertools
import json
import random
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common.jobs import Lease
from common.jobs.failures import LEASE_SECONDS
from common.store import Store
from tests.faults.plan import Fault, Kind, Point, label
from tests.faults.s3 import BUCKET, S3, Clock, Reply, Request, error

CALL_TAKES = 0.02
READ_SECONDS = 5.0
"""After which the functions' clients give a silent connection up."""

ATTEMPTS = 3
RETRY_SECONDS = 61.0
FUNCTION_SECONDS = 900.0
DAY = 86_400.0

_DETACH = 2
"""MNT_DETACH of umount2(2)."""


class Killed(BaseException):
    """The end of a process, which nothing in it catches."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any


@dataclass(frozen=True)
class Event:
    """What Lambda has to deliver to a function, on behalf of which operation."""

    function: str
    payload: dict[str, Any]
    sender: "Sender | None"


@dataclass(eq=False)
class Sender:
    """On behalf of whom functions call S3: an operation, with the faults that its calls meet."""

    faults: Sequence[Fault] = ()
    skew: float = 0.0
    room: int | None = None
    """The bytes of the function's disk."""

    calls: list[Point] = field(default_factory=list)
    met: list[Fault] = field(default_factory=list)
    again: Callable[[], object] = lambda: None
    """Sends the request once more, as a client does that has no answer."""

    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def meets(self, method: str, name: str) -> Kind | None:
        point = Point(method, name, self._counts[method, name])
        self._counts[method, name] += 1
        self.calls.append(point)
        for fault in self.faults:
            if fault.point == point:
                self.met.append(fault)
                return fault.kind
        return None


@dataclass(eq=False)
class Process:
    """An environment of a function, which runs one invocation at a time."""

    world: "World"
    access_key: str
    sender: Sender | None = None
    event: Event | None = None
    skew: float = 0.0
    room: int | None = None
    is_dead: bool = False
    is_stopped: bool = False
    ends: float = float("inf")
    leases: list[Lease] = field(default_factory=list)
    last: tuple[str, str, Kind | None] = ("", "", None)
    """The method and path of the latest call, and what its retries meet."""

    is_direct: bool = False
    """Whether it reads what is there without calls of S3, and so without faults."""

    _store: Store | None = None
    models: Any = None
    reader: Any = None

    def store(self) -> Any:
        if self.is_direct:
            return self.world.s3
        if self._store is None:
            self._store = Store(BUCKET)
        return self._store


_here = threading.local()


def here() -> Process:
    """The process that this thread is in."""
    process: Process = _here.process
    return process


class Lanes:
    """Whose call S3 performs next, where several go on at the same time."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._alive: list[int] = [0]
        self._turn = 0
        self._changed = threading.Condition()
        self._is_held = False

    @property
    def is_alone(self) -> bool:
        """Whether nobody else changes anything while something goes on."""
        return len(self._alive) < 2

    @contextmanager
    def held(self) -> Iterator[None]:
        """While nobody but who has the turn calls anything: others' heartbeats hold their locks."""
        before, self._is_held = self._is_held, True
        try:
            yield
        finally:
            self._is_held = before

    def arrive(self, lane: int) -> None:
        with self._changed:
            if self._is_held or len(self._alive) < 2:
                return
            self._next()
            self._changed.wait_for(lambda: self._turn == lane)

    def run(self, actors: Sequence[Callable[[], None]]) -> None:
        """Runs all side by side, one of them at each moment. Raises what one of them raises."""
        failures: list[BaseException] = []

        def go(lane: int) -> None:
            _here.lane = lane
            try:
                with self._changed:
                    self._changed.wait_for(lambda: self._turn == lane)
                actors[lane]()
            except BaseException as failure:
                failures.append(failure)
            finally:
                with self._changed:
                    self._alive.remove(lane)
                    self._next()

        self._alive = list(range(len(actors)))
        self._turn = self._chance.choice(self._alive)
        threads = [threading.Thread(target=go, args=(lane,)) for lane in self._alive]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._alive = [0]
        if failures:
            raise failures[0]

    def _next(self) -> None:
        if self._alive:
            self._turn = self._chance.choice(self._alive)
            self._changed.notify_all()


class World:
    """A deployment. Nothing in it depends on anything but the seed and what is done to it."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder = folder
        self.clock = Clock()
        self.s3 = S3(self.clock)
        self.queue: deque[Event] = deque()
        self.lanes = Lanes(random.Random(seed))
        self.ticks = itertools.count()
        self.events: list[Event] = []
        """All that were delivered."""

        self._late: list[Request] = []
        self._processes: dict[str, Process] = {}
        self._free = [f"PROCESS{number:02}" for number in range(32)]
        self._ids = random.Random(f"ids {seed}")

    def number(self) -> int:
        """128 bits for an id."""
        return self._ids.getrandbits(128)

    @contextmanager
    def process(
        self, sender: Sender | None = None, event: Event | None = None
    ) -> Iterator[Process]:
        """A new environment, in which this thread is."""
        before = getattr(_here, "process", None)
        process = Process(self, self._free.pop(), sender, event)
        if sender is not None:
            process.skew, process.room = sender.skew, sender.room
        self._processes[process.access_key] = process
        _here.process = process
        try:
            yield process
        finally:
            _here.process = before
            del self._processes[process.access_key]
            self._free.append(process.access_key)

    @contextmanager
    def inside(self, process: Process) -> Iterator[Process]:
        """This thread goes on in a process that is there."""
        before = getattr(_here, "process", None)
        _here.process = process
        try:
            yield process
        finally:
            _here.process = before

    def wait(self, seconds: float) -> None:
        """Time goes by for everybody: those who run tell that they do."""
        self.clock.now += seconds
        running = [p for p in self._processes.values() if not (p.is_stopped or p.is_dead)]
        with self.lanes.held():
            for lease in [lease for process in running for lease in process.leases]:
                beat(lease)

    def deliver(self, sender: Sender | None) -> None:
        """Delivers what waits for a sender, as Lambda does: three times, while it fails."""
        while events := [event for event in self.queue if event.sender is sender]:
            event = events[0]
            self.queue.remove(event)
            self.events.append(event)
            for attempt in range(ATTEMPTS):
                if attempt:
                    self.clock.now += RETRY_SECONDS * attempt
                if self.delivered(event):
                    break

    def delivered(self, event: Event, *, is_faulty: bool = True) -> bool:
        """Whether a delivery of an event has come to its end."""
        sender = event.sender if is_faulty else None
        with self.process(sender, event) as process, room(self.folder, process.room):
            try:
                _handler(event.function)(event.payload, Context(event.function))
            except (Killed, Exception):
                return False
            return not process.is_dead

    def call(
        self,
        sender: Sender | None,
        function: str,
        method: str,
        resource: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        parameters: dict[str, str] | None = None,
    ) -> Answer | None:
        """A request through the API; None where no answer comes, which API Gateway makes a 502."""
        event = _proxy_event(method, resource, body, headers, query, parameters)
        with self.process(sender) as process:
            try:
                answer = _handler(function)(event, Context(function))
            except Killed:
                return None
            if process.is_dead:
                return None
        return Answer(answer["statusCode"], json.loads(answer["body"]))

    def look(self, function: str, resource: str, **parameters: str) -> Answer:
        """What a GET would answer of what is there now, without calls of S3."""
        return self.ask(function, "GET", resource, None, **parameters)

    def ask(
        self, function: str, method: str, resource: str, body: Any, **parameters: str
    ) -> Answer:
        """The same for requests that read."""
        event = _proxy_event(method, resource, body, None, None, parameters)
        with self.process() as process:
            process.is_direct = True
            answer = _handler(function)(event, Context(function))
        return Answer(answer["statusCode"], json.loads(answer["body"]))

    def answer(self, request: Request) -> Reply:
        """What a process gets for a call of S3 or of Lambda."""
        process = self._processes.get(request.access_key)
        if process is None or process.is_dead:
            raise Killed
        # By the thread: who waits also lets others' heartbeats write.
        self.lanes.arrive(getattr(_here, "lane", 0))
        self.clock.now += CALL_TAKES
        return self._met(self._kind(process, request), process, request)

    def _kind(self, process: Process, request: Request) -> Kind | None:
        if process.sender is None:
            return None
        call = (request.method, f"{request.path}?{sorted(request.query.items())}")
        if call == process.last[:2] and process.last[2] is not None:
            return process.last[2]
        name = label(request.path, request.query.get("prefix"))
        kind = process.sender.meets(request.method, name)
        process.last = (*call, kind if kind and kind.endswith("for long") else None)
        return kind

    def _met(self, kind: Kind | None, process: Process, request: Request) -> Reply:
        match kind:
            case None:
                return self._performed(process, request)
            case "500":
                return error(500, "InternalError")
            case "503 for long":
                return error(503, "SlowDown")
            case "500 after" | "500 after for long":
                self._performed(process, request)
                return error(500, "InternalError")
            case "slow":
                self.clock.now += READ_SECONDS - 1
                reply = self._performed(process, request)
                self.clock.now += READ_SECONDS - 1
                return reply
            case "trickle":
                reply = self._performed(process, request)
                self.clock.now += 3 * READ_SECONDS
                return reply
            case "part":
                return replace(self._performed(process, request), sent="part")
            case "stall":
                self._others(process, LEASE_SECONDS + 1)
                return self._performed(process, request)
            case "duplicate":
                self._others(process, 0)
                return self._performed(process, request)
        if kind.endswith("after"):
            self._performed(process, request)
        if kind.startswith("late"):
            self._late.append(request)
        if kind.startswith("kill"):
            process.is_dead = True
            raise Killed
        if kind.startswith("close"):
            return Reply(0, sent="closed")
        self.clock.now += READ_SECONDS
        return Reply(0, sent="silent")

    def perform_late(self) -> None:
        """S3 performs what its callers have given up long ago."""
        for request in self._late:
            if not request.path.startswith("/2015-03-31/functions/"):
                self.s3.answer(request)
        self._late.clear()

    def _others(self, process: Process, seconds: float) -> None:
        """What is sent again while a process is at a call, and for some seconds says nothing."""
        process.is_stopped = seconds > 0
        self.clock.now += seconds
        if process.event is not None:
            self.delivered(process.event, is_faulty=False)
        elif process.sender is not None:
            process.sender.again()
        process.is_stopped = False

    def _performed(self, process: Process, request: Request) -> Reply:
        if not request.path.startswith("/2015-03-31/functions/"):
            return self.s3.answer(request)
        function = request.path.split("function:")[1].split("/")[0].removesuffix(":live")
        self.queue.append(Event(function, json.loads(request.body), process.sender))
        return Reply(202)


def can_mount() -> bool:
    """Whether this process may make a small disk."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with room(Path(folder), 4096):
                return True
        except PermissionError:
            return False


@contextmanager
def room(folder: Path, size: int | None) -> Iterator[None]:
    """While a folder is on a disk of its own, of so many bytes. Raises PermissionError."""
    if size is None:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={size}".encode()
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, options):
        raise PermissionError(ctypes.get_errno(), "no disk can be mounted")
    try:
        yield
    finally:
        libc.umount2(str(folder).encode(), _DETACH)


def _proxy_event(
    method: str,
    resource: str,
    body: Any,
    headers: dict[str, str] | None,
    query: dict[str, str] | None,
    parameters: dict[str, str] | None,
) -> dict[str, Any]:
    return {
        "httpMethod": method,
        "resource": resource,
        "pathParameters": parameters,
        "headers": headers or {},
        "queryStringParameters": query,
        "body": body if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"identity": {"userArn": "tester"}},
    }


def beat(lease: Lease) -> None:
    """Lets the heartbeat of a run write, unless its run is just writing."""
    if lease._lock.acquire(blocking=False):
        lease._lock.release()
        lease._wake.set()


@dataclass
class Context:
    """What Lambda passes beside the event."""

    function: str
    memory_limit_in_mb: str = "1769"

    def __post_init__(self) -> None:
        self.aws_request_id = f"request-{next(here().world.ticks)}"
        self.invoked_function_arn = f"arn:aws:lambda:us-east-1:1:function:{self.function}:live"

    def get_remaining_time_in_millis(self) -> int:
        return int(FUNCTION_SECONDS * 1000)


def _handler(function: str) -> Callable[[Any, Any], Any]:
    import importlib

    found: Callable[[Any, Any], Any] = importlib.import_module(f"{function}.handler").handler
    return found
