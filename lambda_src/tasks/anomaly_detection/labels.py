"""Labels of anomalies: two values, one of which is for the anomalies."""

from collections.abc import Sequence

_PAIRS = ({"1", "0"}, {"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"})
_ANOMALIES = frozenset({"1", "true", "t", "yes", "y"})


def anomaly_of(labels: Sequence[str]) -> str:
    """The label of anomalies, of two that are in order of their rows, the most frequent first.

    1 and 0, true and false, yes and no are what they mean. Of others it is the rarer one.

    >>> anomaly_of(["1", "0"]), anomaly_of(["ok", "broken"])
    ('1', 'broken')
    """
    if is_clear(labels):
        return next(label for label in labels if label.lower() in _ANOMALIES)
    return labels[-1]


def is_clear(labels: Sequence[str]) -> bool:
    """Whether the labels themselves show which one is of anomalies."""
    return {label.lower() for label in labels} in _PAIRS
