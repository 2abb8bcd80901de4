"""A fitted model of a table as one estimator that takes a data frame of raw columns.

Its steps make the matrix that tasks.tables.serving makes of instances, of scikit-learn's
transformers and numpy's functions alone. Columns are read by their names.

np.interp stands for a table from numbers to values: what is among xp is answered by its value in
fp, exactly, also beside a NaN. With a period, the rest of a division is looked up.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from itertools import groupby
from math import inf, nan, nextafter
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.utils import check_array

from tasks.framework.forms.words import SPACES
from tasks.framework.training.exported import chained, function, in_units, labelled, scaled
from tasks.tables.encoders.base import Feature
from tasks.tables.encoders.categories import scalar
from tasks.tables.encoders.numbers import FALSE, TRUE, missing_numbers
from tasks.tables.serving import BOUND

_ABSENT = ("None", "nan", "<NA>", "NaT")
"""The texts of what data frames have for a missing value."""

_DATE_LENGTH, _FILL = len("2024-01-31"), "!"
_NO_TIME = float(np.iinfo(np.int64).min)
"""What numpy makes of a missing datetime as a float."""


def classifier(inputs: Mapping[str, Any], fitted: Any, labels: Sequence[str]) -> Pipeline:
    """The classifier of a data frame; fitted takes the matrix and answers numbers of labels."""
    return _of_table(inputs, labelled(fitted, labels))


def regressor(inputs: Mapping[str, Any], fitted: Any) -> Pipeline:
    """The regressor of a data frame; fitted takes the matrix and answers scaled targets."""
    return _of_table(inputs, in_units(fitted, inputs["target"]))


def _of_table(inputs: Mapping[str, Any], model: Any) -> Pipeline:
    matrix = [
        ("columns", columns(inputs)),
        ("bounds", function(np.clip, a_min=-BOUND, a_max=BOUND)),
        ("float32", function(np.asarray, dtype="float32")),
    ]
    # Steps pass on arrays, whatever a notebook has set with sklearn.set_config.
    return Pipeline([*matrix, ("model", model)]).set_output(transform="default")


def columns(inputs: Mapping[str, Any]) -> ColumnTransformer:
    """From a data frame, or rows in the order of the features, to the matrix before its bounds."""
    features: Sequence[Feature] = inputs["features"]
    words = frozenset(inputs.get("missing_values", ()))
    parts = []
    row = np.empty((1, len(features)), dtype=object)
    for indices in _groups(features, words):
        chosen = [features[index] for index in indices]
        step, row[0, indices] = _step(chosen, words)
        parts.append((f"column_{indices[0]}", step, indices))
    # Fitting on a row of no meaning checks that the steps fit together.
    made = ColumnTransformer(parts, sparse_threshold=0).fit(row)
    made.feature_names_in_ = np.array([feature["name"] for feature in features], dtype=object)
    return made


def _groups(features: Sequence[Feature], words: frozenset[str]) -> list[list[int]]:
    """Indices of features that share a step: plain numbers that are neighbours, as of pixels."""

    def key(index: int) -> tuple[Any, ...]:
        feature = features[index]
        if feature["type"] == "number" and not missing_numbers(feature, words):
            return "numbers", feature["nullable"], bool(feature.get("form"))
        return (index,)

    return [list(group) for _, group in groupby(range(len(features)), key)]


def _step(features: Sequence[Feature], words: frozenset[str]) -> tuple[Any, Any]:
    """What encodes a group of features, and a value that it takes."""
    feature = features[0]
    match feature["type"]:
        case "number":
            return _numbers(features, words), 0.0
        case "boolean":
            return _boolean(feature, words), "true"
        case "datetime":
            return _datetime(feature), "2024-01-31"
        case _:
            names = feature["categories"]
            return _category(feature, words), names[0] if names else None


def _checked(features: Sequence[Feature], note: str = "") -> Any:
    """Makes float64; refuses a missing value where training has seen none, and infinity."""
    names = ", ".join(repr(feature["name"]) for feature in features[:3])
    more = f" and {len(features) - 3} more columns" if len(features) > 3 else ""
    nullable = features[0]["nullable"]
    notes = [note, "" if nullable else "never missing in training"]
    about = "; ".join(filter(None, notes))
    return function(
        check_array,
        dtype="float64",
        ensure_all_finite="allow-nan" if nullable else True,
        input_name=f"of {names}{more}" + (f" ({about})" if about else ""),
    )


def _numbers(features: Sequence[Feature], words: frozenset[str]) -> Pipeline:
    steps = [_checked(features)]
    if features[0].get("form"):
        # Texts in a written form are refused: as plain numbers they would be other ones.
        steps = [function(np.clip, a_min=-inf, a_max=inf), *steps]
    if missing := missing_numbers(features[0], words):
        # Just beside each such number is 0, and the number itself makes the sum a NaN.
        table = {
            beside: 0.0 for at in missing for beside in (nextafter(at, -inf), nextafter(at, inf))
        }
        table |= dict.fromkeys(missing, nan)
        absent = function(np.interp, xp=sorted(table), fp=[table[x] for x in sorted(table)])
        steps[-1] = function(check_array, dtype="float64", ensure_all_finite="allow-nan")
        steps += [_added(value="passthrough", absent=absent), _checked(features)]
    centres, scales = ([feature[name] for feature in features] for name in ("centre", "scale"))
    return chained(*steps, scaled(centres, scales))


def _boolean(feature: Feature, words: frozenset[str]) -> Pipeline:
    wide = bool(feature.get("form"))
    # Columns of booleans in which some are missing may have become numbers.
    true, false = (TRUE, FALSE) if wide else ({"true", "1", "1.0"}, {"false", "0", "0.0"})
    values = dict.fromkeys(true, 1.0) | dict.fromkeys(false, 0.0)
    values |= dict.fromkeys(_absent(words), nan)
    tolerant = feature["nullable"] and feature.get("unreadable")
    read = _looked_up(values, nan if tolerant else None)
    return chained(*_texts(), function(np.strings.lower), *read, _checked([feature]))


def _category(feature: Feature, words: frozenset[str]) -> Pipeline:
    """A known category is its position; what is missing has the next code, all else the last."""
    names: Sequence[str] = feature["categories"]
    missing, other = float(len(names)), float(len(names) + 1)
    known, absent = _spellings(names, words)
    # A text is in one of two tables at most, whose values are added up.
    shift = missing - other if feature["nullable"] else nan
    codes = chained(*_looked_up(known, other))
    shifts = chained(
        function(np.strings.lower), *_looked_up(dict.fromkeys(sorted(absent), shift), 0.0)
    )
    return chained(*_texts(), _added(known=codes, missing=shifts), _checked([feature]))


def _spellings(
    names: Sequence[str], words: frozenset[str]
) -> tuple[dict[str, float], frozenset[str]]:
    """The codes of all texts of categories, and the texts in lower case that are missing.

    A data frame has 1.0 for the category 1 where a column of whole numbers lacks some. Texts may
    be in Unicode's form D: none of numpy's functions makes them one.
    """
    codes = {name: float(code) for code, name in enumerate(names)}
    texts: dict[Any, list[str]] = {}
    for text in dict.fromkeys((*names, *words)):
        if (value := scalar(text)) is not None:
            texts.setdefault(value, []).append(text)
    alone = {some[0]: value for value, some in texts.items() if len(some) == 1}
    for name in names:
        for text in (*_written(alone.get(name)), unicodedata.normalize("NFD", name)):
            codes.setdefault(text, codes[name])
    missing = {text for word in words for text in _written(alone.get(word))}
    known = {name.lower() for name in codes}
    return codes, (_absent(words) | missing) - known


def _written(value: Any) -> tuple[str, ...]:
    """The texts that a number, or a boolean in lower case, has in data frames."""
    if value is None:
        return ()
    if isinstance(value, str):
        return value, value.title()
    try:
        number = float(value)
    except OverflowError:
        return (str(value),)
    return (str(int(number)), str(number)) if number.is_integer() else (str(number),)


def _datetime(feature: Feature) -> Pipeline:
    """The parts of a datetime. Texts are those of ISO 8601 that numpy reads."""
    whole = np.arange(24.0)
    months, weekdays = whole[:12], whole[:7]

    def count(*units: str) -> list[Any]:
        """How many of the last unit it is since 1970, cut to the units before."""
        cut = [function(np.asarray, dtype=f"datetime64[{unit}]") for unit in units]
        none = function(np.interp, xp=[_NO_TIME, nextafter(_NO_TIME, inf)], fp=[nan, 0.0])
        return [*cut, function(np.asarray, dtype="float64"), _added(value="passthrough", none=none)]

    def cycle(xp: np.ndarray, fp: np.ndarray) -> Any:
        return function(np.interp, xp=xp, fp=fp, period=float(len(xp)))

    day = FeatureUnion([("first", chained(*count("M", "D"))), ("day", chained(*count("D")))])
    parts = {
        "seconds": [*count("us"), scaled([0.0], [1e6])],
        "month": [*count("M"), cycle(months, months + 1)],
        "day": [day, function(np.diff, axis=1), scaled([-1.0], [1.0])],
        "weekday": [*count("D"), cycle(weekdays, (weekdays + 3) % 7)],
        "hour": [*count("h"), cycle(whole, whole)],
    }
    made = FeatureUnion([(name, chained(*steps)) for name, steps in parts.items()])
    dates = chained(function(np.asarray, dtype="datetime64[us]"), made)
    # Dates begin with a year of four digits: numpy would read 20240131 and 03-02-20 as years. The
    # seconds of others become infinite.
    dashes = chained(
        function(np.strings.replace, old="NaT", new="0000-"),
        function(np.strings.find, sub="-"),
        function(np.interp, xp=[3.0, 4.0, 5.0], fp=[inf, 0.0, inf]),
    )
    seconds = chained(
        function(np.sum, axis=1, keepdims=True),
        _checked([feature], "which takes datetimes or ISO 8601 texts, no numbers"),
        scaled([feature["centre"]], [feature["scale"]]),
    )
    rest = list(range(1, len(parts)))
    return chained(
        *_date_texts(),
        FeatureUnion([("dates", dates), ("dashes", dashes)]),
        ColumnTransformer([("seconds", seconds, [0, len(parts)]), ("rest", "passthrough", rest)]),
    )


def _date_texts() -> list[Any]:
    """Texts of dates, or NaT. What is shorter than a date is filled up, and numpy refuses it."""
    filled = [text.ljust(_DATE_LENGTH, _FILL) for text in (*_ABSENT, "")]
    return [
        *_texts(),
        function(np.strings.replace, old="Z", new=""),
        function(np.strings.replace, old="+00:00", new=""),
        function(np.strings.ljust, width=_DATE_LENGTH, fillchar=_FILL),
        *(function(np.strings.replace, old=text, new="NaT") for text in filled),
    ]


def _texts() -> list[Any]:
    """Values of any type as texts without spaces around them."""
    return [function(np.asarray, dtype="str"), function(np.strings.strip, chars=SPACES)]


def _absent(words: frozenset[str]) -> frozenset[str]:
    """The texts in lower case that are missing: some words, and those of data frames."""
    return words | {text.lower() for text in _ABSENT} | {""}


def _looked_up(values: Mapping[str, float], other: float | None) -> list[Any]:
    """From texts to their values; all other texts are other, or refused where that is None."""
    if not values and other is not None:  # an encoder takes one text or more
        values = {"": other}
    known = {text.rstrip("\0"): value for text, value in reversed([*values.items()])}
    texts = np.array([*known], dtype=object)
    unknown = {} if other is None else {"handle_unknown": "use_encoded_value", "unknown_value": -1}
    return [
        OrdinalEncoder(categories=[texts], **unknown),
        function(np.interp, xp=np.arange(len(texts)), fp=[*known.values()], left=other),
    ]


def _added(**steps: Any) -> Pipeline:
    """The sum of what some steps make of one column."""
    union = FeatureUnion(list(steps.items()))
    return chained(union, function(np.sum, axis=1, keepdims=True))
