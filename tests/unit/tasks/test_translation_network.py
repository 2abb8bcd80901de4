"""The network's gradients are those of its loss, found in two other ways."""

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from tasks.translation.training import layers, network
from tasks.translation.training.layers import Gru
from tasks.translation.training.network import Batch, Parameters, Sizes

SIZES = Sizes(source=9, target=8, embedding=4, state=6)
BATCH = Batch(
    source=np.array([[4, 5, 6], [7, 8, 2], [4, 2, 0], [2, 0, 0]]),
    target=np.array([[4, 7, 2], [5, 2, 0], [2, 0, 0]]),
)


def parameters(seed: int = 0) -> Parameters:
    """In double precision, so that differences tell."""
    chance = np.random.default_rng(seed)
    small = Parameters.random(SIZES, chance).vector.astype(float)
    return Parameters(SIZES, small + chance.normal(0, 0.1, small.shape))


def gradient(weights: Parameters, dropout: float) -> tuple[float, Parameters]:
    into = Parameters(SIZES, np.zeros_like(weights.vector))
    chance = np.random.default_rng(1)  # the same places are dropped every time
    return network.gradient(weights, BATCH, 0.1, dropout, chance, into), into


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("name", list(SIZES.shapes()))
def test_gradient_of_every_weight_is_that_of_finite_differences(name: str, dropout: float) -> None:
    weights = parameters()
    _, found = gradient(weights, dropout)
    values = weights[name].reshape(-1)
    for at in np.random.default_rng(2).choice(len(values), min(12, len(values)), replace=False):
        losses = []
        for step in (1e-5, -1e-5):
            values[at] += step
            losses.append(gradient(weights, dropout)[0])
            values[at] -= step
        slope = (losses[0] - losses[1]) / 2e-5
        assert found[name].reshape(-1)[at] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_gradient_of_a_gru_is_autograds() -> None:
    chance = np.random.default_rng(0)
    x, first = chance.normal(size=(5, 2, 3, 4)), chance.normal(size=(2, 3, 6))
    units = Gru(*(chance.normal(size=s) for s in ((2, 4, 18), (2, 6, 18), (2, 18), (2, 6))))
    upstream = chance.normal(size=(5, 2, 3, 6))

    def loss(x: np.ndarray, first: np.ndarray, *weights: np.ndarray) -> Any:
        inputs, recurrent, bias, inner_bias = weights
        state, total = first, 0.0
        for t in range(len(x)):
            sums = anp.matmul(x[t], inputs) + bias[:, None]
            products = anp.matmul(state, recurrent)
            update = _sigmoid(sums[..., :6] + products[..., :6])
            reset = _sigmoid(sums[..., 6:12] + products[..., 6:12])
            inner = products[..., 12:] + inner_bias[:, None]
            candidate = anp.tanh(sums[..., 12:] + reset * inner)
            state = (1 - update) * candidate + update * state
            total = total + anp.sum(state * upstream[t])
        return total

    into = Gru(*(np.empty_like(weight) for weight in _weights(units)))
    d_x, d_first = layers.gru_gradient(units, layers.gru(units, x, first), upstream, into)
    expected = _autograd(loss, x, first, *_weights(units))
    for found, wanted in zip((d_x, d_first, *_weights(into)), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10)


def test_gradient_of_attention_is_autograds() -> None:
    chance = np.random.default_rng(0)
    queries, keys, values = (chance.normal(size=(n, 3, 4)) for n in (2, 5, 5))
    padding = np.zeros((5, 3), bool)
    padding[3:, 1] = True
    upstream = chance.normal(size=(2, 3, 4))

    def loss(queries: np.ndarray, keys: np.ndarray, values: np.ndarray) -> Any:
        scores = anp.einsum("tbn,sbn->bts", queries, keys) / 2
        scores = anp.where(padding.T[:, None], -1e9, scores)
        powers = anp.exp(scores - anp.max(scores, axis=-1, keepdims=True))
        weights = powers / anp.sum(powers, axis=-1, keepdims=True)
        return anp.sum(anp.einsum("bts,sbn->tbn", weights, values) * upstream)

    _, weights = layers.attention(queries, keys, values, padding)
    found = layers.attention_gradient(queries, keys, values, weights, upstream)
    for one, wanted in zip(found, _autograd(loss, queries, keys, values), strict=True):
        np.testing.assert_allclose(one, wanted, rtol=1e-8, atol=1e-10)


def test_cross_entropy_is_that_of_the_definition() -> None:
    chance = np.random.default_rng(0)
    logits, targets = chance.normal(size=(5, 7)), np.array([0, 6, 3, 3, 1])
    wanted = np.full((5, 7), 0.1 / 7)
    wanted[np.arange(5), targets] += 0.9

    def loss(logits: np.ndarray) -> Any:
        powers = anp.exp(logits)
        return -anp.sum(wanted * anp.log(powers / anp.sum(powers, axis=1, keepdims=True))) / 5

    value, slope = layers.cross_entropy(logits.copy(), targets, 0.1)
    assert value == pytest.approx(float(loss(logits)))
    np.testing.assert_allclose(slope, _autograd(loss, logits)[0], rtol=1e-10)


def test_padding_changes_nothing() -> None:
    weights = parameters()
    together = network.log_likelihoods(weights, BATCH)
    for column, (source, target) in enumerate([(4, 3), (3, 2), (2, 1)]):
        alone = Batch(
            BATCH.source[:source, column : column + 1], BATCH.target[:target, column : column + 1]
        )
        assert network.log_likelihoods(weights, alone)[0] == pytest.approx(together[column])


def _weights(units: Gru) -> tuple[np.ndarray, ...]:
    return units.inputs, units.recurrent, units.bias, units.inner_bias


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + anp.exp(-x))


def _autograd(loss: Callable[..., Any], *arguments: np.ndarray) -> list[np.ndarray]:
    return [autograd.grad(loss, at)(*arguments) for at in range(len(arguments))]
