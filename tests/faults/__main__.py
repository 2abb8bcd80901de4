"""python -m tests.faults: faults one by one, then at random; see docs/reliability.md."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tests.faults import bounded, schedules
from tests.faults.operations import OPERATIONS
from tests.faults.patches import deployed
from tests.faults.report import Table
from tests.faults.scene import prepared
from tests.faults.schedules import Outcome, Schedule, encoded

_PROGRESS = 100


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="random schedules (100)")
    parser.add_argument("--seed", type=int, default=1, help="of the first random schedule (1)")
    parser.add_argument(
        "--only", action="append", default=[], help="an operation, or a fault by the table's names"
    )
    parser.add_argument("--random", action="store_true", help="random schedules alone")
    parser.add_argument("--table", type=Path, help="a file for the tables of docs/reliability.md")
    arguments = parser.parse_args()
    table, started = Table(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, deployed() as deployment:
        before = prepared(deployment, Path(folder))
        points = {
            name: schedules.recorded(deployment, Path(folder), before, name) for name in OPERATIONS
        }

        def run(operation: str, fault: str, schedule: Schedule, again: str) -> None:
            outcome = schedules.run(deployment, Path(folder), before, schedule)
            table.add(operation, fault, outcome.verdict)
            _tell(outcome, operation, fault, schedule, again)
            if not table.totals.total() % _PROGRESS:
                print(f"{table.totals.total():,} tried", file=sys.stderr, flush=True)

        if not arguments.random:
            every = chain(bounded.cases(points), bounded.damages(before), bounded.full_disks())
            for operation, fault, schedule in _chosen(every, arguments.only):
                run(operation, fault, schedule, f'--only "{operation}" --only "{fault}" --runs 0')
        for seed in range(arguments.seed, arguments.seed + arguments.runs):
            schedule = schedules.drawn(points, seed)
            run("several at once", "1 to 4 at random", schedule, f"--random --runs 1 --seed {seed}")
    print("\n".join([*table.lines(), "", *table.summary()]))
    print(f"Seeds from {arguments.seed}. {time.monotonic() - started:.0f} s.")
    if arguments.table:
        arguments.table.write_text("\n".join(table.summary()) + "\n")
    return 0 if table.is_good else 1


def _chosen(cases: Iterator[bounded.Case], only: list[str]) -> Iterator[bounded.Case]:
    operations = [name for name in only if name in OPERATIONS]
    faults = [name for name in only if name not in OPERATIONS]
    for operation, fault, schedule in cases:
        if (not operations or operation in operations) and (not faults or fault in faults):
            yield operation, fault, schedule


def _tell(outcome: Outcome, operation: str, fault: str, schedule: Schedule, again: str) -> None:
    if not outcome.complaints:
        return
    print(f"{outcome.verdict}: {operation}, {fault}: {encoded(schedule)}")
    for complaint in outcome.complaints:
        print(f"  {complaint:.1000}")
    print(f"  python -m tests.faults {again}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
