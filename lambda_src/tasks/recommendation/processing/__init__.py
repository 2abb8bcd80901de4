"""How interactions of users with items are cleaned and split."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.datasets import SPLITS
from common.invocation import Invocation
from common.jobs import Progress
from tasks import Processed
from tasks.recommendation.options import Processing
from tasks.recommendation.processing.activity import dropped, filter_activity
from tasks.recommendation.processing.columns import USUAL, find
from tasks.recommendation.processing.describing import profile, schema
from tasks.recommendation.processing.reading import read_columns
from tasks.recommendation.processing.row_warnings import read_in_forms, similar_ids, unusable
from tasks.recommendation.processing.splitting import split
from tasks.recommendation.processing.table import Table
from tasks.tables.processing.columns.conventions import Conventions
from tasks.tables.processing.columns.macros import define_macros
from tasks.tables.processing.database import open_database
from tasks.tables.processing.files.loading import load
from tasks.tables.processing.writing import write_rows
from tasks.tables.splitting import rows_of_splits


def process(
    source: Path, options: Processing, folder: Path, invocation: Invocation, progress: Progress
) -> Processed:
    """One row per user and item, of users and items that are active enough to learn from.

    Raises Unprocessable for data that nothing can be learned from.
    """
    usual = [name for names in USUAL.values() for name in names]
    wanted = [*usual, *(name for role in USUAL if (name := getattr(options, role)))]
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix="table-") as scratch,
        open_database(Path(scratch), invocation) as connection,
    ):
        define_macros(connection, options.missing_values)

        def make(names: tuple[str, ...], facts: Mapping[str, Any]) -> Table:
            roles = find(names, options)
            conventions = Conventions.of(options, facts)
            words = options.missing_values is not None
            columns = read_columns(connection, names, roles, conventions, words)
            table = Table(connection, columns, options, names, facts.get("delimiter", ", "))
            progress("cleaning", 10, "Setting aside rows that cannot be used.")
            table.type_rows()
            return table

        progress("reading", 5, "Reading the file.")
        loaded = load(connection, source, Path(scratch), options, wanted, make)
        table = loaded.made
        read = table.aggregate()
        not_usable = unusable(table, read)
        similar = similar_ids(table)
        progress("filtering", 45, "Setting aside users and items with too little activity.")
        filter_activity(table, not_usable)
        reasons, used = table.count()
        rejected = sum(reasons.values())
        progress("splitting", 55, f"Splitting {used:,} interactions.")
        counts, split_warnings = split(table)
        warnings = [
            *loaded.warnings,
            *read_in_forms(table),
            *not_usable,
            *similar,
            *split_warnings,
            *dropped(table, reasons, used),
        ]
        table.write_rejected(folder / "rejected.csv")
        for index, name in enumerate(SPLITS):
            progress("writing", 65 + 6 * index, f"Writing {name}.")
            write_rows(connection, table.rows_of(name), name, folder)
        progress("profiling", 85, f"Describing {used:,} interactions.")
        return Processed(
            schema=schema(table),
            rows={
                "read": read,
                "duplicates": read - rejected - used,
                "rejected": rejected,
                "used": used,
            },
            rejected={"reasons": reasons},
            split_rows=rows_of_splits(counts),
            profile=profile(connection, table.columns, used),
            warnings=warnings,
            source={
                **loaded.facts,
                "columns": {role: column.typed.name for role, column in table.roles.items()},
            },
        )
