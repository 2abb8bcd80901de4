"""JSON into typed values: of requests, with a pointer to all that does not fit, and of objects."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any

import msgspec

from common.problems import (
    MAX_ERRORS,
    BadRequest,
    Corrupted,
    FieldError,
    NotFound,
    PayloadTooLarge,
    invalid,
    invalid_fields,
    pointer,
)
from common.seals import is_altered
from common.tombstones import tombstone

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

MAX_COLUMNS = 2000
"""Columns of a table, and so of options that name columns."""

MAX_TEXT = 1000

ColumnName = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
"""What a column may be called, in a file and in an option that names one."""

Target = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
"""The column that is learned, which files of images lack and get by this name."""

Label = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
"""A class, a person, or what else a target's value names."""

Key = Annotated[str, msgspec.Meta(max_length=1024)]
"""The key of an object, or a path in an archive."""

Filename = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]

type Choices[T] = Annotated[list[T], msgspec.Meta(min_length=1, max_length=20)]
"""Some of the few values that there are."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

MAX_OBJECTS = 400_000
"""JSON objects in a body. An empty one takes 64 bytes of memory for its 2, and what is made of it
several times as much; so many numbers are all that an answer can hold."""

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def parse(body: bytes | None) -> Any:
    """The JSON value of a body; a byte order mark before it is left out.

    Raises BadRequest when it is missing, not JSON, or has a key twice in an object, and
    PayloadTooLarge for more than MAX_OBJECTS objects, which it finds without decoding them.
    """
    if not body:
        raise BadRequest("The body is empty: send a JSON object.")
    # Braces in strings are no objects, but hardly a body has that many.
    if body.count(b"{") > MAX_OBJECTS and _STRING.sub(b"", body).count(b"{") > MAX_OBJECTS:
        raise PayloadTooLarge(
            f"The body has more than {MAX_OBJECTS:,} JSON objects: send fewer instances at once, "
            "or rows as a file (POST /data_processing/uploads)."
        )
    if body.startswith(_BYTE_ORDER_MARK):
        body = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        from common.malformed import described  # bodies that are JSON have no need of it

        raise described(body) from error
    if _may_repeat_a_key(body, value):
        from common.malformed import check_keys

        check_keys(body)
    return value


def _may_repeat_a_key(body: bytes, value: Any) -> bool:
    """Whether a body has other colons than what was read of it: of equal keys only the last is.

    Instances of flat objects, as nearly all are, are counted without a loop. Where strings have
    colons, the value is written again, which takes as long as reading it.
    """
    colons = body.count(b":")
    instances = value.get("instances") if type(value) is dict else None
    if type(instances) is list and body.count(b"{") == 1 + len(instances):
        is_flat = set(map(type, instances)) == {dict}
        if is_flat and colons == len(value) + sum(map(len, instances)):
            return False
    try:
        return colons != msgspec.json.encode(value).count(b":")
    except (OverflowError, RecursionError):  # integers of more than 64 bits, and deep values
        return True


def convert[T](value: Any, form: type[T], where: Sequence[str | int] = ()) -> T:
    """A parsed JSON value, which is at a path of the request, as a typed one.

    Raises Unprocessable with a pointer to each field that does not fit.
    """
    if not isinstance(value, dict):
        raise invalid(where, f"Expected `object`, got {value!r:.60}")
    try:
        return msgspec.convert(value, form)
    except RecursionError as error:
        raise invalid(where, "is nested too deep") from error
    except msgspec.ValidationError:
        from common.mismatch import mismatches  # what fits has no need of it

        found = mismatches(value, form, _IN_WORDS)
        errors = [
            FieldError(pointer(*where, *path), reason())
            for path, reason in islice(found, MAX_ERRORS)
        ]
        raise invalid_fields(errors, sum(1 for _ in found)) from None


def stored[T](key: str, body: bytes, form: type[T], advice: str) -> T:
    """What a function has once written to key as JSON.

    Raises Corrupted with the advice for what can no longer be that, and NotFound for what was
    deleted.
    """
    try:
        value = msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        version, is_manifest, _ = key.partition("/manifest.json")
        if is_manifest and (left := tombstone(body)):
            raise NotFound(f"{version} {left.deleted}.") from None
        reason = "is empty" if not body else "is not JSON"
        if isinstance(error, msgspec.ValidationError):
            reason = "holds something else than what belongs there"
        raise Corrupted(f"{key} is damaged: it {reason}. {advice}") from error
    if is_altered(body):
        raise Corrupted(f"{key} is damaged: its checksum is another one. {advice}")
    for field, name in _named(key).items():
        if (said := getattr(value, field, name)) != name:
            raise Corrupted(f"{key} is damaged: its {field} is {said!r:.80}. {advice}")
    return value


def _named(key: str) -> dict[str, str]:
    """What the object at a key has to say of itself, by field: otherwise it belongs elsewhere.

    >>> _named("models/churn/aliases/live.json")
    {'model': 'churn', 'alias': 'live'}
    """
    match key.removesuffix(".json").split("/"):
        case ["models", model, "versions", version, "manifest"]:
            return {"model": model, "version": version}
        case ["models", model, "aliases", alias]:
            return {"model": model, "alias": alias}
        case ["datasets", dataset, version, "manifest"]:
            return {"dataset": dataset, "version": version}
        case ["jobs", function, *_, job_id] if key.endswith(".json"):
            return {"function": function, "job_id": job_id}
    return {}
