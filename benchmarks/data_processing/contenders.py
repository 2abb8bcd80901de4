"""Both sides, each run in a process of its own: `contenders.py NAME SOURCE FOLDER MEMORY_MB`.

pandas does what a good engineer would have it do: it is told which columns are dates, keeps the
rows without a target apart, describes every column, splits by a hash of the row, and writes each
side as Parquet and as Arrow. pandas_alike makes of the same file what data_processing makes of it:
the split is by the features alone, so that no two rows with the same ones are on two sides, rows
come in an order as good as random, columns that name rows are left out, and features that give the
target away are told. Neither finds out where dates are, nor takes a file with broken lines.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame, Series

TARGET = "churn"
DATES = ["day"]
FIRST_ROWS = 10_000


def ours(source: Path, folder: Path, memory_mb: int) -> int:
    import msgspec

    import tasks
    from common.invocation import Invocation

    task = "classification"
    asked = {"target": TARGET, "duplicates": "drop"}  # as the others do
    options = msgspec.convert(asked, tasks.task(task).processing_options)
    invocation = Invocation("benchmark", "", memory_mb, time.monotonic() + 3600)
    output = folder / "output"
    output.mkdir()
    processed = tasks.processing(task).process(
        source, options, output, invocation, lambda stage, percent, message: None
    )
    return processed.rows["used"]


def pandas(source: Path, folder: Path, memory_mb: int) -> int:
    import pandas as pd

    frame = _cleaned(source, folder)
    bucket = pd.util.hash_pandas_object(frame, index=False) % 10
    return _written(frame, bucket, folder)


def pandas_alike(source: Path, folder: Path, memory_mb: int) -> int:
    import pandas as pd

    frame = _cleaned(source, folder)
    names = [name for name in frame if name != TARGET and not frame[name].is_unique]
    frame = frame[[*names, TARGET]]
    _leaks(frame, names)
    features = pd.util.hash_pandas_object(frame[names], index=False)
    order = pd.util.hash_pandas_object(frame[TARGET], index=False) ^ features
    frame = frame.loc[order.sort_values().index]
    return _written(frame, features[frame.index] % 10, folder)


def _cleaned(source: Path, folder: Path) -> "DataFrame":
    import pandas as pd

    frame = pd.read_csv(source, parse_dates=DATES).drop_duplicates()
    missing = frame[TARGET].isna()
    frame[missing].to_csv(folder / "rejected.csv", index=False)
    frame = frame[~missing]
    frame.describe(percentiles=[0.05, 0.25, 0.5, 0.75, 0.95])
    for name in frame:
        frame[name].value_counts().head(20)
    return frame


def _leaks(frame: "DataFrame", names: Sequence[str]) -> list[str]:
    """Features that equal or determine the target; the first rows acquit most of them."""
    found = []
    for name in names:
        for rows in (frame.head(FIRST_ROWS), frame):
            if (rows.groupby(name)[TARGET].nunique() > 1).any():
                break
        else:
            found.append(name)
    return found


def _written(frame: "DataFrame", bucket: "Series", folder: Path) -> int:
    for name, side in (("train", bucket < 8), ("validation", bucket == 8), ("test", bucket == 9)):
        rows = frame[side].reset_index(drop=True)
        rows[TARGET].value_counts()
        rows.to_parquet(folder / f"{name}.parquet", compression="zstd")
        rows.to_feather(folder / f"{name}.arrow", compression="uncompressed")
    return len(frame)


CONTENDERS = {"ours": ours, "pandas": pandas, "pandas_alike": pandas_alike}

if __name__ == "__main__":
    side, source, folder, memory_mb = sys.argv[1:]
    print(CONTENDERS[side](Path(source), Path(folder), int(memory_mb)))
