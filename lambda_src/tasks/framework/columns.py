"""Instances as columns, for callers that have tables: files, tensors, data frames."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import batched
from typing import Any, overload

import numpy as np

_AT_ONCE = 1024
"""Rows that are made together, so that the columns are never all in memory as Python objects."""


class Columns(Sequence[dict[str, Any]]):
    """Instances as columns. As a sequence, they are rows: every task takes them so.

    values maps the name of a field to its values: a list, or a numpy array with instances along
    its first axis. Missing are None in lists and arrays of objects, NaN in arrays of floats, NaT in
    arrays of datetime64, and masked values. Moments of datetime64 are in UTC.

    count is the number of instances; it may be left out if there is a column. Raises ValueError
    where a column has another length.

    A row has no field for a missing value:

    >>> list(Columns({"age": np.array([40.0, np.nan]), "size": ["s", "m"]}))
    [{'age': 40.0, 'size': 's'}, {'size': 'm'}]
    """

    def __init__(self, values: Mapping[str, Any], count: int | None = None) -> None:
        self.values = {name: _unmasked(column) for name, column in values.items()}
        self._count = len(next(iter(values.values()), ())) if count is None else count
        for name, column in values.items():
            if len(column) != self._count:
                raise ValueError(
                    f"Column {name!r:.200} has {len(column):,} values, expected {self._count:,}: "
                    "send columns of one length."
                )

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Columns": ...
    def __getitem__(self, index: int | slice) -> "dict[str, Any] | Columns":
        if isinstance(index, slice):
            part = {name: column[index] for name, column in self.values.items()}
            return Columns(part, len(range(*index.indices(self._count))))
        at = range(self._count)[index]
        return next(iter(self[at : at + 1]))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = list(self.values)
        for rows in batched(range(self._count), _AT_ONCE, strict=False):
            part = slice(rows[0], rows[-1] + 1)
            columns = [plain(column[part]) for column in self.values.values()]
            for values in zip(*columns, strict=True) if columns else ((),) * len(rows):
                yield {
                    name: value
                    for name, value in zip(names, values, strict=True)
                    if value is not None
                }


def plain(column: Any) -> Sequence[Any]:
    """A column's values as callers send them in JSON: None is missing, datetimes are texts.

    >>> plain(np.array(["2024-02-29", "NaT"], "datetime64[D]"))
    ['2024-02-29T00:00:00.000000', None]
    """
    if not isinstance(column, np.ndarray):
        return column  # type: ignore[no-any-return]
    if column.dtype.kind == "M":
        with contextlib.suppress(OverflowError):  # no year that a text can name
            column = column.astype("datetime64[us]")
        texts = np.datetime_as_string(column).tolist()
        return [None if text == "NaT" else text for text in texts]
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f" and column.ndim == 1:
        return [None if value != value else value for value in values]
    return values


def _unmasked(column: Any) -> Any:
    """A column whose missing values are not masked."""
    if not isinstance(column, np.ma.MaskedArray):
        return column
    if column.dtype.kind in "fM" and column.ndim == 1:
        values = np.array(column.data)
        values[column.mask] = "NaT" if column.dtype.kind == "M" else np.nan
        return values
    return column.tolist() if np.ma.is_masked(column) else column.data
