"""What the demo shows a person."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from local.demo.loops import Question

console = Console(highlight=False, soft_wrap=False)


def heading(text: str) -> None:
    console.print()
    console.print(Rule(f"[bold]{text}", align="left"))


def done(text: str, seconds: float) -> None:
    console.print(f"[green]✓[/green] {text}  [dim]{seconds:.0f} s[/dim]")


@contextmanager
def terraform(title: str) -> Iterator[Callable[[str], None]]:
    """A line that follows Terraform; gives the callback that takes its output."""
    with console.status(title) as status:
        yield lambda line: status.update(f"{title} [dim]{_short(escape(line.strip()), 90)}[/dim]")


@contextmanager
def job(title: str) -> Iterator[Any]:
    """A line that follows a job; gives the callback that takes the job's state."""
    with console.status(title) as status:
        yield lambda state: status.update(
            f"{title} [dim]{state['percent']:3d}% {state['message']}[/dim]"
        )


def dataset(manifest: Mapping[str, Any], seconds: float) -> None:
    """What data_processing found."""
    rows = manifest["rows"]
    console.print(
        f"[green]✓[/green] data_processing  {rows['read']:,} rows read, "
        f"{rows['rejected']:,} set aside, "
        f"[bold]{rows['used']:,} used[/bold]  [dim]{seconds:.1f} s[/dim]"
    )
    columns = {column["name"]: column for column in manifest["schema"]["columns"]}
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for title in ("column", "type", "role", "missing", "distinct", "what is in it"):
        table.add_column(title, justify="right" if title in ("missing", "distinct") else "left")
    for profile in manifest["profile"]["columns"]:
        column = columns[profile["name"]]
        table.add_row(
            column["name"],
            column["type"],
            "" if column["role"] == "feature" else column["role"],
            f"{profile['nulls']:,}" if profile["nulls"] else "",
            f"{profile['distinct']:,}",
            _content(profile),
        )
    console.print(table)
    splits = manifest["splits"]
    sides = ", ".join(f"{name} {splits[name]['rows']:,}" for name in splits)
    console.print(f"  split: {sides}")
    for warning in manifest["warnings"]:
        console.print(f"  [yellow]![/yellow] {warning['detail']}")


def model(manifest: Mapping[str, Any], result: Mapping[str, Any], seconds: float) -> None:
    """What model_training tried, chose and measured."""
    console.print(
        f"[green]✓[/green] model_training  [bold]{manifest['selected']}[/bold] chosen by "
        f"{manifest['metric']}, version {manifest['version']}  [dim]{seconds:.1f} s[/dim]"
    )
    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("candidate")
    table.add_column(manifest["metric"], justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("")
    for candidate in sorted(manifest["candidates"], key=_rank):
        score = candidate.get("score")
        chosen = candidate["name"] == manifest["selected"]
        table.add_row(
            f"[bold]{candidate['name']}[/bold]" if chosen else candidate["name"],
            "" if score is None else f"{score:.4f}",
            f"{candidate.get('seconds', 0):.1f}",
            "chosen" if chosen else candidate.get("reason", ""),
        )
    console.print(table)
    baseline = manifest["baseline"]["metrics"]
    for name, metric in manifest["metrics"].items():
        dummy = baseline.get(name)
        console.print(
            f"  test {name:<28} [bold]{metric['value']:8.4f}[/bold]  "
            f"[dim]95% {metric['low']:.4f} to {metric['high']:.4f}"
            + (f"   baseline {_value(dummy):.4f}" if dummy is not None else "")
            + "[/dim]"
        )
    parity = manifest["parity"]
    console.print(
        f"  served against fitted on {parity['rows']:,} held-out rows: largest difference "
        f"{parity['max_difference']:.1e}"
    )
    reason = result["promotion"]["reason"]
    console.print(f"  {'promoted to live' if result['promoted'] else 'not promoted'}: {reason}")


def predictions(answers: Sequence[str], questions: Sequence[Question], seconds: float) -> None:
    """What inference said about what it had never seen, beside the truth."""
    console.print(
        f"[green]✓[/green] inference        {len(questions)} questions about what no function had "
        f"seen  [dim]{1000 * seconds:.0f} ms[/dim]"
    )
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for title in ("question", "predicted", "truth"):
        table.add_column(title)
    for question, answer in zip(questions, answers, strict=True):
        table.add_row(escape(_short(question.shown, 60)), escape(answer), escape(question.truth))
    console.print(table)


def _content(profile: Mapping[str, Any]) -> str:
    if "quantiles" in profile:
        return f"{profile['min']:g} to {profile['max']:g}, median {profile['quantiles']['50']:g}"
    tops = profile.get("top", [])
    return _short(
        ", ".join(f"{_short(str(top['value']), 18)} {top['count']:,}" for top in tops), 60
    )


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _rank(candidate: Mapping[str, Any]) -> float:
    score = candidate.get("score")
    return float("inf") if score is None else -float(score)


def _value(metric: Any) -> float:
    return float(metric["value"] if isinstance(metric, Mapping) else metric)
