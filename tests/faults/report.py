"""What was tried and what became of it, as a table."""

from collections import Counter, defaultdict
from collections.abc import Iterator
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
        yield "| operation | fault | tried | " + " | ".join(VERDICTS) + " |"
        yield "|---|---|" + "---:|" * (1 + len(VERDICTS))
        for (operation, fault), counts in self.counts.items():
            yield _row(operation, fault, counts)
        yield _row("all", "all", self.totals)


def _row(operation: str, fault: str, counts: Counter[str]) -> str:
    numbers = [counts.total(), *(counts[verdict] for verdict in VERDICTS)]
    return f"| {operation} | {fault} | " + " | ".join(f"{number:,}" for number in numbers) + " |"
