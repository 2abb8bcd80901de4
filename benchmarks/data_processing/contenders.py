"""Both sides, each run in a process of its own: `contenders.py NAME SOURCE FOLDER MEMORY_MB`.

pandas does what a good engineer would have it do, which is less than data_processing does: no
check of the file, no rejected rows with reasons, no search for leaks, and pickles in place of
Arrow and Parquet, which pandas cannot write by itself.
"""

import sys
import time
from pathlib import Path

from benchmarks.data_processing.table import DATES, TARGET


def ours(source: Path, folder: Path, memory_mb: int) -> int:
    import msgspec

    import tasks
    from common.invocation import Invocation

    task = "classification"
    options = msgspec.convert({"target": TARGET}, tasks.options(task).Processing)
    invocation = Invocation("benchmark", "", memory_mb, time.time() + 3600)
    output = folder / "output"
    output.mkdir()
    processed = tasks.processing(task).process(
        source, options, output, invocation, lambda stage, percent, message: None
    )
    return processed.rows["used"]


def pandas(source: Path, folder: Path, memory_mb: int) -> int:
    import pandas as pd

    frame = pd.read_csv(source, parse_dates=DATES).drop_duplicates()
    frame = frame[frame[TARGET].notna()]
    frame.describe(percentiles=[0.05, 0.25, 0.5, 0.75, 0.95])
    for name in frame:
        frame[name].value_counts().head(10)
    bucket = pd.util.hash_pandas_object(frame, index=False) % 10
    for name, side in (("train", bucket < 8), ("validation", bucket == 8), ("test", bucket == 9)):
        frame[side].to_pickle(folder / f"{name}.pickle")
    return len(frame)


if __name__ == "__main__":
    side, source, folder, memory_mb = sys.argv[1:]
    print({"ours": ours, "pandas": pandas}[side](Path(source), Path(folder), int(memory_mb)))
