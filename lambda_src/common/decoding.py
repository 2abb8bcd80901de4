"""Decodes JSON of requests and of stored objects into typed values."""

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
_PATTERN_MESSAGES = {
    _NAME: "Expected 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or a digit",
    _VERSION: "Expected a version: letters, digits, _ and -, 128 at most",
}

Name = Annotated[str, msgspec.Meta(pattern=_NAME)]
"""A name of a dataset, model or alias; it is safe as a part of an S3 key."""

Version = Annotated[str, msgspec.Meta(pattern=_VERSION)]
"""A version of a dataset or a model."""

MAX_COLUMNS = 2000
"""The most columns of a table, and so of an option that names columns."""

MAX_TEXT = 1000

ColumnName = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
"""The name of a column, in a file or in an option."""

Target = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
"""The name of the column to predict. Archives of images have no such column: it is added."""

Label = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
"""A value of the target, such as a class or a person."""

Key = Annotated[str, msgspec.Meta(max_length=1024)]
"""The key of an object, or a path in an archive."""

Filename = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]

type Choices[T] = Annotated[list[T], msgspec.Meta(min_length=1, max_length=20)]
"""Some of a few possible values."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

MAX_OBJECTS = 400_000
"""The most JSON objects in a body. An empty object has 2 bytes, takes 64 bytes of memory, and its
instance several times as much. An answer cannot hold more numbers than this."""

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def parse(body: bytes | None) -> Any:
    """The JSON value of a body, without its byte order mark if it has one.

    Raises BadRequest when the body is missing, is not JSON, or has a key twice in an object. Raises
    PayloadTooLarge for more than MAX_OBJECTS objects, before it decodes them.
    """
    if not body:
        raise BadRequest("The body is empty: send a JSON object.")
    # Braces in strings do not count; they are removed only where there are that many braces.
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
        from common.malformed import described  # rarely needed

        raise described(body) from error
    if _may_repeat_a_key(body, value):
        from common.malformed import check_keys

        check_keys(body)
    return value


def _may_repeat_a_key(body: bytes, value: Any) -> bool:
    """Whether a body has more colons than its value, which keeps only the last of equal keys.

    Instances are nearly always flat objects. Their keys are counted without a loop. If that does
    not match, the value is encoded again and its colons are counted, which is as slow as decoding.
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
    """Converts a parsed JSON object to a type.

    where is its path in the request. Raises Unprocessable with a pointer to each bad field.
    """
    if not isinstance(value, dict):
        raise invalid(where, f"Expected `object`, got {value!r:.60}")
    try:
        return msgspec.convert(value, form)
    except RecursionError as error:
        raise invalid(where, "is nested too deep") from error
    except msgspec.ValidationError:
        from common.mismatch import mismatches  # rarely needed

        bad_fields = mismatches(value, form, _PATTERN_MESSAGES)
        errors = [
            FieldError(pointer(*where, *path), reason())
            for path, reason in islice(bad_fields, MAX_ERRORS)
        ]
        raise invalid_fields(errors, sum(1 for _ in bad_fields)) from None


def stored[T](key: str, body: bytes, form: type[T], advice: str) -> T:
    """Decodes the body of a stored object, which a function has written to key as JSON.

    Raises Corrupted if it is damaged, with the advice as its last sentence, and NotFound if it is
    the manifest of a version that was deleted.
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
    for field, name in _names_in_key(key).items():
        if (actual := getattr(value, field, name)) != name:
            raise Corrupted(f"{key} is damaged: its {field} is {actual!r:.80}. {advice}")
    return value


def _names_in_key(key: str) -> dict[str, str]:
    """The fields of the object at a key that must repeat the names in the key.

    >>> _names_in_key("models/churn/aliases/live.json")
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
