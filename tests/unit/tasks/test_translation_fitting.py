"""Training keeps to its time, gets better, and goes on where it was left."""

from collections.abc import Callable

import numpy as np
import pytest

from tasks.translation.training import batches, network
from tasks.translation.training.batches import Pairs, epoch
from tasks.translation.training.fitting import CHECKS, PATIENCE, Fitting, Plan, Score, State
from tasks.translation.training.network import Parameters, Sizes

SIZES = Sizes(12, 12, 16, 16)
PAIRS = Pairs(*([[[4 + at % 8, 4 + at % 5] for at in range(32)]] * 2))
"""Sentences that are their own translations."""


def new(seed: int = 0) -> State:
    return State.new(SIZES, np.random.default_rng(seed))


def fitting(
    state: State, plan: Plan, score: Score = lambda _: 1.0, clock: Callable[[], float] | None = None
) -> Fitting:
    return Fitting(state, PAIRS, plan, score, 2, 0, clock or (lambda: 0.0))


def ignore(state: State) -> None:
    pass


def test_the_plan_reads_small_corpora_more_often() -> None:
    assert Plan.of(29_000, None, 600) == Plan(64, 30 * 454, 600)
    assert Plan.of(100, None, 600).updates > 30 * 100 / 16
    assert Plan.of(100, 2, 600) == Plan(16, 14, 600)


def test_the_same_seed_gives_the_same_network_and_it_learns() -> None:
    ended = []
    for _ in range(2):
        state = new()
        before = _accuracy(state.weights)
        assert fitting(state, Plan(16, 60, 100)).run(1, ignore)
        assert _accuracy(state.weights) > 1.4 * before
        ended.append(state.weights.vector.copy())
    np.testing.assert_array_equal(ended[0], ended[1])


def test_training_ends_with_its_time_whatever_is_left_of_its_updates() -> None:
    at = iter(range(10_000))
    state = new()
    assert fitting(state, Plan(16, 1_000_000, 30), clock=lambda: float(next(at))).run(1e9, ignore)
    assert 30 <= state.seconds <= 32
    assert 0 < state.adam.steps < 30


def test_an_invocation_ends_with_its_own_time_and_another_goes_on() -> None:
    plan = Plan(16, 60, 1e9)
    at = iter(range(10_000))
    state = new()
    assert not fitting(state, plan, clock=lambda: float(next(at))).run(40, ignore)
    steps, checks = state.adam.steps, list(state.checks)
    assert 0 < steps < plan.updates

    again = State.load(state.dump(), SIZES)
    for one, other in (
        (again.weights.vector, state.weights.vector),
        (again.adam.first, state.adam.first),
        (again.adam.second, state.adam.second),
        (again.best, state.best),
    ):
        np.testing.assert_array_equal(one, other)
    assert (again.adam.steps, again.checks, again.seconds) == (steps, checks, state.seconds)
    assert fitting(again, plan).run(1, ignore)
    assert again.adam.steps == plan.updates
    assert len(again.checks) == CHECKS


def test_the_best_weights_are_kept_and_training_stops_when_nothing_gets_better() -> None:
    scores = iter([1.0] * (CHECKS // 2 - 1) + [5.0] + [2.0] * CHECKS)
    seen: list[Parameters] = []

    def score(weights: Parameters) -> float:
        seen.append(Parameters(SIZES, weights.vector.copy()))
        return next(scores)

    state = new()
    assert fitting(state, Plan(16, 120, 1e9), score).run(1, ignore)
    best = CHECKS // 2 - 1
    assert state.best_score == 5.0
    np.testing.assert_array_equal(state.best, seen[best].vector)
    assert len(state.checks) == best + 1 + PATIENCE
    assert state.adam.steps < 120


def test_an_epoch_has_every_pair_once_in_batches_of_bounded_size() -> None:
    lengths = np.random.default_rng(0).integers(1, 500, (300, 2))
    found = epoch(lengths, 32, np.random.default_rng(1))
    assert sorted(np.concatenate(found).tolist()) == list(range(300))
    for rows in found:
        assert len(rows) <= 32
        assert len(rows) == 1 or len(rows) * lengths[rows, 1].max() <= 4000


def test_more_threads_find_the_same_gradient() -> None:
    ended = []
    for threads in (1, 3):
        state = new()
        # Without dropout, which draws for each thread, only rounding differs.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tasks.translation.training.fitting.DROPOUT", 0.0)
            Fitting(state, PAIRS, Plan(16, 3, 1e9), lambda _: 1.0, threads, 0).run(60, ignore)
        ended.append(state.weights.vector)
    np.testing.assert_allclose(ended[0], ended[1], atol=1e-4)


def _accuracy(weights: Parameters) -> float:
    """The mean probability of a piece of the right translation."""
    batch = batches.batch(PAIRS, range(len(PAIRS)))
    scores = network.log_likelihoods(weights, batch)
    return float(np.exp(scores.sum() / PAIRS.lengths()[:, 1].sum()))
