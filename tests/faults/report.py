"""What was tried and what became of it, as a table."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_args

from tests.faults.schedules import Verdict

VERDICTS: tuple[Verdict, ...] = get_args(Verdict.__value__)


@dataclass
class Table:
    """Counts of verdicts, by operation and fault."""

    counts: dict[tuple[str, str], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def add(self, operation: str, fault: str, verdict: Verdict) -> None:
        self.counts[operation, fault][verdict] += 1

    @property
    def totals(self) -> Counter[str]:
        return sum(self.counts.values(), Counter())

    @property
    def is_good(self) -> bool:
        return not (self.totals["lost"] or self.totals["wrong"])

    def lines(self) -> Iterator[str]:
        """The table in Markdown."""
        yield from _table(
            "operation | fault",
            {f"{operation} | {fault}": one for (operation, fault), one in self.counts.items()},
        )

    def summary(self) -> Iterator[str]:
        """Two tables in Markdown, of all faults of an operation and all operations of a fault.

        What can become of an object is one fault in it.
        """
        operations: dict[str, Counter[str]] = defaultdict(Counter)
        faults: dict[str, Counter[str]] = defaultdict(Counter)
        for (operation, fault), counts in self.counts.items():
            what, is_damage, _ = fault.partition(": ")
            operations[operation] += counts
            faults[f"damaged or missing: {what}" if is_damage else what] += counts
        yield from _table("operation", {**operations, "all": self.totals})
        yield ""
        yield from _table("fault", faults)


def _table(what: str, rows: Mapping[str, Counter[str]]) -> Iterator[str]:
    yield f"| {what} | tried | " + " | ".join(VERDICTS) + " |"
    yield "|---|" + "---|" * what.count("|") + "---:|" * (1 + len(VERDICTS))
    for name, counts in rows.items():
        numbers = [counts.total(), *(counts[verdict] for verdict in VERDICTS)]
        yield f"| {name} | " + " | ".join(f"{number:,}" for number in numbers) + " |"
