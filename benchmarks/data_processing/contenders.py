"""Both sides, each run in a process of its own: `contenders.py NAME SOURCE FOLDER MEMORY_MB`.

pandas does what a good engineer would have it do: it is told which columns are dates, keeps the
rows without a target apart, describes every column, splits by a hash of the row, and writes each
side as Parquet and as Arrow. It does less than data_processing does: no check of the file, no
search for leaks, no order of its own.
"""

import sys
import time
from pathlib import Path

TARGET = "churn"
DATES = ["day"]


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
    missing = frame[TARGET].isna()
    frame[missing].to_csv(folder / "rejected.csv", index=False)
    frame = frame[~missing]
    frame.describe(percentiles=[0.05, 0.25, 0.5, 0.75, 0.95])
    for name in frame:
        frame[name].value_counts().head(20)
    bucket = pd.util.hash_pandas_object(frame, index=False) % 10
    for name, side in (("train", bucket < 8), ("validation", bucket == 8), ("test", bucket == 9)):
        rows = frame[side].reset_index(drop=True)
        rows.to_parquet(folder / f"{name}.parquet", compression="zstd")
        rows.to_feather(folder / f"{name}.arrow", compression="uncompressed")
    return len(frame)


if __name__ == "__main__":
    side, source, folder, memory_mb = sys.argv[1:]
    print({"ours": ours, "pandas": pandas}[side](Path(source), Path(folder), int(memory_mb)))
