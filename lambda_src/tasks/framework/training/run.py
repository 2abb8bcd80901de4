"""One run of a training: what it may use, and whom it tells how far it has come."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from common.invocation import Invocation
from common.jobs import Progress

type Clock = Callable[[], float]


@dataclass
class Budget:
    """The time that selection may take, in seconds from when it is made."""

    seconds: float
    clock: Clock = time.monotonic
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def spent(self) -> float:
        return self.clock() - self._started

    def left(self) -> float:
        return self.seconds - self.spent()


@dataclass(frozen=True)
class Run:
    """All random choices follow from seed; refitting and judging may take more than budget."""

    seed: int
    invocation: Invocation
    budget: Budget
    progress: Progress
