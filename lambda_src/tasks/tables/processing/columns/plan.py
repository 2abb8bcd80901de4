"""Which column does what: target, feature, name of the split, or nothing."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb

from common.problems import Unprocessable, invalid
from tasks.framework.similar_names import no_column
from tasks.tables.options import TableOptions
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.database import one_row

TargetKind = Literal["label", "number"]

_ID_ROWS = 20
"""With fewer rows, all values may well differ by chance."""

_MANY_IDS, _MANY_GAPS, _FEW_GAPS = 100, 2.0, 1.2
"""An id of rows of which some are missing has gaps: up to half of its numbers, or a sixth where it
has few, which may differ by chance."""

_ID_NAME = re.compile(
    r"(^|[_\s.-])(id|uuid|guid|key|index|idx|nr|no)$|[a-z](Id|ID)$"
    r"|^row[_\s.-]?(names?|numbers?|ids?)$|^unnamed: ?\d+$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Target:
    """The column that is learned from rows, as a request names it.

    A column that is not learned holds labels that what is learned is compared with. They may be
    missing. name is None where there is no such column. option is the option that names it.
    """

    name: str | None
    kind: TargetKind
    option: str = "target"
    is_learned: bool = True

    @property
    def word(self) -> str:
        """What the column is called in errors and warnings."""
        return "target" if self.is_learned else "label"


@dataclass(frozen=True)
class Ignored:
    """A column that is left out, with why in a word and in a sentence."""

    column: Typed
    reason: str
    code: str = "not_asked"
    constant: bool = False


@dataclass(frozen=True)
class Plan:
    """The roles of all columns; hashed are those whose values decide a row's split.

    target is the column of what is learned, or of labels that it is compared with, if any; then
    target_kind is set, and asked has what the request says of it.
    """

    target: Typed | None
    target_kind: TargetKind | None
    features: tuple[Typed, ...]
    ignored: tuple[Ignored, ...]
    split: Typed | None
    required: tuple[Typed, ...] = ()
    """Features without which a row is of no use."""
    split_by: Typed | None = None
    """The column of the times or groups that rows are split by; it may be a feature, too."""
    first_rows: str = ""
    """SQL of the first rows, by row_hash, as they are written; empty where it would cost much."""
    asked: Target = Target(None, "label")

    @property
    def label(self) -> Typed | None:
        """The target, if it is a label."""
        return self.target if self.target_kind == "label" else None

    @property
    def hashed(self) -> tuple[Typed, ...]:
        """Constant columns are among them, so that no row moves when they cease to be constant."""
        constant = [ignored.column for ignored in self.ignored if ignored.constant]
        return tuple(sorted([*self.features, *constant], key=lambda column: column.name))

    @property
    def columns(self) -> list[Typed]:
        """All columns, in the order of the source."""
        ignored = [ignored.column for ignored in self.ignored]
        others = [column for column in (self.target, self.split) if column is not None]
        found = [*others, *self.features, *ignored]
        return sorted(found, key=lambda column: int(column.at[1:]))


type ChooseFeatures = Callable[
    [duckdb.DuckDBPyConnection, Sequence[Typed], TableOptions], tuple[list[Typed], list[Ignored]]
]


def check_names(
    names: Sequence[str], options: TableOptions, target: Target, text: str | None
) -> None:
    """Raises Unprocessable with a pointer for every option that names an unknown column."""
    named: list[tuple[Sequence[str | int], str]] = []
    if target.name is not None:
        named.append(([target.option], target.name))
    named += [(["exclude", index], name) for index, name in enumerate(options.exclude)]
    named += [(["types", name], name) for name in options.types]
    if options.split.column is not None:
        named.append((["split", "column"], options.split.column))
    if text is not None:
        named.append((["text"], text))
    known = frozenset(names)
    for where, name in named:
        if name not in known:
            raise invalid(where, no_column(name, names))
    for where, name in named:
        if name == target.name and where[0] not in ("types", target.option):
            raise invalid(where, f"{name!r} is the {target.word} and cannot be used here, too")


def tabular_features(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Typed], options: TableOptions
) -> tuple[list[Typed], list[Ignored]]:
    """Numbers, booleans, categories and datetimes that vary and are more than a row's name."""
    features: list[Typed] = []
    ignored: list[Ignored] = []
    for column in columns:
        found = _useless(connection, column)
        if found is None:
            features.append(column)
        else:
            ignored.append(found)
    if not features:
        reasons = "; ".join(f"{found.column.name!r}: {found.reason}" for found in ignored)
        raise Unprocessable(
            f"No column is left to learn from ({reasons or 'there is no other column'}). "
            "Send columns that vary, or set their types."
        )
    return features, ignored


def _useless(connection: duckdb.DuckDBPyConnection, column: Typed) -> Ignored | None:
    if column.values.filled == 0:
        return Ignored(column, "it has no values", "empty", constant=True)
    if is_constant(connection, column):
        return Ignored(column, "all its values are equal", "constant", constant=True)
    if column.type == "text":
        return Ignored(column, "it holds free text, which this task does not read", "text")
    if not column.given and is_id(connection, column):
        return Ignored(column, "every row has a value of its own, as an id has", "id")
    return None


def is_constant(connection: duckdb.DuckDBPyConnection, column: Typed) -> bool:
    """Whether a column has one value in all its rows; missing ones count as a value."""
    if column.values.varies or column.unparsable:
        return False
    found = connection.execute(f"SELECT 1 FROM typed GROUP BY {column.at} LIMIT 2").fetchall()
    return len(found) < 2


def is_id(connection: duckdb.DuckDBPyConnection, column: Typed) -> bool:
    """Whether all values differ, and are strings, integers without large gaps, or named as ids."""
    values = column.values
    if values.filled < _ID_ROWS or column.form is not None:
        return False
    if column.type == "number":
        if values.smallest is None or values.largest is None:
            return False
        integers = values.largest - values.smallest + 1
        named = _ID_NAME.search(column.name) is not None
        gaps = _MANY_GAPS if column.parsed >= _MANY_IDS else _FEW_GAPS
        if integers < column.parsed or (integers > gaps * column.parsed and not named):
            return False
    elif column.type != "category" or values.distinct < 0.8 * values.filled:
        return False
    # The first rows, of which roles are guessed, are text.
    number = f"TRY_CAST({column.at} AS DOUBLE)"
    is_integer = f"{number} = trunc({number})" if column.type == "number" else "true"
    different, suitable = one_row(
        connection,
        f"SELECT count(*), count(CASE WHEN {is_integer} THEN 1 END) FROM "
        f"(SELECT {column.at} FROM typed WHERE {column.at} IS NOT NULL GROUP BY {column.at})",
    )
    return bool(different == suitable == column.parsed)


def make_plan(
    connection: duckdb.DuckDBPyConnection,
    typed: Sequence[Typed],
    options: TableOptions,
    asked: Target,
    choose: ChooseFeatures,
) -> Plan:
    """Roles for all columns. Raises Unprocessable where no learning is possible."""
    by_name = {column.name: column for column in typed}
    target = by_name[asked.name] if asked.name is not None else None
    target_kind = asked.kind if target is not None else None
    named = by_name[options.split.column] if options.split.column is not None else None
    split, split_by = (named, None) if options.split.by is None else (None, named)
    group = split_by if options.split.by == "group" else None
    excluded = [by_name[name] for name in dict.fromkeys(options.exclude)]
    excluded = [column for column in excluded if column not in (split, group)]
    taken = {column.name for column in (target, split, group, *excluded) if column is not None}
    rest = [column for column in typed if column.name not in taken]
    features, ignored = choose(connection, rest, options)
    ignored += [Ignored(column, "excluded by the request") for column in excluded]
    if group is not None:
        ignored.append(Ignored(group, "rows are split by it: those of one value stay together"))
    required = tuple(column for column in features if column.type == "text")
    return Plan(
        target,
        target_kind,
        tuple(features),
        tuple(ignored),
        split,
        required,
        split_by,
        asked=asked,
    )
