"""`make bench [ROUNDS=3]`: our function, a rival's and the least possible one, in turns."""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table as Screen

from benchmarks.serving import cost, measure
from benchmarks.serving.contenders import BASELINE, FLOOR, OURS, Contender, contenders
from benchmarks.serving.measure import Bench
from benchmarks.serving.models import MODELS, Model
from benchmarks.serving.report import record
from benchmarks.serving.tables import Results, Samples, Table, tables
from local.cloud import LocalCloud

FOLDER = Path("build/bench").resolve()
BUCKET = "bench"

console = Console(highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--only", default="", help="measure the models whose name holds this")
    arguments = parser.parse_args()
    samples: Samples = defaultdict(list)
    memory: dict[tuple[str, str], int] = {}
    with console.status("building the contenders"):
        rivals = contenders(FOLDER, BUCKET)
    with LocalCloud(folder=FOLDER / "cloud") as cloud:
        s3 = cloud.boto3("s3")
        s3.create_bucket(Bucket=BUCKET)
        bench = Bench(cloud, FOLDER)
        for name in [name for name in MODELS if arguments.only in name]:
            with console.status(f"{name}: fitting"):
                model = MODELS[name](name)
                model.publish(BUCKET, s3)
                model.file(FOLDER).write_bytes(model.graph)
                agree(bench, rivals, model)
            for number in range(arguments.rounds):
                with console.status(f"{name}: round {number + 1} of {arguments.rounds}"):
                    one_round(bench, rivals, model, samples)
            for contender in rivals:
                if contender.name in (OURS, BASELINE):
                    peak = max(samples[name, contender.name, "peak 100"])
                    memory[name, contender.name] = smallest(bench, contender, model, peak)
    results = Results.of(rivals, samples, memory)
    shown = tables(results)
    for table in shown:
        console.print(on_screen(table))
    text = "\n\n".join(table.markdown() for table in shown)
    document = {"rounds": arguments.rounds, **results.document()}
    record(document, f"medians of {arguments.rounds} rounds with quartiles.\n\n{text}")


def one_round(bench: Bench, rivals: list[Contender], model: Model, samples: Samples) -> None:
    """Every measure of every contender once; neighbours in the tables are neighbours in time."""
    for cached in (True, False):
        for contender in rivals:
            collect(samples, model, contender, measure.cold(bench, contender, model, cached=cached))
    for instances in (1, 100):
        for take in (measure.warm, measure.through_client):
            for contender in rivals:
                if contender.name in (OURS, BASELINE):
                    collect(samples, model, contender, take(bench, contender, model, instances))


def collect(samples: Samples, model: Model, contender: Contender, found: measure.Measures) -> None:
    for name, value in found.items():
        samples[model.name, contender.name, name].append(value)


def agree(bench: Bench, rivals: list[Contender], model: Model) -> None:
    """Asks all for the same predictions. Raises AssertionError when one answers otherwise."""
    event = json.dumps(model.event(100)).encode()
    answers = []
    for contender in rivals:
        if contender.name != FLOOR:
            with bench.environment(contender, model) as environment:
                answers.append(measure.probabilities(measure.ask(environment, event)))
    for answer in answers[1:]:
        np.testing.assert_allclose(answer, answers[0], atol=1e-4)


def smallest(bench: Bench, contender: Contender, model: Model, peak_bytes: float) -> int:
    """The smallest memory setting, in MB, at which a function answers."""
    memory_mb = cost.memory_setting(peak_bytes)
    while not measure.works(bench, contender, model, memory_mb):
        memory_mb += cost.STEP_MB
    return memory_mb


def on_screen(table: Table) -> Screen:
    screen = Screen(title=table.title, title_justify="left")
    for number, column in enumerate(table.columns):
        screen.add_column(column, justify="right" if number else "left")
    for row in table.rows:
        screen.add_row(*row)
    return screen


if __name__ == "__main__":
    main()
