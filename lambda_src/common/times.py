"""Times in documents: UTC in the form of RFC 3339, with a Z."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)


def text(at: datetime, unit: str = "milliseconds") -> str:
    """A time in UTC in the form of documents; unit is a timespec of datetime.isoformat.

    >>> text(datetime(2026, 1, 31, 12, tzinfo=UTC))
    '2026-01-31T12:00:00.000Z'
    """
    return at.isoformat(timespec=unit).replace("+00:00", "Z")


def timestamp() -> str:
    """The time now, to the millisecond."""
    return text(now())
