"""Times a handler inside its own process, without the runtime client around it.

Runs in Lambda's runtime, beside the code of a zip, as the handler of the function; PROBED is
the handler that it times.
"""

import importlib
import os
import time
from typing import Any

module, _, name = os.environ["PROBED"].rpartition(".")
probed = getattr(importlib.import_module(module), name)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Calls with event["event"] for about event["seconds"], after one that does not count."""
    request = event["event"]
    answer = probed(request, context)
    nanoseconds: list[int] = []
    cpu, end = time.process_time(), time.perf_counter() + event["seconds"]
    while len(nanoseconds) < 20 or time.perf_counter() < end:
        started = time.perf_counter_ns()
        probed(request, context)
        nanoseconds.append(time.perf_counter_ns() - started)
    used = (time.process_time() - cpu) / len(nanoseconds)
    return {"answer": answer, "nanoseconds": nanoseconds, "cpu_seconds": used}
