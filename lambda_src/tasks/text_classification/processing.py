"""How labelled texts are cleaned and split."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import duckdb

from common.invocation import Invocation
from common.jobs import Progress
from common.problems import invalid
from tasks import Processed
from tasks.tables.options import TableOptions
from tasks.tables.processing.columns.plan import Ignored, Target
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.table import TableTask, process_table
from tasks.text_classification.options import Processing


def process(
    source: Path, options: Processing, folder: Path, invocation: Invocation, progress: Progress
) -> Processed:
    """A dataset with one text as feature and a label as target."""
    task = TableTask(
        Target(options.target, "label"),
        choose_features=_text_only,
        leaks=False,
        needs_text=True,
    )
    return process_table(task, source, options, folder, invocation, progress)


def _text_only(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Typed], options: TableOptions
) -> tuple[list[Typed], list[Ignored]]:
    text = _text_column(columns, cast(Processing, options).text)
    ignored = [
        Ignored(column, "this task reads the text only") for column in columns if column is not text
    ]
    return [replace(text, type="text")], ignored


def _text_column(columns: Sequence[Typed], name: str | None) -> Typed:
    """The column named, or the only one that holds text, or else the only one with strings."""
    for column in columns:
        if column.name == name:
            return column
    texts = [column for column in columns if column.type == "text"]
    found = texts or [column for column in columns if column.type == "category"]
    if len(found) == 1:
        return found[0]
    if not found:
        raise invalid(["text"], "no column holds text: name the one to read")
    names = ", ".join(repr(column.name) for column in found)
    raise invalid(["text"], f"several columns hold text ({names}): name the one to read")
