"""How tables for regression are cleaned and split."""

from pathlib import Path

from common.invocation import Invocation
from common.jobs import Progress
from tasks import Processed
from tasks.regression.options import Processing
from tasks.tables.processing.table import TableTask, process_table

_TASK = TableTask(target="number")


def process(
    source: Path, options: Processing, folder: Path, invocation: Invocation, progress: Progress
) -> Processed:
    """A dataset with a number as target."""
    return process_table(_TASK, source, options, folder, invocation, progress)
