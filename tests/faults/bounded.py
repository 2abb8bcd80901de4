"""Every call of every operation with every fault, one at a time."""

from collections.abc import Iterator, Mapping, Sequence

from tests.faults.damages import HOW, Damage, objects
from tests.faults.operations import OPERATIONS
from tests.faults.plan import Fault, Point
from tests.faults.scene import Before
from tests.faults.schedules import Schedule, Step
from tests.faults.world import can_mount

_JOBS = ("processing", "processing again", "training")
_SKEWED = ("kill before", "kill after", "stall", "duplicate")

_PAGE = 4096
_ROOMS = tuple(pages * _PAGE for pages in (1, 2, 3, 4, 6, 8, 12, 16, 64, 256))
"""Bytes of a disk: full before the source is there, while files are written, and not at all."""

type Case = tuple[str, str, Schedule]
"""The operation, the name of the fault, and the schedule."""


def cases(points: Mapping[str, Sequence[Point]]) -> Iterator[Case]:
    """One schedule for each fault that a call can meet; those of jobs by wrong clocks, too."""
    for operation in OPERATIONS:
        for point in points[operation]:
            for kind in point.kinds:
                fault = (Fault(kind, point),)
                yield operation, kind, Schedule(((Step(operation, fault),),))
                if kind in _SKEWED and operation in _JOBS:
                    for days in (-1, 1):
                        step = Step(operation, fault, days)
                        yield operation, f"{kind}, clock off by a day", Schedule(((step,),))


def damages(before: Before) -> Iterator[Case]:
    """One schedule for each operation and each object that something has become of."""
    for operation in OPERATIONS:
        for name, key in objects(before).items():
            if key.startswith("jobs/") and operation not in _JOBS:
                continue
            for how in HOW:
                damage = Damage(key, how)
                yield operation, f"{name}: {how}", Schedule(((Step(operation),),), damage=damage)


def full_disks() -> Iterator[Case]:
    """One schedule for each job and size of its disk, where such disks can be made."""
    if not can_mount():
        return
    for operation in _JOBS:
        for room in _ROOMS:
            yield operation, "disk full", Schedule(((Step(operation, room=room),),))
