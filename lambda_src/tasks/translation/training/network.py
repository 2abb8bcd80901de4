"""The network: an encoder and a decoder of gated recurrent units, joined by attention.

    annotations  = a GRU over the source in both directions
    first layer  = a GRU over the target's pieces so far
    context      = attention of the first layer over the annotations
    second layer = a GRU over the first layer and the context
    scores       = target embedding . tanh(second layer, context)

Attention looks from the first layer, which does not depend on it, so that training computes it
for all steps at once (as in Wu et al., 2016, with the layers' parts exchanged); the output's
weights are those of the target's embedding (Press and Wolf, 2017).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from tasks.translation.subwords import PAD, START, UNKNOWN
from tasks.translation.training import layers
from tasks.translation.training.layers import Array, Gru, GruRun

NEVER = np.float32(-1e9)
"""The score of what must not be chosen; infinities would make NaN of what has nothing else."""


@dataclass(frozen=True)
class Sizes:
    """The vocabularies' sizes, the width of embeddings, and that of a state.

    Each direction of the encoder has half a state, so that an annotation is as wide as a state.
    """

    source: int
    target: int
    embedding: int
    state: int

    @classmethod
    def of(cls, source: int, target: int, pairs: int) -> "Sizes":
        """Few sentences teach a small network."""
        width = next(width for least, width in _WIDTHS if pairs >= least)
        return cls(source, target, width, width)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        e, n = self.embedding, self.state
        return {
            "source_embedding": (self.source, e),
            "target_embedding": (self.target, e),
            **_gru_shapes("encoder", 2, e, n // 2),
            "bridge": (n, 2 * n),
            "bridge_bias": (2 * n,),
            **_gru_shapes("first", 1, e, n),
            "keys": (n, n),
            **_gru_shapes("second", 1, 2 * n, n),
            "output": (2 * n, e),
            "output_bias": (e,),
            "target_bias": (self.target,),
        }


_WIDTHS = ((10_000, 256), (2_000, 128), (0, 64))
"""The least number of sentence pairs for each width."""


class Parameters:
    """All weights as one vector, which optimizers like, with a view of each by its name."""

    def __init__(self, sizes: Sizes, vector: Array | None = None) -> None:
        shapes = sizes.shapes()
        count = sum(int(np.prod(shape)) for shape in shapes.values())
        self.sizes = sizes
        self.vector = np.zeros(count, np.float32) if vector is None else vector
        self.views: Mapping[str, Array] = {}
        at, views = 0, {}
        for name, shape in shapes.items():
            end = at + int(np.prod(shape))
            views[name] = self.vector[at:end].reshape(shape)
            at = end
        self.views = views

    @classmethod
    def random(cls, sizes: Sizes, generator: np.random.Generator) -> "Parameters":
        """Weights to begin with: uniform by Glorot and Bengio (2010), biases at zero."""
        parameters = cls(sizes)
        for name, view in parameters.views.items():
            if name.endswith("bias"):
                continue
            if name.endswith("embedding"):
                view[:] = generator.normal(0, sizes.embedding**-0.5, view.shape)
            else:
                rows, columns = view.shape[-2:]
                gates = 3 if name.endswith(("inputs", "recurrent")) else 1
                bound = np.sqrt(6 / (rows + columns / gates))
                view[:] = generator.uniform(-bound, bound, view.shape)
        return parameters

    def __getitem__(self, name: str) -> Array:
        return self.views[name]

    def gru(self, name: str) -> Gru:
        parts = ("inputs", "recurrent", "bias", "inner_bias")
        return Gru(*(self.views[f"{name}_{part}"] for part in parts))


@dataclass(frozen=True)
class Batch:
    """Sentences as ids, padded with PAD: source (S, B) ends in END, as does target (T, B)."""

    source: Array
    target: Array

    @property
    def given(self) -> Array:
        """What the decoder sees at each step: the target one step late."""
        start = np.full((1, self.target.shape[1]), START, self.target.dtype)
        return np.concatenate([start, self.target[:-1]])


@dataclass(frozen=True)
class _Masks:
    """Dropout's factors for each place that has it; None keeps everything."""

    source: Array | None
    given: Array | None
    annotations: Array | None
    first: Array | None
    output: Array | None


@dataclass(frozen=True)
class _Pass:
    """A forward pass, kept for its gradient."""

    masks: _Masks
    encoder: GruRun
    annotations: Array
    ends: Array
    bridged: Array
    first: GruRun
    queries: Array
    keys: Array
    weights: Array
    second: GruRun
    joined: Array
    hidden: Array
    output: Array
    real: Array


def gradient(
    parameters: Parameters,
    batch: Batch,
    smoothing: float,
    dropout: float,
    generator: np.random.Generator,
    into: Parameters,
) -> float:
    """The mean loss per target piece; its gradient goes into."""
    masks = _masks(parameters.sizes, batch, dropout, generator)
    run = _forward(parameters, batch, masks)
    real = run.output[run.real]
    logits = real @ parameters["target_embedding"].T
    logits += parameters["target_bias"]
    loss, d_logits = layers.cross_entropy(logits, batch.target[run.real], smoothing)
    into["target_bias"][:] = d_logits.sum(axis=0)
    into["target_embedding"][:] = d_logits.T @ real
    d_output = np.zeros_like(run.output)
    d_output[run.real] = d_logits @ parameters["target_embedding"]
    _backward(parameters, batch, run, d_output, into)
    return loss


def log_likelihoods(parameters: Parameters, batch: Batch) -> Array:
    """The log probability of each target sentence given its source, shape (B,)."""
    run = _forward(parameters, batch, _Masks(None, None, None, None, None))
    logits = run.output[run.real] @ parameters["target_embedding"].T + parameters["target_bias"]
    pieces = np.zeros(batch.target.shape, np.float32)
    pieces[run.real] = layers.log_probabilities(logits, batch.target[run.real])
    total: Array = pieces.sum(axis=0)
    return total


def without_special_pieces(parameters: Parameters) -> Parameters:
    """A copy that never answers with what is no piece of a word, END excepted."""
    copy = Parameters(parameters.sizes, parameters.vector.copy())
    copy["target_bias"][[PAD, START, UNKNOWN]] = NEVER
    return copy


def _forward(parameters: Parameters, batch: Batch, masks: _Masks) -> _Pass:
    p, count = parameters, batch.source.shape[1]
    padding = batch.source == PAD
    embedded = _dropped(p["source_embedding"][batch.source], masks.source)
    both = np.stack([embedded, embedded[::-1]], axis=1)
    none = np.zeros((2, count, p.sizes.state // 2), both.dtype)
    encoder = layers.gru(p.gru("encoder"), both, none, np.stack([padding, padding[::-1]], axis=1))
    forward, backward = encoder.states[1:, 0], encoder.states[:0:-1, 1]
    annotations = _dropped(np.concatenate([forward, backward], axis=-1), masks.annotations)
    ends = np.concatenate([*encoder.states[-1]], axis=-1)
    bridged = np.tanh(ends @ p["bridge"] + p["bridge_bias"])
    given = _dropped(p["target_embedding"][batch.given], masks.given)
    first = layers.gru(p.gru("first"), given[:, None], bridged[None, :, : p.sizes.state])
    queries = _dropped(first.states[1:, 0], masks.first)
    keys = annotations @ p["keys"]
    contexts, weights = layers.attention(queries, keys, annotations, padding)
    seen = np.concatenate([queries, contexts], axis=-1)
    second = layers.gru(p.gru("second"), seen[:, None], bridged[None, :, p.sizes.state :])
    joined = np.concatenate([second.states[1:, 0], contexts], axis=-1)
    hidden = np.tanh(joined @ p["output"] + p["output_bias"])
    return _Pass(
        masks=masks,
        encoder=encoder,
        annotations=annotations,
        ends=ends,
        bridged=bridged,
        first=first,
        queries=queries,
        keys=keys,
        weights=weights,
        second=second,
        joined=joined,
        hidden=hidden,
        output=_dropped(hidden, masks.output),
        real=batch.target != PAD,
    )


def _backward(p: Parameters, batch: Batch, run: _Pass, d_output: Array, into: Parameters) -> None:
    n = p.sizes.state
    d_before = _dropped(d_output, run.masks.output) * (1 - run.hidden * run.hidden)
    into["output"][:] = layers.outer(run.joined, d_before)
    into["output_bias"][:] = d_before.sum(axis=(0, 1))
    d_joined = d_before @ p["output"].T

    d_seen, d_begin_second = layers.gru_gradient(
        p.gru("second"), run.second, d_joined[:, None, :, :n], into.gru("second")
    )
    d_contexts = d_joined[..., n:] + d_seen[:, 0, :, n:]
    d_queries, d_keys, d_annotations = layers.attention_gradient(
        run.queries, run.keys, run.annotations, run.weights, d_contexts
    )
    d_queries = _dropped(d_queries + d_seen[:, 0, :, :n], run.masks.first)
    d_given, d_begin_first = layers.gru_gradient(
        p.gru("first"), run.first, d_queries[:, None], into.gru("first")
    )
    _add_rows(into["target_embedding"], batch.given, _dropped(d_given[:, 0], run.masks.given))

    into["keys"][:] = layers.outer(run.annotations, d_keys)
    d_annotations = _dropped(d_annotations + d_keys @ p["keys"].T, run.masks.annotations)
    d_bridged = np.concatenate([d_begin_first[0], d_begin_second[0]], axis=-1)
    d_bridged *= 1 - run.bridged * run.bridged
    into["bridge"][:] = run.ends.T @ d_bridged
    into["bridge_bias"][:] = d_bridged.sum(axis=0)
    d_ends = d_bridged @ p["bridge"].T
    half = n // 2
    d_states = np.stack([d_annotations[..., :half], d_annotations[::-1, :, half:]], axis=1)
    d_states[-1] += np.stack([d_ends[:, :half], d_ends[:, half:]])
    d_both, _ = layers.gru_gradient(p.gru("encoder"), run.encoder, d_states, into.gru("encoder"))
    d_source = _dropped(d_both[:, 0] + d_both[::-1, 1], run.masks.source)
    into["source_embedding"][:] = 0
    _add_rows(into["source_embedding"], batch.source, d_source)


def _masks(sizes: Sizes, batch: Batch, rate: float, generator: np.random.Generator) -> _Masks:
    if rate == 0:
        return _Masks(None, None, None, None, None)

    def mask(ids: Array, width: int) -> Array:
        kept = generator.random((*ids.shape, width), np.float32) >= rate
        return kept / np.float32(1 - rate)

    return _Masks(
        source=mask(batch.source, sizes.embedding),
        given=mask(batch.target, sizes.embedding),
        annotations=mask(batch.source, sizes.state),
        first=mask(batch.target, sizes.state),
        output=mask(batch.target, sizes.embedding),
    )


def _dropped(x: Array, mask: Array | None) -> Array:
    return x if mask is None else x * mask


def _add_rows(matrix: Array, ids: Array, rows: Array) -> None:
    """Adds each row to the matrix's row of its id; as a sparse product, numpy's own is slower."""
    flat = ids.reshape(-1)
    picked = csr_matrix(
        (np.ones(len(flat), matrix.dtype), flat, np.arange(len(flat) + 1)),
        shape=(len(flat), len(matrix)),
    )
    matrix += picked.T @ rows.reshape(len(flat), -1)


def _gru_shapes(name: str, directions: int, width: int, state: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}_inputs": (directions, width, 3 * state),
        f"{name}_recurrent": (directions, state, 3 * state),
        f"{name}_bias": (directions, 3 * state),
        f"{name}_inner_bias": (directions, state),
    }
