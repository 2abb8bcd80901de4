"""Whether a graph answers instances that are run together as it answers each alone."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from tasks.onnx.codecs.form import Arrays, Encoded
from tasks.onnx.limits import NotRun, OutOfTime
from tasks.onnx.serving import Imported, at_once
from tasks.onnx.training.comparison import alike, has_fractions

CHANGED_SECONDS = 5.0
"""For a change of an example, which may make a loop longer than any instance would."""

COMPARING_SECONDS = 30.0
"""For all runs of several instances: where they take longer, little is gained by them."""


def agrees(
    model: Imported, encoded: Sequence[Encoded], constants: set[str], outputs: Sequence[str]
) -> bool:
    """Whether examples are answered among other instances as they are alone.

    Those of the first one's shapes are run together, between two copies of each instance that
    could influence them: another example, and changes of the first one in all inputs that are no
    constants. Answers without fractions are no proof, as they stay the same while what they are
    made of does not: where a model has no others, all outputs of its graph are compared.
    """
    deadline = time.monotonic() + COMPARING_SECONDS
    first = encoded[0]
    same = [one.arrays for one in encoded if _shapes(one) == _shapes(first)]
    examples = same[: max(1, at_once(first) - 2)]
    try:
        run = partial(model.run_together, deadline=deadline)
        if not _has_fractions(run([examples[0]])):
            run = partial(run, outputs=outputs)
            if not _has_fractions(run([examples[0]])):
                return False
        expected = [run([one])[0] for one in examples]
        others = [one for one in encoded if _may_influence(one, first)][:1]
        others += [
            one for one in _changes(model, first, constants, deadline) if _may_influence(one, first)
        ]
        return bool(others) and all(
            _agree(expected, run([one.arrays, *examples, one.arrays])[1:-1]) for one in others
        )
    except (NotRun, OutOfTime, MemoryError):  # it says that it takes batches, and does not
        return False


def _has_fractions(outputs: Sequence[Arrays]) -> bool:
    return any(has_fractions(array) for one in outputs for array in one.values())


def _agree(expected: Sequence[Arrays], got: Sequence[Arrays]) -> bool:
    return all(
        alike(one[name], other[name])
        for one, other in zip(expected, got, strict=True)
        for name in one
    )


def _changes(
    model: Imported, first: Encoded, constants: set[str], deadline: float
) -> Iterator[Encoded]:
    """Changes of an instance that are instances, too: no number is beyond a table, say."""
    for change in (_reversed, _levelled, _shifted, _large, _large_below_zero, _large_if_whole):
        changed = Encoded(
            {name: one if name in constants else change(one) for name, one in first.arrays.items()}
        )
        try:
            model.run([changed], min(deadline, time.monotonic() + CHANGED_SECONDS))
        except (NotRun, OutOfTime):
            continue
        yield changed


def _reversed(array: np.ndarray) -> np.ndarray:
    """The same values at other places: those of a text, an image, or a row of a table."""
    return np.flip(array)


def _levelled(array: np.ndarray) -> np.ndarray:
    """Values of another sum; those that may stand for something are among the first ones."""
    if array.dtype.kind == "f":
        halves: np.ndarray = array * array.dtype.type(0.5) + array.dtype.type(0.1)
        return halves
    return np.full_like(array, array.flat[0]) if array.size else array


def _shifted(array: np.ndarray) -> np.ndarray:
    """Other values everywhere, where all are the same."""
    one: Any = "x" if array.dtype.kind == "O" else array.dtype.type(1)
    shifted: np.ndarray = array + one if array.dtype.kind in "fO" else array ^ one
    return shifted


def _large(array: np.ndarray) -> np.ndarray:
    """Values as of another unit, beside which those of the examples are next to nothing."""
    return _thousandfold(array) if array.dtype.kind == "f" else array


def _large_below_zero(array: np.ndarray) -> np.ndarray:
    return -_thousandfold(array) if array.dtype.kind == "f" else array


def _large_if_whole(array: np.ndarray) -> np.ndarray:
    """Apart from the others: whole numbers may be those of a table's rows."""
    return _thousandfold(array) if array.dtype.kind in "iu" else array


def _thousandfold(array: np.ndarray) -> np.ndarray:
    """A thousand times as much, and a thousand where there is 0, as far as the type goes."""
    info = np.finfo(array.dtype) if array.dtype.kind == "f" else np.iinfo(array.dtype)
    with np.errstate(over="ignore"):
        values = 1000 * (np.abs(array.astype(np.float64)) + 1)
    thousandfold: np.ndarray = np.minimum(values, np.nextafter(float(info.max), 0))
    return thousandfold.astype(array.dtype)


def _may_influence(one: Encoded, other: Encoded) -> bool:
    """Whether both are run together, and are not the same."""
    return _shapes(one) == _shapes(other) and any(
        (one.arrays[name] != other.arrays[name]).any() for name in one.arrays
    )


def _shapes(one: Encoded) -> list[tuple[int, ...]]:
    return [array.shape for array in one.arrays.values()]
