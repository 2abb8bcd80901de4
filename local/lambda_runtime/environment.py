"""One execution environment: a process that handles one event at a time, and is then kept warm."""

import json
import math
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

from local.lambda_runtime.logs import LogStream
from local.lambda_runtime.models import (
    MAX_PAYLOAD_BYTES,
    Credentials,
    FunctionConfig,
    Invocation,
    Outcome,
)
from local.lambda_runtime.process import FunctionProcess, MemoryWatch
from local.lambda_runtime.runtime_api import RuntimeApi, Signal

INIT_GRACE_SECONDS = 10.0  # Lambda's init phase; longer than that counts against the timeout
BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


@dataclass(frozen=True)
class Host:
    """What every environment on this machine shares."""

    python: Path  # of the environment that holds awslambdaric and boto3 only
    endpoint_url: str
    scratch: Path


class Environment:
    """Starts with the first event, ends with `stop`, or by itself when the function is killed."""

    def __init__(
        self,
        config: FunctionConfig,
        unpack: Callable[[], Path],
        host: Host,
        credentials: Credentials,
        log: LogStream,
    ) -> None:
        self.config = config
        self.last_used = time.monotonic()
        self._unpack = unpack
        self._code = Path()
        self._host = host
        self._log = log
        self._credentials = credentials
        self._started_at = 0.0
        self._init_seconds = 0.0
        self._scratch = Path(tempfile.mkdtemp(prefix=f"{config.name}-", dir=host.scratch))
        self._api = RuntimeApi(config.timeout_seconds)
        self._process: FunctionProcess | None = None
        self._watch: MemoryWatch | None = None
        self._stopping = threading.Lock()
        self._stopped = False

    @property
    def usable(self) -> bool:
        return not self._stopped and (self._process is None or self._process.alive)

    @property
    def pid(self) -> int | None:
        """Of the function's process, once there is one."""
        return self._process.pid if self._process else None

    def invoke(self, invocation: Invocation) -> Outcome:
        """Hand over one event and wait for the answer, the timeout, or the process's end."""
        self._log.start_tail()
        first = self._process is None
        watch = self._start() if first else self._watch
        assert watch is not None
        watch.resume()
        ready, signal = self._initialise() if first else (True, None)
        self._log.write(f"START RequestId: {invocation.request_id} Version: {self.config.version}")
        started = time.monotonic()
        if ready:
            self._api.submit(invocation)
            signal = self._wait(started + self.config.timeout_seconds)
        duration = time.monotonic() - started
        assert self._process is not None
        self._process.drain()
        watch.pause()
        outcome = self._outcome(signal, invocation)
        if signal is None or signal.kind not in ("response", "error"):
            self._process.kill()
        self._report(invocation.request_id, duration, first)
        self.last_used = time.monotonic()
        self._log.flush()
        return Outcome(outcome.payload, outcome.failed, self._log.tail)

    def kill(self) -> bool:
        """Kill the process, as running out of memory does; whether there was one to kill."""
        if self._process is None or not self._process.alive:
            return False
        self._process.kill()
        return True

    def stop(self) -> None:
        """Kill the process and remove its scratch folder. Safe to call twice."""
        with self._stopping:
            if self._stopped:
                return
            self._stopped = True
        if self._watch:
            self._watch.stop()
        if self._process:
            self._process.kill()
        self._api.close()
        self._log.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _start(self) -> MemoryWatch:
        self._code = self._unpack()
        self._log.write(f"INIT_START Runtime Version: {self.config.runtime} (local)")
        self._started_at = time.monotonic()
        self._process = FunctionProcess(
            [
                str(self._host.python),
                "-B",
                "-s",
                str(BOOTSTRAP),
                str(os.getpid()),
                self.config.handler,
            ],
            cwd=self._code,
            variables=self._variables(),
            on_line=self._log.write,
            on_exit=lambda code: self._api.signals.put(Signal("exited", str(code).encode())),
        )
        self._watch = MemoryWatch(self._process, self.config.memory_mb * 1024 * 1024)
        return self._watch

    def _initialise(self) -> tuple[bool, Signal | None]:
        """Wait for the import of the handler: whether it succeeded, and the signal that says so."""
        deadline = self._started_at + INIT_GRACE_SECONDS + self.config.timeout_seconds
        signal = self._wait(deadline)
        self._init_seconds = time.monotonic() - self._started_at
        return signal is not None and signal.kind == "ready", signal

    def _wait(self, deadline: float) -> Signal | None:
        try:
            return self._api.signals.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            return None

    def _outcome(self, signal: Signal | None, invocation: Invocation) -> Outcome:
        request_id = invocation.request_id
        if signal is None:
            message = f"Task timed out after {self.config.timeout_seconds:.2f} seconds"
            self._log.write(f"{_now()} {request_id} {message}")
            return _error("Sandbox.Timedout", f"RequestId: {request_id} Error: {message}")
        if signal.kind in ("response", "error", "init_error"):
            return Outcome(signal.payload, failed=signal.kind != "response")
        if signal.kind == "too_large":
            return _error(
                "Function.ResponseSizeTooLarge",
                "Response payload size exceeded maximum allowed payload size "
                f"({MAX_PAYLOAD_BYTES} bytes).",
            )
        reason = _exit_reason(int(signal.payload or b"0"))
        self._log.write(f"RequestId: {request_id} Error: {reason}")
        return _error("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")

    def _report(self, request_id: str, duration: float, first: bool) -> None:
        assert self._watch is not None
        limit = self.config.memory_mb
        used = limit if self._watch.exceeded else self._watch.peak_bytes / 1024 / 1024
        billed = duration + (self._init_seconds if first else 0.0)
        self._log.write(f"END RequestId: {request_id}")
        parts = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {duration * 1000:.2f} ms",
            f"Billed Duration: {math.ceil(billed * 1000)} ms",
            f"Memory Size: {limit} MB",
            f"Max Memory Used: {math.ceil(used)} MB",
        ]
        if first:
            parts.append(f"Init Duration: {self._init_seconds * 1000:.2f} ms")
        self._log.write("\t".join(parts))

    def _variables(self) -> Mapping[str, str]:
        """All that the process sees: as Lambda sets it, the function's own, nothing of ours."""
        config = self.config
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_REGION": config.region,
            "AWS_DEFAULT_REGION": config.region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": config.name,
            "AWS_LAMBDA_FUNCTION_VERSION": config.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": config.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._log.stream,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_EC2_METADATA_DISABLED": "true",
            "LAMBDA_TASK_ROOT": str(self._code),
            "LAMBDA_RUNTIME_DIR": str(self._host.python.parent),
            "LD_LIBRARY_PATH": f"{self._code}:{self._code}/lib",
            "_HANDLER": config.handler,
            **dict(config.variables),
            **self._credentials.as_variables(),
            # Unlike in Lambda: where AWS is, and a folder instead of a /tmp of its own.
            "AWS_ENDPOINT_URL": self._host.endpoint_url,
            "TMPDIR": str(self._scratch),
        }


def _error(kind: str, message: str) -> Outcome:
    body = json.dumps({"errorType": kind, "errorMessage": message})
    return Outcome(body.encode(), failed=True)


def _exit_reason(code: int) -> str:
    if code == 0:
        return "Runtime exited without providing a reason"
    if code == -9:
        return "Runtime exited with error: signal: killed"
    if code < 0:
        return f"Runtime exited with error: signal: {-code}"
    return f"Runtime exited with error: exit status {code}"


def _now() -> str:
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        + f".{time.time_ns() // 10**6 % 1000:03d}Z"
    )


def architecture() -> str:
    """This machine's, in Lambda's words."""
    machine = os.uname().machine
    return {"aarch64": "arm64"}.get(machine, machine) if sys.platform == "linux" else machine
