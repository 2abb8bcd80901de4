"""Samples into medians with quartiles, and these into tables."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.processes import quartiles
from benchmarks.serving import cost
from benchmarks.serving.contenders import BASELINE, FLOOR, OURS, PRELOADED, Contender

type Samples = dict[tuple[str, str, str], list[float]]
"""Model, contender and measure to what each round found."""


@dataclass(frozen=True)
class Summary:
    """Of the rounds: the median and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Summary":
        """
        >>> Summary.of([3, 1, 2])
        Summary(median=2.0, low=1.5, high=2.5)
        """
        found = quartiles(samples)
        return cls(found["median"], found["q1"], found["q3"])

    def times(self, factor: float, digits: int) -> str:
        low, high = (f"{value * factor:,.{digits}f}" for value in (self.low, self.high))
        return f"{self.median * factor:,.{digits}f} ({low}-{high})"


@dataclass(frozen=True)
class Results:
    """Everything that was measured, by model, contender and measure."""

    models: Sequence[str]
    contenders: Sequence[Contender]
    found: Mapping[tuple[str, str, str], Summary]
    memory: Mapping[tuple[str, str], int]
    """The smallest setting that works, in MB, by model and contender."""

    @classmethod
    def of(
        cls,
        contenders: Sequence[Contender],
        samples: Samples,
        memory: Mapping[tuple[str, str], int],
    ) -> "Results":
        models = list(dict.fromkeys(model for model, _, _ in samples))
        found = {key: Summary.of(values) for key, values in samples.items()}
        return cls(models, contenders, found, memory)

    def ratio(self, model: str, measure: str, rival: str, own: str) -> float:
        """How many times the rival's median is ours."""
        return self.found[model, rival, measure].median / self.found[model, own, measure].median

    def document(self) -> dict[str, object]:
        """All of it, for other programs; seconds and bytes."""
        measures: dict[str, dict[str, dict[str, dict[str, float]]]] = defaultdict(
            lambda: defaultdict(dict)
        )
        for (model, contender, measure), summary in self.found.items():
            measures[model][contender][measure] = asdict(summary)
        return {
            "measures": measures,
            "zip_bytes": {one.name: one.zip_bytes for one in self.contenders},
            "unzipped_bytes": {one.name: one.unzipped_bytes for one in self.contenders},
            "memory_mb": {f"{model}, {name}": mb for (model, name), mb in self.memory.items()},
        }


@dataclass(frozen=True)
class Table:
    """Rows under a heading, for the screen and for Markdown."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return f"**{self.title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables(results: Results) -> list[Table]:
    """What the reader wants to see, in the order in which it matters."""
    found = [
        _cold(results, "cold", "Cold start to first answer, ms"),
        _cold(results, "cold cpu", "Cold start to first answer, CPU ms"),
        _cold(results, "cold, uncached", "Cold start with the code out of the page cache, ms"),
        *(
            _warm(results, f"warm {count}", f"Warm handler, {count} per request, ms", 3)
            for count in (1, 100)
        ),
        *(
            _warm(results, f"warm {count} p99", f"Warm handler, {count} per request, p99, ms", 3)
            for count in (1, 100)
        ),
        *(
            _warm(results, f"warm {count} cpu", f"Warm handler, {count} per request, CPU ms", 3)
            for count in (1, 100)
        ),
        *(
            _warm(
                results,
                f"client {count}",
                f"Through the runtime client, {count} per request, ms",
                2,
            )
            for count in (1, 100)
        ),
        _warm(results, "peak 100", "Peak memory, MB", 0, factor=1e-6),
        _cost(results),
        _settings(results),
        _sizes(results),
    ]
    return [table for table in found if table.rows]


def _cold(results: Results, measure: str, title: str) -> Table:
    names = (FLOOR, PRELOADED, OURS, BASELINE)
    rows = [
        [
            model,
            *(results.found[model, name, measure].times(1000, 0) for name in names),
            f"{results.ratio(model, measure, BASELINE, PRELOADED):.1f}",
            f"{results.ratio(model, measure, BASELINE, OURS):.1f}",
            f"{results.ratio(model, measure, PRELOADED, FLOOR):.2f}",
        ]
        for model in results.models
        if all((model, name, measure) in results.found for name in names)
    ]
    ratios = ["baseline / preloaded", "baseline / ours", "preloaded / floor"]
    return Table(title, ["model", *names, *ratios], rows)


def _warm(results: Results, measure: str, title: str, digits: int, factor: float = 1000) -> Table:
    rows = [
        [
            model,
            *(
                results.found[model, name, measure].times(factor, digits)
                for name in (OURS, BASELINE)
            ),
            f"{results.ratio(model, measure, BASELINE, OURS):.1f}",
        ]
        for model in results.models
        if (model, OURS, measure) in results.found
    ]
    return Table(title, ["model", OURS, BASELINE, "baseline / ours"], rows)


def _cost(results: Results) -> Table:
    shares = (0.0, 0.01, 0.1)
    rows = []
    for (model, name), memory_mb in results.memory.items():
        cold = results.found[model, name, "cold cpu"].median
        warm = results.found[model, name, "client 1 cpu"].median
        dollars = [cost.per_million(memory_mb, cold, warm, share) for share in shares]
        rows.append([model, name, str(memory_mb), *(f"{amount:.2f}" for amount in dollars)])
    columns = ["model", "", "memory, MB", *(f"{share:.0%} cold" for share in shares)]
    return Table("Dollars per million requests of one prediction", columns, rows)


def _settings(results: Results) -> Table:
    """What memory buys, for the first model: from the smallest setting to a whole vCPU."""
    model = results.models[0]
    cold, warm = (results.found[model, OURS, name].median for name in ("cold cpu", "client 1 cpu"))
    rows = []
    for memory_mb in (128, 256, 512, 1024, cost.FULL_CPU_MB, 3008):
        slower = cost.stretch(memory_mb)
        dollars = cost.per_million(memory_mb, cold, warm, 0.01)
        rows.append(
            [
                f"{memory_mb:,}",
                f"{cold * slower:.2f}",
                f"{1000 * warm * slower:.1f}",
                f"{dollars:.2f}",
            ]
        )
    columns = ["memory, MB", "cold start, s", "warm request, ms", "dollars, 1% cold"]
    return Table(f"What memory buys: {model}, ours, per million requests", columns, rows)


def _sizes(results: Results) -> Table:
    rows = [
        [one.name, f"{one.zip_bytes / 1e6:.1f}", f"{one.unzipped_bytes / 1e6:.1f}"]
        for one in results.contenders
        if one.name != PRELOADED
    ]
    return Table("Size, MB", ["", "zipped", "unzipped"], rows)
