"""What the owner of a table should know of its labels and categories."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from common.problems import cut
from common.warnings import EXAMPLES, LONGEST_EXAMPLE, Warning
from tasks.framework.forms.composition import in_normal_form
from tasks.framework.forms.words import MISSING_WORDS, clean
from tasks.tables.processing.column_warnings import these
from tasks.tables.processing.columns.macros import LARGEST_EXACT
from tasks.tables.processing.columns.typed import Typed

_SHOWN = 5
_TRUE = frozenset({"true", "t", "yes", "y", "1"})

_FALSE = frozenset({"false", "f", "no", "n", "0"})

_SIGNS = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
    | dict.fromkeys("\u2018\u2019\u02bc`\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"')
)
"""Hyphens and quotes that people write in place of each other."""


def label_warnings(target: Typed, counts: Mapping[str, int]) -> list[Warning]:
    """What may be odd about the labels, of which there are so many rows each."""
    warnings = []
    if target.merged:
        warnings.append(
            Warning(
                code="labels_merged",
                detail=f"Labels of {target.name!r} that were brought into one form, as 1.0 and 1, "
                f"TRUE and true, or those with other spaces or Unicode forms: {target.merged:,}.",
                count=target.merged,
                columns={target.name: target.merged},
                examples=list(target.examples),
                option=f'types: {{"{target.name}": "text"}} keeps labels as they are written',
            )
        )
    return [*warnings, *odd_labels(target.name, counts)]


def odd_labels(name: str, counts: Mapping[str, int]) -> list[Warning]:
    """What may be odd about labels of any task: words for missing values, and similar ones."""
    warnings = similar_labels(name, list(counts))
    words = {label: rows for label, rows in counts.items() if label.lower() in MISSING_WORDS}
    if not words:
        return warnings
    count = sum(words.values())
    detail = (
        "Labels that often stand for a missing value are classes of their own; only empty labels "
        f"are missing. Rows with such a label: {count:,}."
    )
    return [
        Warning(
            code="label_words",
            detail=detail,
            count=count,
            columns={name: count},
            examples=list(words)[:EXAMPLES],
        ),
        *warnings,
    ]


def similar_labels(name: str, labels: Sequence[str]) -> list[Warning]:
    """A warning of labels that differ only in case, spaces or written form."""
    groups = _alike(labels, with_forms=True)
    if len(groups) == len(labels):
        return []
    alike = [label for group in groups if len(group) > 1 for label in group]
    shown = ", ".join(repr(cut(label, LONGEST_EXAMPLE)) for label in alike[:_SHOWN])
    return [
        Warning(
            code="similar_labels",
            detail=f"Column {name!r} has {len(labels)} labels, {len(groups)} when case, spaces and "
            f"written form are ignored: {shown}. Each is a class.",
            count=len(labels) - len(groups),
            columns={name: len(labels)},
            examples=alike[:EXAMPLES],
        )
    ]


def similar_categories(values: Mapping[str, Sequence[str]]) -> list[Warning]:
    """A warning of categories that differ only in case or spaces, by column."""
    columns, examples = {}, list[str]()
    for name, categories in values.items():
        groups = _alike(categories, with_forms=False)
        if len(groups) < len(categories):
            columns[name] = len(categories) - len(groups)
            examples += next(group for group in groups if len(group) > 1)
    if not columns:
        return []
    return [
        Warning(
            code="similar_categories",
            detail=f"{these(columns)} values that differ only in case or spaces. Each is a "
            "category of its own.",
            count=sum(columns.values()),
            columns=columns,
            examples=examples[:EXAMPLES],
            option="exclude",
        )
    ]


def _alike(labels: Sequence[str], with_forms: bool) -> list[list[str]]:
    """Labels in groups of those that are alike."""
    folded = {label: _folded(label) for label in labels}
    booleans = with_forms and set(folded.values()) <= _TRUE | _FALSE
    groups: dict[Any, list[str]] = defaultdict(list)
    for label, key in folded.items():
        if booleans:
            groups[key in _TRUE].append(label)
        else:
            groups[_number(key) if with_forms else key].append(label)
    return list(groups.values())


def _folded(label: str) -> str:
    """A label without what readers hardly see: case, spaces, widths, kinds of hyphens."""
    wide = in_normal_form("NFKC", clean(label)).translate(_SIGNS)
    return " ".join(wide.casefold().split())


def _number(text: str) -> float | str:
    """The number that a label is, where it is one; codes with leading zeros are none."""
    if text.lstrip("+-").startswith("0") and text.lstrip("+-0.") != "":
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return number if abs(number) < LARGEST_EXACT else text
