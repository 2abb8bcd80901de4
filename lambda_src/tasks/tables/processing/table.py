"""The whole way from a file to a dataset, which every task that learns from tables takes."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from common.datasets import SPLITS
from common.invocation import Invocation
from common.jobs import Progress
from common.warnings import Warning
from tasks import Processed
from tasks.tables.options import TableOptions
from tasks.tables.processing import describing
from tasks.tables.processing.column_warnings import column_warnings
from tasks.tables.processing.columns.conventions import Conventions
from tasks.tables.processing.columns.macros import define_macros
from tasks.tables.processing.columns.plan import (
    ChooseFeatures,
    Plan,
    Target,
    check_names,
    make_plan,
    tabular_features,
)
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.typed_rows import type_rows
from tasks.tables.processing.columns.written import Asked
from tasks.tables.processing.database import open_database
from tasks.tables.processing.examples import with_examples
from tasks.tables.processing.files.loading import Loaded, load
from tasks.tables.processing.files.nested import with_unread
from tasks.tables.processing.label_warnings import label_warnings, similar_categories
from tasks.tables.processing.rows.cleaning import Cleaned, clean, write_rejected
from tasks.tables.processing.rows.dependence import find_dependence
from tasks.tables.processing.rows.leaks import find_leaks
from tasks.tables.processing.rows.rules import check_time
from tasks.tables.processing.rows.splitting import split
from tasks.tables.processing.targets import check_label, check_target, check_types
from tasks.tables.processing.writing import enumerate_values, write_split
from tasks.tables.splitting.rules import Counts


@dataclass(frozen=True)
class TableTask:
    """What a task asks of its table: the target of a request, and which columns are features.

    check_labels raises what is wrong with labels, which are the keys of counts.
    """

    target: Target
    choose_features: ChooseFeatures = tabular_features
    leaks: bool = True
    needs_text: bool = False
    check_labels: Callable[[Typed, Counts, Cleaned], None] = check_label


def process_table(
    task: TableTask,
    source: Path,
    options: TableOptions,
    folder: Path,
    invocation: Invocation,
    progress: Progress,
) -> Processed:
    """Cleans, describes and splits a table of any size; see tasks.Processing.process.

    Raises Unprocessable for data that nothing can be learned from.
    """
    text: str | None = getattr(options, "text", None)
    wanted = [name for name in (task.target.name, text, options.split.column) if name]
    types = options.types | ({text: "text"} if text else {})
    column, by = options.split.column, options.split.by
    if column is not None and by == "group":
        types = {column: "category", **types}  # groups are told apart as they are written
    asked = Asked(
        target=task.target,
        split=column if by is None else None,
        split_by=column if by is not None else None,
        types=types,
        needs_text=task.needs_text,
        words=options.missing_values or (),
    )
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix="table-") as scratch,
        open_database(Path(scratch), invocation) as connection,
    ):
        define_macros(connection, options.missing_values)

        def plan_of(typed: Sequence[Typed]) -> Plan:
            return make_plan(connection, typed, options, task.target, task.choose_features)

        def make(names: tuple[str, ...], facts: Mapping[str, Any]) -> Plan:
            check_names(names, options, task.target, text)
            progress("inspecting", 10, f"Finding the types of {len(names):,} columns.")
            known = replace(asked, conventions=Conventions.of(options, facts))
            delimiter = facts.get("delimiter", ", ")
            return type_rows(connection, names, known, Path(scratch), plan_of, delimiter)

        progress("reading", 5, "Reading the file.")
        loaded = load(connection, source, Path(scratch), options, wanted, make, options.exclude)
        plan = loaded.made
        check_time(plan, options.split)
        check_target(connection, plan)
        check_types(connection, plan)
        progress("cleaning", 35, "Setting aside rows that cannot be used.")
        cleaned = clean(connection, plan, options)
        write_rejected(connection, plan, folder / "rejected.csv")
        return _described(task, connection, plan, loaded, cleaned, options, folder, progress)


def _described(
    task: TableTask,
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    loaded: Loaded[Plan],
    cleaned: Cleaned,
    options: TableOptions,
    folder: Path,
    progress: Progress,
) -> Processed:
    progress("splitting", 55, f"Splitting {cleaned.used:,} rows.")

    def check(counts: Counts) -> None:
        if plan.label is not None:
            task.check_labels(plan.label, counts, cleaned)

    counts, moves = split(
        connection, plan, options.split, describing.MAX_LABELS, check, cleaned.rule
    )
    warnings = [
        *loaded.warnings,
        *column_warnings(connection, plan, cleaned, loaded.facts.get("delimiter", ", ")),
        *cleaned.warnings,
        *moves,
    ]
    progress("profiling", 60, f"Describing {cleaned.used:,} rows.")
    values = describing.frequent(connection, plan, counts)
    warnings += _value_warnings(plan, counts, values)
    profiles = describing.profile(
        connection,
        plan,
        values,
        cleaned.used,
        lambda done: progress("profiling", 60 + int(10 * done), "Describing the columns."),
    )
    split_rows, split_targets = describing.split_targets(connection, plan, counts)
    leaks = find_leaks(connection, plan, profiles) if task.leaks else []
    warnings += leaks
    known = {name for leak in leaks for name in leak.columns}
    warnings += find_dependence(connection, plan, cleaned.rule, profiles, known)
    schema = describing.schema(plan, profiles, values)
    warnings += describing.many_categories(schema)
    types = enumerate_values(connection, plan, values)
    for index, name in enumerate(SPLITS):
        progress("writing", 70 + 6 * index, f"Writing {split_rows[name]:,} rows of {name}.")
        write_split(connection, plan, types, name, folder)
    return Processed(
        schema=with_unread(schema, loaded.unread, loaded.mixed),
        target=plan.target.name if plan.target is not None and task.target.is_learned else None,
        rows={
            "read": cleaned.read,
            "duplicates": cleaned.duplicates,
            "rejected": cleaned.rejected,
            "used": cleaned.used,
        },
        rejected={"reasons": cleaned.reasons},
        split_rows=split_rows,
        split_targets=split_targets,
        profile={"columns": list(profiles.values())},
        warnings=with_examples(connection, warnings, plan.columns),
        source=loaded.facts,
        split=cleaned.rule,
    )


def _value_warnings(plan: Plan, counts: Counts, values: describing.Frequent) -> list[Warning]:
    """What may be odd about the labels and categories."""
    names = {column.at: column.name for column in plan.features}
    categories = {
        names[at]: [value for value, _ in some] for at, some in values.items() if at in names
    }
    warnings = similar_categories(categories)
    if plan.label is not None:
        rows = {label: splits.total() for label, splits in counts.items() if label}
        warnings = label_warnings(plan.label, rows) + warnings
    return warnings
