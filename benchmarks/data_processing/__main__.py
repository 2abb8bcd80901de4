"""`python -m benchmarks.data_processing`: rounds of both sides in turn, within limits of memory."""

import argparse
import json
import math
import shutil
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.data_processing import table
from benchmarks.processes import Run, measure, quartiles, shown
from local.lambda_runtime.environment import architecture
from scripts.archive import byte_code
from scripts.packages import Packages

REPORT = Path("build/bench-data-processing.json")
FOLDER = Path("build/bench/data_processing")
SIDES = ("ours", "pandas", "pandas_alike")
MEMORY_MB = 2048
"""The memory setting of data_processing by default; its DuckDB takes 45% of that."""

console = Console(highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 10**5, 10**6, 10**7])
    parser.add_argument("--limits", type=int, nargs="*", default=[208, 512, 1024], help="in MB")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    code = {"ours": our_code()} | dict.fromkeys(("pandas", "pandas_alike"), their_code())
    sizes = [round(size * 1e6 / table.ROW_BYTES) for size in arguments.megabytes]
    report: dict[str, Any] = {"date": datetime.now(UTC).date().isoformat(), "sizes": []}
    for rows in sorted({*sizes, *arguments.rows}):
        limits = arguments.limits if rows in sizes else []
        report["sizes"].append(compare(rows, arguments.rounds, limits, code))
        report["growth"] = {side: growth(report["sizes"], side) for side in SIDES}
        # After every size, as the larger ones take long.
        REPORT.write_text(json.dumps(report, indent=2) + "\n")
    show(report)


def our_code() -> Path:
    """The zip of `make build`, unpacked as Lambda unpacks it."""
    folder = FOLDER / "ours"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.unpack_archive("dist/data_processing.zip", folder)
    return folder.resolve()


def their_code() -> Path:
    """The rival's locked packages, pruned by our own rules and compiled, too."""
    lock = Path(__file__).with_name("requirements.txt")
    packages = Packages("pandas", architecture(), lock, FOLDER).zip()
    folder = packages.with_suffix("")
    if not folder.exists():
        with zipfile.ZipFile(packages) as archive:
            archive.extractall(folder)
            sources = {name: archive.read(name) for name in archive.namelist()}
        compiled = byte_code({n: source for n, source in sources.items() if n.endswith(".py")})
        for name, content in compiled.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
    return folder.resolve()


def compare(
    rows: int, rounds: int, limits: Sequence[int], code: Mapping[str, Path]
) -> dict[str, Any]:
    """Both sides on a file of so many rows, in turn, with no limit of memory and within each."""
    runs: dict[tuple[str, int | None], list[Run]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.csv"
        table.write(source, rows)
        megabytes = source.stat().st_size / 1e6
        with console.status(f"{rows:,} rows, {megabytes:,.0f} MB"):
            for _ in range(rounds):
                for limit in (None, *limits):
                    for side in SIDES:
                        found = run(side, code[side], source, limit or MEMORY_MB, limit)
                        runs[side, limit].append(found)
    outputs = {run.output for some in runs.values() for run in some if run.output is not None}
    assert len(outputs) == 1, "the sides differ"
    return {
        "rows": rows,
        "megabytes": round(megabytes, 1),
        "rounds": rounds,
        "sides": {
            side: summary(runs[side, None])
            | {"limits": {f"{limit} MB": outcome(runs[side, limit]) for limit in limits}}
            for side in SIDES
        },
    }


def run(side: str, code: Path, source: Path, memory_mb: int, limit_mb: int | None = None) -> Run:
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        mine = Path(folder) / "source"
        mine.hardlink_to(source)
        module = "benchmarks.data_processing.contenders"
        arguments = (side, str(mine), folder, str(memory_mb))
        return measure(module, *arguments, code=code, limit_mb=limit_mb)


def outcome(runs: Sequence[Run]) -> str:
    if any(run.output is None for run in runs):
        return "killed"
    found = summary(runs)
    return f"{shown(found['cpu_seconds'])} CPU s, {shown(found['peak_mb'], 0)} MB"


def summary(runs: Sequence[Run]) -> dict[str, Any]:
    return {
        "seconds": quartiles([run.seconds for run in runs]),
        "cpu_seconds": quartiles([run.cpu_seconds for run in runs]),
        "peak_mb": quartiles([run.peak_mb for run in runs]),
    }


def growth(sizes: Sequence[dict[str, Any]], side: str) -> float | None:
    """The power of the number of rows by which processor time grows, over the largest sizes.

    1 is linear; sizes below 100,000 rows are left out, which tell of start-up only.
    """
    large = [size for size in sizes if size["rows"] >= 100_000]
    if len(large) < 2:
        return None
    first, last = large[0], large[-1]
    cpu = [size["sides"][side]["cpu_seconds"]["median"] for size in (first, last)]
    return round(math.log(cpu[1] / cpu[0]) / math.log(last["rows"] / first["rows"]), 2)


def show(report: dict[str, Any]) -> None:
    seen = Table("rows", "MB", "side", "seconds", "CPU seconds", "peak MB", "under a limit")
    for size in report["sizes"]:
        for side in SIDES:
            found = size["sides"][side]
            seen.add_row(
                f"{size['rows']:,}",
                f"{size['megabytes']:,.0f}",
                side,
                shown(found["seconds"]),
                shown(found["cpu_seconds"]),
                shown(found["peak_mb"], 0),
                ", ".join(f"{limit}: {how}" for limit, how in found["limits"].items()),
            )
    console.print(seen)
    console.print(f"CPU grows with rows to the power of {report['growth']}")


if __name__ == "__main__":
    main()
