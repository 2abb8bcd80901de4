"""JSON bodies into typed requests, with a JSON pointer for what does not fit."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from common.problems import BadRequest, invalid

_NAME = "^[a-z0-9][a-z0-9_-]{0,62}\\Z"
_VERSION = "^[A-Za-z0-9][A-Za-z0-9_-]{0,127}\\Z"
_IN_WORDS = {
    _NAME: "Expected 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or a digit",
    _VERSION: "Expected a version: letters, digits, _ and -, 128 at most",
}

Name = Annotated[str, msgspec.Meta(pattern=_NAME)]
"""What datasets, models and aliases may be called; also safe as a part of an S3 key."""

Version = Annotated[str, msgspec.Meta(pattern=_VERSION)]
"""What a version of a dataset or a model looks like."""

_PATH = re.compile(r"^(?P<reason>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_FIELD = re.compile(r"field `([^`]*)`")


def parse(body: bytes | None) -> Any:
    """The JSON value of a body.

    Raises BadRequest when it is missing or not JSON.
    """
    if not body:
        raise BadRequest("The body is empty: send a JSON object.")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}.") from None


def convert[T](value: Any, form: type[T]) -> T:
    """A parsed JSON value as a typed request.

    Raises Unprocessable with a pointer to the field that does not fit.
    """
    if not isinstance(value, dict):
        raise invalid((), f"Expected `object`, got {value!r:.60}")
    try:
        return msgspec.convert(value, form)
    except (msgspec.ValidationError, RecursionError) as error:
        steps, reason = _locate(str(error))
        if reason.startswith("Invalid enum value"):
            steps, reason = _with_choices(steps, reason, value, form)
        raise invalid(steps, reason) from None


def _with_choices(
    steps: Sequence[str | int], reason: str, value: Any, form: type
) -> tuple[list[str | int], str]:
    """What msgspec does not tell of a value that is none of a few: the others, and a dict's key."""
    from msgspec import inspect  # 2 ms that only mistakes need

    kind: Any = inspect.type_info(form)
    path: list[str | int] = []
    for step in [*steps, None]:
        if isinstance(kind, inspect.UnionType):
            kind = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
        match kind:
            case inspect.StructType():
                kind = next(field.type for field in kind.fields if field.encode_name == step)
            case inspect.ListType():
                kind = kind.item_type
            case inspect.DictType():
                step = next(key for key, found in value.items() if reason.endswith(repr(found)))
                kind = kind.value_type
        if step is not None:
            path.append(step)
            value = value[step]
    return path, f"{reason}: choose one of {', '.join(map(str, kind.values))}"


def _locate(message: str) -> tuple[list[str | int], str]:
    """msgspec's message as a path and a reason.

    >>> _locate("Expected `int`, got `str` - at `$.split.train`")
    (['split', 'train'], 'Expected `int`, got `str`')
    """
    match = _PATH.match(message)
    assert match is not None  # the pattern matches any text
    steps: list[str | int] = [
        name or (int(index) if index.isdigit() else index)
        for name, index in _STEP.findall(match["path"] or "")
    ]
    reason = match["reason"]
    if field := _FIELD.search(reason):
        steps.append(field[1])
    for pattern, words in _IN_WORDS.items():
        if repr(pattern) in reason:
            reason = words
    return steps, reason
