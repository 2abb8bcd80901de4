"""Fitting the network within a time that is never overrun, on every processor there is.

A batch is cut into as many parts as there are threads; each thread finds the gradient of its
part with single-threaded BLAS, and the sum moves the weights. BLAS's own threads wait for each
other by spinning at every step of every layer: with 2 of them on shared processors a batch took
7 s, with two of ours 1.6 s, for numpy lets go of Python's lock wherever it computes.
"""

import io
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import threadpoolctl

from common.logs import log
from tasks.translation.subwords import PAD
from tasks.translation.training import batches, network
from tasks.translation.training.batches import Pairs
from tasks.translation.training.network import Parameters, Sizes

RATE = 1.5e-3
WARMUP = 200
"""Updates in which the rate rises; from there it falls in a straight line, to zero at the end."""

SMOOTHING = 0.1
DROPOUT = 0.2
CLIP = 1.0
"""The largest norm of a gradient."""

SMALLEST_BATCH, LARGEST_BATCH = 16, 64
EPOCHS = 30
LEAST_UPDATES = 600

CHECKS = 24
"""How often the whole of training is interrupted to translate the validation split."""

PATIENCE = 10
"""Checks without a better score after which training ends.

Few sentences make noisy scores, the first of which may all be zero, and the last updates, which
are the smallest, bring the most: six were too few.
"""


@dataclass
class Adam:
    """Adam (Kingma and Ba, 2015) over one vector, a part that fits the cache at a time."""

    first: np.ndarray
    second: np.ndarray
    steps: int = 0

    def step(self, weights: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        self.steps += 1
        size = rate * np.sqrt(1 - 0.98**self.steps) / (1 - 0.9**self.steps)
        for start in range(0, len(weights), _CACHED):
            part = slice(start, start + _CACHED)
            g, m, v = gradient[part], self.first[part], self.second[part]
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.02) * (g * g - v)
            weights[part] -= np.float32(size) * m / (np.sqrt(v) + np.float32(1e-8))


_CACHED = 32_768


@dataclass(frozen=True)
class Plan:
    """How long to train: updates and seconds at most, those of earlier invocations included.

    batch counts sentence pairs of one update.
    """

    batch: int
    updates: int
    seconds: float

    @classmethod
    def of(cls, pairs: int, epochs: int | None, seconds: float) -> "Plan":
        """Small corpora are read more often, in smaller batches."""
        batch = min(LARGEST_BATCH, max(SMALLEST_BATCH, pairs // 100))
        updates = (epochs or EPOCHS) * math.ceil(pairs / batch)
        return cls(batch, updates if epochs else max(LEAST_UPDATES, updates), seconds)


@dataclass
class State:
    """Where a training stands: all that it needs to go on in another invocation."""

    weights: Parameters
    adam: Adam
    best: np.ndarray
    best_score: float = -1.0
    seconds: float = 0.0
    invocations: int = 0
    checks: list[float] = field(default_factory=list)

    @classmethod
    def new(cls, sizes: Sizes, generator: np.random.Generator) -> "State":
        weights = Parameters.random(sizes, generator)
        zeros = np.zeros_like(weights.vector)
        return cls(weights, Adam(zeros, zeros.copy()), weights.vector.copy())

    def dump(self) -> bytes:
        """All of it, to be continued in another invocation."""
        file = io.BytesIO()
        np.savez(
            file,
            weights=self.weights.vector,
            first=self.adam.first,
            second=self.adam.second,
            best=self.best,
            numbers=np.array([self.adam.steps, self.best_score, self.seconds, self.invocations]),
            checks=np.array(self.checks),
        )
        return file.getvalue()

    @classmethod
    def load(cls, dumped: bytes, sizes: Sizes) -> "State":
        with np.load(io.BytesIO(dumped), allow_pickle=False) as found:
            steps, best_score, seconds, invocations = found["numbers"].tolist()
            return cls(
                weights=Parameters(sizes, found["weights"]),
                adam=Adam(found["first"], found["second"], int(steps)),
                best=found["best"],
                best_score=best_score,
                seconds=seconds,
                invocations=int(invocations),
                checks=found["checks"].tolist(),
            )

    def share(self, plan: Plan) -> float:
        """The part of the plan that is done, from 0 to 1."""
        return min(1.0, max(self.adam.steps / plan.updates, self.seconds / plan.seconds))

    def stale(self) -> bool:
        """Whether the last checks have not brought a better score."""
        last = self.checks[-PATIENCE:]
        return len(self.checks) > PATIENCE and max(last) < self.best_score


type Score = Callable[[Parameters], float]
"""The score of a network on the validation split."""


class Fitting:
    """One invocation's part of a training."""

    def __init__(
        self,
        state: State,
        pairs: Pairs,
        plan: Plan,
        score: Score,
        threads: int,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = state
        self._pairs = pairs
        self._plan = plan
        self._score = score
        self._threads = threads
        self._seeds = [seed, state.adam.steps]
        self._clock = clock
        self._at = 0.0
        self._gradients = [Parameters(state.weights.sizes) for _ in range(threads)]
        self._generators = [
            np.random.default_rng([*self._seeds, thread]) for thread in range(threads)
        ]

    def run(self, seconds: float, progress: Callable[[State], None]) -> bool:
        """Trains for so many seconds, or until training is over; returns whether it is."""
        generator = np.random.default_rng(self._seeds)
        lengths = self._pairs.lengths()
        self._at = self._clock()
        until = self._at + seconds
        with ThreadPoolExecutor(self._threads) as pool, threadpoolctl.threadpool_limits(1):
            while True:
                for rows in batches.epoch(lengths, self._plan.batch, generator):
                    self._update(rows, pool)
                    self._spend()
                    if self.state.share(self._plan) >= (len(self.state.checks) + 1) / CHECKS:
                        self._check(progress)
                        self._spend()
                    if self._over() or self._at >= until:
                        return self._over()

    def _spend(self) -> None:
        """Books the time since this was last called."""
        before, self._at = self._at, self._clock()
        self.state.seconds += self._at - before

    def _over(self) -> bool:
        return self.state.share(self._plan) >= 1 or self.state.stale()

    def _update(self, rows: np.ndarray, pool: ThreadPoolExecutor) -> None:
        state = self.state
        parts = [part for part in np.array_split(rows, self._threads) if len(part)]
        shares = [pool.submit(self._gradient, thread, part) for thread, part in enumerate(parts)]
        counts = [share.result() for share in shares]
        total = self._gradients[0].vector
        total *= np.float32(counts[0] / sum(counts))
        for count, other in zip(counts[1:], self._gradients[1:], strict=False):
            total += np.float32(count / sum(counts)) * other.vector
        norm = float(np.sqrt(np.dot(total, total)))
        if norm > CLIP:
            total *= np.float32(CLIP / norm)
        rise = min(1.0, (state.adam.steps + 1) / min(WARMUP, self._plan.updates / 4))
        state.adam.step(state.weights.vector, total, RATE * rise * (1 - state.share(self._plan)))

    def _gradient(self, thread: int, rows: np.ndarray) -> int:
        """The gradient of a part of a batch; returns how many pieces it is the mean of."""
        batch = batches.batch(self._pairs, rows)
        network.gradient(
            self.state.weights,
            batch,
            SMOOTHING,
            DROPOUT,
            self._generators[thread],
            self._gradients[thread],
        )
        return int((batch.target != PAD).sum())

    def _check(self, progress: Callable[[State], None]) -> None:
        """Translates the validation split, and keeps the weights if none were better."""
        state = self.state
        score = self._score(state.weights)
        state.checks.append(score)
        if score >= state.best_score:
            state.best_score = score
            state.best[:] = state.weights.vector
        log("validated", updates=state.adam.steps, seconds=round(state.seconds, 1), score=score)
        progress(state)
