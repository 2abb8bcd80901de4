"""What a training may use, and how it reports its progress; it needs neither a job nor Lambda."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tasks.framework.training.trials import EvaluationStore

type Clock = Callable[[], float]

type Progress = Callable[[str, int, str], None]
"""Takes a stage, a percent of the whole job, and a message.

It cancels the training by raising an exception, which passes through unchanged.
"""


def silent(stage: str, percent: int, message: str) -> None:
    """Progress that is reported to nobody."""


@dataclass
class Budget:
    """The time that the choice among candidates may take, in seconds from when it is made."""

    seconds: float = 300.0
    clock: Clock = time.monotonic
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def spent(self) -> float:
        return self.clock() - self._started

    def left(self) -> float:
        return self.seconds - self.spent()


@dataclass(frozen=True)
class TrainingContext:
    """The conditions of one training. The default ones suit a notebook.

    All random choices follow from seed. The choice among candidates keeps within budget; refitting
    the best one, its export and its evaluation take more. memory_mb bounds how much data is read,
    threads how many threads compute. Evaluations that are in the store are not made again.
    """

    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    memory_mb: int = 3008
    threads: int = 1
    progress: Progress = silent
    store: EvaluationStore | None = None
