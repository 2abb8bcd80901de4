"""What can go wrong, and where."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

type Kind = Literal[
    "500",
    "503 for long",
    "slow",
    "trickle",
    "part",
    "close",
    "close for long",
    "never",
    "never for long",
    "500 after",
    "500 after for long",
    "close after",
    "never after",
    "late for long",
    "kill before",
    "kill after",
    "stall",
    "duplicate",
]
"""What a call meets. After: once S3 has performed it; for long: all of its retries, too.

slow: the answer takes 8 seconds; trickle: its bytes take more than a call has; part: it breaks off;
never: none comes within the client's time limit; late: the same, and S3 performs the call once all
else is over; kill: the process ends, before S3 has performed the call or after that; stall: the
process stops for longer than its lease, and meanwhile whoever sent the event or the request sends
it again; duplicate: that is so while the process goes on.
"""

KINDS: tuple[Kind, ...] = get_args(Kind.__value__)

FOR_READS: tuple[Kind, ...] = (
    "500",
    "503 for long",
    "slow",
    "trickle",
    "part",
    "close",
    "close for long",
    "never",
    "never for long",
)
FOR_WRITES: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind not in ("trickle", "part"))

READS = ("GET", "HEAD")


@dataclass(frozen=True, order=True)
class Point:
    """The nth call of an operation of a method and a kind of key."""

    method: str
    label: str
    nth: int = 0

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return FOR_READS if self.method in READS else FOR_WRITES


@dataclass(frozen=True)
class Fault:
    """What the call at a point meets."""

    kind: Kind
    point: Point


def label(path: str, prefix: str | None = None) -> str:
    """The kind of a key, by which the calls of an operation are the same in every run.

    >>> label("/data/models/shop/versions/v1/9f86d081884c7d65/model.onnx")
    'models/…/model.onnx'
    >>> label("/data/jobs/model_training/0af3.json")
    'jobs/….json'
    >>> label("/data", "models/shop/versions/v1/")
    'list models/versions'
    """
    if prefix is not None:
        parts = [part for part in prefix.split("/") if part][:3:2]
        return f"list {'/'.join(parts)}"
    if path.startswith("/2015-03-31/"):
        return "invoke"
    _, _, key = path.removeprefix("/").partition("/")
    if not key:
        return "bucket"
    first, _, rest = key.partition("/")
    name = rest.rpartition("/")[2]
    if first in ("raw", "jobs"):
        return f"{first}/…" + re.sub(r"^[^.]*", "", name if first == "jobs" else "")
    return f"{first}/…/{name}"
