"""The layers of a recurrent network, each with its gradient.

Backpropagation is written out because no library that trains such networks fits into the
function: JAX alone fills it (249 MB), tinygrad needs a compiler, onnxruntime-training has no
wheel for Python 3.13. autograd fits, but took 34 ms for a step of LeNet that takes 14 when
written out; so it is what the tests compare these gradients with.

Arrays are float32 and time comes first: T steps, D directions, B sentences, then features.
"""

from dataclasses import dataclass

import numpy as np

type Array = np.ndarray


@dataclass(frozen=True)
class Gru:
    """Gated recurrent units (Cho et al., 2014), the reset gate after the product as in ONNX.

    inputs (D, I, 3N), recurrent (D, N, 3N) and bias (D, 3N) hold the update gate, the reset
    gate and the candidate, in this order; inner_bias (D, N) is the candidate's recurrent one.
    """

    inputs: Array
    recurrent: Array
    bias: Array
    inner_bias: Array


@dataclass(frozen=True)
class GruRun:
    """What a run of units leaves for its gradient; states (T + 1, D, B, N) begin with the first."""

    x: Array
    gates: Array
    inner: Array
    states: Array


def gru(units: Gru, x: Array, first: Array, padding: Array | None = None) -> GruRun:
    """Runs units over x (T, D, B, I) from the state first (D, B, N).

    At padding (T, D, B), booleans, the state stays as it was.
    """
    steps, size = len(x), units.inner_bias.shape[-1]
    gates = x @ units.inputs
    gates += units.bias[:, None]
    inner = np.empty((*x.shape[:3], size), x.dtype)
    states = np.empty((steps + 1, *first.shape), x.dtype)
    states[0] = first
    for t in range(steps):
        products = states[t] @ units.recurrent
        both = gates[t][..., : 2 * size]
        both += products[..., : 2 * size]
        _sigmoid(both)
        update, reset, candidate = _parts(gates[t])
        np.add(products[..., 2 * size :], units.inner_bias[:, None], out=inner[t])
        candidate += reset * inner[t]
        np.tanh(candidate, out=candidate)
        if padding is not None:
            update[padding[t]] = 1
        after = states[t + 1]
        np.subtract(states[t], candidate, out=after)
        after *= update
        after += candidate
    return GruRun(x, gates, inner, states)


def gru_gradient(units: Gru, run: GruRun, upstream: Array, into: Gru) -> tuple[Array, Array]:
    """From the gradient of states[1:] those of x and of the first state; weights' go into."""
    steps, size = len(run.x), units.inner_bias.shape[-1]
    gates = np.empty_like(run.gates)
    products = np.empty_like(run.gates)
    back = np.zeros_like(run.states[0])
    transposed = units.recurrent.swapaxes(1, 2)
    for t in reversed(range(steps)):
        back += upstream[t]
        update, reset, candidate = _parts(run.gates[t])
        d_update, d_reset, d_candidate = _parts(gates[t])
        rest = 1 - update
        np.multiply(back, rest, out=d_candidate)
        d_candidate *= 1 - candidate * candidate
        np.subtract(run.states[t], candidate, out=d_update)
        d_update *= back
        d_update *= update
        d_update *= rest
        np.multiply(d_candidate, run.inner[t], out=d_reset)
        d_reset *= reset
        d_reset *= 1 - reset
        products[t] = gates[t]
        products[t][..., 2 * size :] *= reset
        back *= update
        back += products[t] @ transposed
    for d in range(run.x.shape[1]):
        into.inputs[d] = outer(run.x[:, d], gates[:, d])
        into.recurrent[d] = outer(run.states[:-1, d], products[:, d])
    into.bias[:] = gates.sum(axis=(0, 2))
    into.inner_bias[:] = products[..., 2 * size :].sum(axis=(0, 2))
    return gates @ units.inputs.swapaxes(1, 2), back


def attention(queries: Array, keys: Array, values: Array, padding: Array) -> tuple[Array, Array]:
    """Contexts (T, B, M) and weights (B, T, S) of scaled dot products (Luong et al., 2015).

    queries (T, B, N), keys (S, B, N), values (S, B, M), padding (S, B) booleans.
    """
    scores = (queries.swapaxes(0, 1) @ keys.transpose(1, 2, 0)) * _scale(queries)
    scores += np.where(padding.T, -np.inf, 0)[:, None].astype(scores.dtype)
    weights = softmax(scores)
    return (weights @ values.swapaxes(0, 1)).swapaxes(0, 1), weights


def attention_gradient(
    queries: Array, keys: Array, values: Array, weights: Array, upstream: Array
) -> tuple[Array, Array, Array]:
    """From the gradient of the contexts those of queries, keys and values."""
    up = upstream.swapaxes(0, 1)
    d_values = weights.swapaxes(1, 2) @ up
    d_weights = up @ values.transpose(1, 2, 0)
    d_scores = weights * (d_weights - (d_weights * weights).sum(axis=-1, keepdims=True))
    d_scores *= _scale(queries)
    d_queries = d_scores @ keys.swapaxes(0, 1)
    d_keys = d_scores.swapaxes(1, 2) @ queries.swapaxes(0, 1)
    return d_queries.swapaxes(0, 1), d_keys.swapaxes(0, 1), d_values.swapaxes(0, 1)


def softmax(scores: Array) -> Array:
    """Along the last axis."""
    shifted: Array = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shifted /= shifted.sum(axis=-1, keepdims=True)
    return shifted


def cross_entropy(logits: Array, targets: Array, smoothing: float) -> tuple[float, Array]:
    """The mean loss of logits (M, V) at targets (M,) with smoothed labels, and its gradient.

    Label smoothing as in Szegedy et al. (2016): smoothing of the probability is spread evenly.
    The logits' memory is used for the gradient.
    """
    count, size = logits.shape
    rows = np.arange(count)
    logits -= logits.max(axis=1, keepdims=True)
    at_target = logits[rows, targets]
    mean = logits.mean(axis=1)
    np.exp(logits, out=logits)
    total = logits.sum(axis=1)
    losses = np.log(total) - (1 - smoothing) * at_target - smoothing * mean
    logits /= total[:, None]
    logits -= logits.dtype.type(smoothing / size)
    logits[rows, targets] -= logits.dtype.type(1 - smoothing)
    logits /= count
    return float(losses.mean()), logits


def log_probabilities(logits: Array, targets: Array) -> Array:
    """The log probability of each target (M,) under logits (M, V)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    found: Array = shifted[np.arange(len(targets)), targets] - np.log(np.exp(shifted).sum(axis=1))
    return found


def _parts(gates: Array) -> tuple[Array, Array, Array]:
    size = gates.shape[-1] // 3
    return gates[..., :size], gates[..., size : 2 * size], gates[..., 2 * size :]


def _sigmoid(x: Array) -> None:
    """In place, by numpy's vectorised tanh: no overflow, and faster than by exp."""
    x *= 0.5
    np.tanh(x, out=x)
    x *= 0.5
    x += 0.5


def outer(left: Array, right: Array) -> Array:
    """The sum over time and sentences of left (T, B, I) times right (T, B, J), shape (I, J)."""
    product: Array = left.reshape(-1, left.shape[-1]).T @ right.reshape(-1, right.shape[-1])
    return product


def _scale(queries: Array) -> np.floating:
    scale: np.floating = queries.dtype.type(queries.shape[-1] ** -0.5)
    return scale
