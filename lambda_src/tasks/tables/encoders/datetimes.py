"""The encoder of datetimes."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tasks.tables.encoders.base import DATETIME_PARTS, Encoder, Feature, InvalidValue, text_of
from tasks.tables.encoders.numbers import with_digits

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
"""In microseconds."""

_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first and the last moment of the years 1 to 9999, which texts can name."""


class DatetimeEncoder(Encoder):
    def __init__(self, feature: Feature, words: frozenset[str]) -> None:
        from tasks.framework.forms.dates import DateForm, read_iso

        super().__init__(feature)
        if self.missing is not None:
            self.missing = (math.nan,) * len(DATETIME_PARTS)
        self._words = words
        self._centre, self._scale = feature["centre"], feature["scale"]
        form = feature.get("form")
        self._written = DateForm(tuple(form["formats"])) if form else None
        self._read_iso = read_iso
        self._expected = (
            f"Expected a date or time as in {self._written.formats[0]!r} or in ISO 8601 form"
            if self._written
            else "Expected a date or time in ISO 8601 form, such as 2026-01-31T12:00:00Z"
        )

    def value(self, value: Any) -> tuple[float, ...]:
        # Compact dates and epochs may come as numbers.
        text = text_of(value, self._words, self._expected)
        moment = (self._written and self._written.read(text)) or self._read_iso(text)
        if moment is None:
            raise InvalidValue(self._expected)
        seconds = ((moment - _EPOCH) // _MICROSECOND) / 1e6
        parts = (moment.month, moment.day, moment.weekday(), moment.hour)
        return ((seconds - self._centre) / self._scale, *map(float, parts))

    def array(self, values: np.ndarray) -> np.ndarray | None:
        """Of moments. Words with digits may be moments as well: then all are read as texts."""
        if values.dtype.kind != "M" or self._written or with_digits(self._words):
            return None
        try:
            micros = values.astype("datetime64[us]").astype(np.int64)
        except OverflowError:
            return None
        missing = np.isnat(values)
        there = micros[~missing]
        if np.any((there < _FIRST) | (there > _LAST)) or not self._can_be_missing(missing):
            return None
        parts = datetime_parts(np.where(missing, 0, micros))
        parts[:, 0] = (parts[:, 0] - self._centre) / self._scale
        parts[missing] = math.nan
        return parts


def datetime_parts(micros: np.ndarray) -> np.ndarray:
    """The parts of moments in microseconds since 1970, shape (n_samples, width)."""
    days = micros // _DAY
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    return np.column_stack(
        [
            micros / 1e6,
            months.astype(np.int64) % 12 + 1,
            (dates - months).astype(np.int64) + 1,
            (days + 3) % 7,  # 1 January 1970 was a Thursday
            micros % _DAY // _HOUR,
        ]
    )
