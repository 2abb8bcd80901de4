"""Whether two answers of a graph agree, which may be maps."""

import numpy as np

ROUNDING, ROUNDING_OF_HALVES = 1e-5, 4e-3
"""What a batch may change in an answer, as a part of its largest number; float16 has 3 digits."""


def by_keys(array: np.ndarray) -> tuple[list[str], np.ndarray]:
    """All keys of an array of maps, as JSON has them, and their values in this order.

    Of other arrays no keys, and the array itself.
    """
    maps = array.ravel().tolist()
    if array.dtype.kind != "O" or not all(isinstance(one, dict) for one in maps):
        return [], array
    pairs = [pair for one in maps for pair in sorted((str(key), one[key]) for key in one)]
    return [key for key, _ in pairs], np.array([value for _, value in pairs])


def has_fractions(array: np.ndarray) -> bool:
    """Whether it is of floats, or of maps of floats."""
    return by_keys(array)[1].dtype.kind == "f"


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two answers of one model are the same, but for how their sums were rounded."""
    (wanted, one), (keys, other) = by_keys(one), by_keys(other)
    if keys != wanted:
        return False
    if one.dtype.kind != "f" or one.shape != other.shape:
        return np.array_equal(one, other)
    rounding = ROUNDING if one.dtype.itemsize > 2 else ROUNDING_OF_HALVES
    one, other = one.astype(np.float64), other.astype(np.float64)
    largest = np.abs(one[np.isfinite(one)]).max(initial=0.0)
    return np.allclose(one, other, rtol=0, atol=rounding * largest, equal_nan=True)
