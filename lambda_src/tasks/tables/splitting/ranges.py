"""Splits as ranges of an SQL value: of a hash, or of a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.datasets import Split
from common.problems import Unprocessable
from tasks.tables.processing.database import literal, one_row
from tasks.tables.splitting.rules import ByTime, Rows, Shares

HASHES = 1 << 64


@dataclass(frozen=True)
class Ranges:
    """The splits as ranges of an SQL value: train below validation, test from test on.

    bounds are the values themselves where they are hashes.
    """

    at: str
    validation: str
    test: str
    bounds: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, at: str, shares: Shares) -> "Ranges":
        """The shares as ranges of hashes."""
        train, validation, _ = shares
        start = int(train * 2**53) << 11
        end = max(start, int((train + validation) * 2**53) << 11)
        return cls(at, f"{start}::UBIGINT", f"{end}::UBIGINT", (start, end))

    def split(self) -> str:
        """SQL of a row's split."""
        return (
            f"CASE WHEN {self.at} < {self.validation} THEN 'train' "
            f"WHEN {self.at} < {self.test} THEN 'validation' ELSE 'test' END"
        )

    def holds(self, split: Split) -> str:
        """SQL of whether a row is in a split; it is asked while rows are read."""
        return {
            "train": f"{self.at} < {self.validation}",
            "validation": f"{self.at} >= {self.validation} AND {self.at} < {self.test}",
            "test": f"{self.at} >= {self.test}",
        }[split]

    def distance(self, at: int, split: Split) -> int:
        """How far a hash is from a split's range."""
        validation, test = self.bounds
        start, end = {
            "train": (0, validation),
            "validation": (validation, test),
            "test": (test, HASHES),
        }[split]
        return max(start - at, at - end, 0)


def times(rows: Rows, rule: ByTime) -> Ranges:
    """Ranges of the time that hold about the shares asked for; equal times are not parted.

    Raises Unprocessable with fewer than three different times.
    """
    connection, at = rows.connection, rule.at
    train, validation, _ = rule.shares
    connection.execute(f"""
        CREATE TABLE times AS SELECT {at} AS time, sum(count(*)) OVER (ORDER BY {at}) - count(*)
            AS earlier FROM {rows.relation} GROUP BY {at}
    """)
    (different, last) = one_row(connection, "SELECT count(*), max(time) FROM times")
    if different < 3:
        raise Unprocessable(
            f"Column {rule.column!r} has {different} different times: train, validation and "
            "test need one each at least."
        )
    (total,) = one_row(connection, f"SELECT count(*) FROM {rows.relation}")

    def start(share: float, where: str, values: Sequence[Any]) -> Any:
        row = connection.execute(
            f"SELECT time FROM times WHERE earlier > 0 AND {where} "
            f"ORDER BY abs(earlier - {share * total!r}), time LIMIT 1",
            values,
        ).fetchone()
        assert row is not None  # there are three times
        return row[0]

    first = start(train, "time < ?", [last])
    second = start(train + validation, "time > ?", [first])
    return Ranges(at, _time_literal(first), _time_literal(second))


def _time_literal(time: Any) -> str:
    if isinstance(time, float):
        return f"{time!r}::DOUBLE"
    return f"TIMESTAMP {literal(time.isoformat(sep=' '))}"
