"""How tables without a target are cleaned and split."""

from collections import Counter
from pathlib import Path

import msgspec

from common.invocation import Invocation
from common.jobs import Progress
from common.problems import cut, invalid
from common.warnings import LONGEST_EXAMPLE, Warning
from tasks import Processed
from tasks.anomaly_detection.labels import anomaly_of, is_clear
from tasks.anomaly_detection.options import Processing
from tasks.tables.processing.columns.plan import Target
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.rows.cleaning import Cleaned
from tasks.tables.processing.table import TableTask, process_table
from tasks.tables.splitting.rules import Counts

_OPTION = "anomaly_label"


def process(
    source: Path, options: Processing, folder: Path, invocation: Invocation, progress: Progress
) -> Processed:
    """A dataset without a target, and with a label where the options name it."""
    label = Target(options.anomaly_label, "label", option=_OPTION, is_learned=False)
    task = TableTask(label, check_labels=_check)
    processed = process_table(task, source, options, folder, invocation, progress)
    return _with_rarer_label(processed)


def _check(label: Typed, counts: Counts, cleaned: Cleaned) -> None:
    """Raises Unprocessable unless there are two labels."""
    labels = [value for value in counts if value]
    if len(labels) != 2:
        some = ", ".join(repr(cut(value, LONGEST_EXAMPLE)) for value in labels[:5])
        raise invalid(
            [_OPTION],
            f"column {label.name!r} has {len(labels):,} different labels ({some}): it takes one "
            "for usual rows and one for anomalies, such as 0 and 1. Correct the column, or leave "
            "the option out",
        )


def _with_rarer_label(processed: Processed) -> Processed:
    """A warning, where it was guessed which label is of anomalies."""
    names = [one.name for one in processed.schema.columns if one.role == "label"]
    rows = Counter[str]()
    for counts in processed.split_targets.values():
        rows.update(counts)
    labels = [label for label, _ in sorted(rows.items(), key=lambda one: (-one[1], one[0]))]
    if not names or is_clear(labels):
        return processed
    anomaly = anomaly_of(labels)
    warning = Warning(
        code="rarer_label",
        detail=f"The rarer label of {names[0]!r} is taken for that of anomalies: "
        f"{cut(anomaly, LONGEST_EXAMPLE)!r}, in {rows[anomaly]:,} rows. Label them with 1 and the "
        "others with 0 if that is wrong.",
        count=rows[anomaly],
        columns={names[0]: rows[anomaly]},
        examples=[anomaly],
        option=_OPTION,
    )
    return msgspec.structs.replace(processed, warnings=[*processed.warnings, warning])
