"""One contender with one model in one round: started, asked, watched, ended."""

import json
import os
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.serving.contenders import Contender
from benchmarks.serving.models import Model
from local.cloud import LocalCloud
from local.lambda_runtime.environment import Environment, Host, architecture
from local.lambda_runtime.logs import LogStream
from local.lambda_runtime.models import FunctionConfig, Invocation
from local.lambda_runtime.process import peak_bytes
from local.lambda_runtime.runtime_site import runtime_python

SECONDS = 0.5
"""How long each kind of warm request is repeated."""

PROBE = Path(__file__).parent

type Measures = dict[str, float]


@dataclass(frozen=True)
class Bench:
    """Where the contenders run: AWS's runtime client on this machine, S3 in the local cloud."""

    cloud: LocalCloud
    folder: Path

    @contextmanager
    def environment(
        self, contender: Contender, model: Model, memory_mb: int = 10_240, *, probed: bool = False
    ) -> Iterator[Environment]:
        """An environment that starts with its first event."""
        variables = dict(contender.variables(model))
        handler = contender.handler
        if probed:
            variables |= {"PYTHONPATH": str(PROBE), "PROBED": handler}
            handler = "probe.handler"
        config = FunctionConfig(
            name=contender.folder.name,
            version="1",
            handler=handler,
            runtime="python3.13",
            architecture=architecture(),
            memory_mb=memory_mb,
            timeout_seconds=60,
            variables=tuple(variables.items()),
            role_arn="",
            code_sha256="",
            region=self.cloud.region,
        )
        host = Host(
            runtime_python(self.folder.parent / "lambda-runtime"),
            self.cloud.endpoint_url,
            self.folder,
        )
        log = LogStream(self.folder / "functions.log", "1", lambda *_: None)
        environment = Environment(
            config, lambda: contender.folder, host, self.cloud.credentials, log
        )
        try:
            yield environment
        finally:
            environment.stop()


def cold(bench: Bench, contender: Contender, model: Model, *, cached: bool = True) -> Measures:
    """From the start of the process to its first answer; wall and CPU seconds.

    Without cached, the code is dropped from the page cache first; empty where that is refused.
    """
    if not cached and not _drop(contender.folder):
        return {}
    event = json.dumps(model.event(1)).encode()
    with bench.environment(contender, model) as environment:
        started = time.perf_counter()
        ask(environment, event)
        name = "cold" if cached else "cold, uncached"
        return {
            f"{name}": time.perf_counter() - started,
            f"{name} cpu": _cpu_seconds(environment),
        }


def warm(bench: Bench, contender: Contender, model: Model, instances: int) -> Measures:
    """The handler's own time, and CPU seconds per request, in a process that is warm."""
    event = {"event": model.event(instances), "seconds": SECONDS}
    with bench.environment(contender, model, probed=True) as environment:
        found = json.loads(ask(environment, json.dumps(event).encode()))
        times = sorted(nanoseconds / 1e9 for nanoseconds in found["nanoseconds"])
        return {
            f"warm {instances}": statistics.median(times),
            f"warm {instances} p99": times[int(0.99 * (len(times) - 1))],
            f"warm {instances} cpu": found["cpu_seconds"],
        }


def through_client(bench: Bench, contender: Contender, model: Model, instances: int) -> Measures:
    """A warm request through the runtime client, and the most memory the process held."""
    event = json.dumps(model.event(instances)).encode()
    with bench.environment(contender, model) as environment:
        ask(environment, event)
        times = []
        cpu, end = _cpu_seconds(environment), time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            started = time.perf_counter()
            ask(environment, event)
            times.append(time.perf_counter() - started)
        return {
            f"client {instances}": statistics.median(times),
            f"client {instances} cpu": (_cpu_seconds(environment) - cpu) / len(times),
            f"peak {instances}": float(peak_bytes(_pid(environment))),
        }


def works(bench: Bench, contender: Contender, model: Model, memory_mb: int) -> bool:
    """Whether a function with this much memory answers 1 and 100 instances."""
    with bench.environment(contender, model, memory_mb) as environment:
        return not any(
            environment.invoke(_invocation(json.dumps(model.event(instances)).encode())).failed
            for instances in (1, 100)
        )


def ask(environment: Environment, event: bytes) -> bytes:
    """The answer to an event. Raises RuntimeError for an error."""
    outcome = environment.invoke(_invocation(event))
    if outcome.failed:
        raise RuntimeError(f"{environment.config.name} failed: {outcome.payload[:500]!r}")
    return outcome.payload


def probabilities(answer: bytes) -> list[list[float]]:
    """What a contender's proxy answer says of each instance."""
    document: dict[str, Any] = json.loads(answer)
    if document["statusCode"] != 200:
        raise RuntimeError(f"status {document['statusCode']}: {document['body'][:500]}")
    predictions = json.loads(document["body"])["predictions"]
    return [list(prediction["probabilities"].values()) for prediction in predictions]


def _invocation(event: bytes) -> Invocation:
    return Invocation(str(uuid.uuid4()), "arn:aws:lambda:us-east-1:0:function:bench", event)


def _pid(environment: Environment) -> int:
    assert environment.pid is not None  # it has answered
    return environment.pid


def _cpu_seconds(environment: Environment) -> float:
    """Of all threads of the process; the clock's id is that of clock_getcpuclockid(3)."""
    return time.clock_gettime(~_pid(environment) << 3 | 2)


def _drop(folder: Path) -> bool:
    """Drops a folder's files from the page cache; whether the system did so."""
    os.sync()
    cached = False
    for path in folder.rglob("*.so*"):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT)
            cached = True
        except OSError:  # it would have to wait for the disk
            pass
        os.close(descriptor)
    return not cached
