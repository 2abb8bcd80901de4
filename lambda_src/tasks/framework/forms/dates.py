"""Dates and times as people write them, and as ISO 8601 has them."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec

EPOCHS = {
    "epoch_seconds": 1_000_000,
    "epoch_milliseconds": 1_000,
    "epoch_microseconds": 1,
    "epoch_nanoseconds": 0.001,
}
"""Formats of numbers that count from 1970 on, with the microseconds of their unit."""

ISO = (
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[Tt ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,9}))?)?"
    r"(?: ?([Zz]|UTC|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?))?)?"
)
"""Groups: year, month, day, hour, minute, second, its decimals, offset."""

LAST_OF_2000S = 68
"""A year of two digits is 2000 to 2068, or 1969 to 1999."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    "[Jj][Aa][Nn](?:[Uu][Aa][Rr][Yy])?|[Ff][Ee][Bb](?:[Rr][Uu][Aa][Rr][Yy])?"
    "|[Mm][Aa][Rr](?:[Cc][Hh])?|[Aa][Pp][Rr](?:[Ii][Ll])?|[Mm][Aa][Yy]|[Jj][Uu][Nn][Ee]?"
    "|[Jj][Uu][Ll][Yy]?|[Aa][Uu][Gg](?:[Uu][Ss][Tt])?|[Ss][Ee][Pp](?:[Tt][Ee][Mm][Bb][Ee][Rr])?"
    "|[Oo][Cc][Tt](?:[Oo][Bb][Ee][Rr])?|[Nn][Oo][Vv](?:[Ee][Mm][Bb][Ee][Rr])?"
    "|[Dd][Ee][Cc](?:[Ee][Mm][Bb][Ee][Rr])?"
)
_WEEKDAY = (
    "(?:[Mm][Oo][Nn]|[Tt][Uu][Ee]|[Ww][Ee][Dd]|[Tt][Hh][Uu]|[Ff][Rr][Ii]|[Ss][Aa][Tt]"
    "|[Ss][Uu][Nn])[A-Za-z]*"
)
_TOKENS = {
    "%a": _WEEKDAY,
    "%Y": "([0-9]{4})",
    "%y": "([0-9]{2})",
    "%m": "([0-9]{1,2})",
    "%d": "([0-9]{1,2})",
    "%H": "([01]?[0-9]|2[0-3])",
    "%I": "(1[0-2]|0?[1-9])",
    "%M": "([0-5][0-9])",
    "%S": "([0-5][0-9])",
    "%f": "([0-9]{1,6})",
    "%p": "([AaPp][Mm])",
    "%b": f"({_MONTH})",
    "%z": r"([+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])",
}
_FIXED = {"%m": "([0-9]{2})", "%d": "([0-9]{2})", "%H": "([01][0-9]|2[0-3])"}
"""Of forms that write nothing between their parts."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DateForm(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the dates of a column are written: strptime's formats, or one of EPOCHS.

    Where a text fits several formats, the first one counts.
    """

    formats: tuple[str, ...]

    def read(self, text: str) -> datetime | None:
        """The moment, in UTC, that a clean text is; None where it is none in this form.

        >>> DateForm(("%d/%m/%y",)).read("3/2/24").isoformat()
        '2024-02-03T00:00:00+00:00'
        """
        for form in self.formats:
            moment = _epoch(text, EPOCHS[form]) if form in EPOCHS else _read(text, form)
            if moment is not None:
                return moment
        return None


def read_iso(text: str) -> datetime | None:
    """The moment, in UTC, that a clean text is by ISO 8601; None where it is none.

    >>> read_iso("2024-02-03 10:00 +02:00").isoformat()
    '2024-02-03T08:00:00+00:00'
    """
    match = _compiled(ISO).fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, decimals, offset = match.groups()
    micros = int((decimals or "")[:6].ljust(6, "0"))
    return _moment(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
        micros, offset or "Z",
    )  # fmt: skip


def pattern(form: str) -> str:
    """The pattern of a text in one of strptime's formats, with a group for each of its parts.

    A day of the week is no part: it says nothing that the date does not.

    >>> pattern("%d.%m")
    '([0-9]{1,2})[.]([0-9]{1,2})'
    """
    tokens = {**_TOKENS, **_FIXED} if form.startswith("%Y%m") else _TOKENS
    parts = re.split("(%.)", form)
    return "".join(tokens.get(part) or _literal(part) for part in parts)


def _literal(text: str) -> str:
    return "".join(char if char.isalnum() or char in ", " else f"[{char}]" for char in text)


def _read(text: str, form: str) -> datetime | None:
    match = _compiled(pattern(form)).fullmatch(text)
    if match is None:
        return None
    parts = dict(zip(re.findall("%[^a]", form), match.groups(), strict=True))
    month = int(parts.get("%m", 1))
    if name := parts.get("%b"):
        month = _MONTHS.index(name[:3].lower()) + 1
    hour = int(parts.get("%H") or parts.get("%I") or 0)
    if half := parts.get("%p"):
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    return _moment(
        _year(parts), month, int(parts.get("%d", 1)), hour, int(parts.get("%M", 0)),
        int(parts.get("%S", 0)), int(parts.get("%f", "0").ljust(6, "0")), parts.get("%z", "Z"),
    )  # fmt: skip


def _year(parts: dict[str, str]) -> int:
    if "%Y" in parts:
        return int(parts["%Y"])
    short = int(parts["%y"])
    return short + (2000 if short <= LAST_OF_2000S else 1900)


def _moment(
    year: int, month: int, day: int, hour: int, minute: int, second: int, micros: int, offset: str
) -> datetime | None:
    try:
        local = datetime(year, month, day, hour, minute, second, micros, UTC)
        return local - _offset(offset)
    except (ValueError, OverflowError):
        return None


def _offset(text: str) -> timedelta:
    if text in ("Z", "z", "UTC"):
        return timedelta()
    digits = text[1:].replace(":", "").ljust(4, "0")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -shift if text.startswith("-") else shift


def _epoch(text: str, unit: float) -> datetime | None:
    if _compiled(r"-?[0-9]{1,19}(?:\.[0-9]*)?").fullmatch(text) is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=float(text) * unit // 1)
    except OverflowError:
        return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
