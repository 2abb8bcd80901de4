"""How tables for classification are cleaned and split."""

from pathlib import Path

from common.invocation import Invocation
from common.jobs import Progress
from tasks import Processed
from tasks.classification.options import Processing
from tasks.tables.processing.columns.plan import Target
from tasks.tables.processing.table import TableTask, process_table


def process(
    source: Path, options: Processing, folder: Path, invocation: Invocation, progress: Progress
) -> Processed:
    """A dataset with a label as target; numbers and booleans become labels, too."""
    task = TableTask(Target(options.target, "label"))
    return process_table(task, source, options, folder, invocation, progress)
