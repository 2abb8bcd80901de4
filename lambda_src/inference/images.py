"""Images outside the JSON of a request: the request names their keys, or its body is an image."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from common import settings
from common.function import Request
from common.problems import MAX_ERRORS, FieldError, Unprocessable, invalid, pointer
from common.store import KeyMissing, Reader, impossible

FIELD = "image"
"""The field of an instance that holds its image, for every task that reads images."""

PREFIX = "raw/"
MAX_BYTES = 20_000_000
MAX_TOTAL = 200_000_000
"""The most bytes of all images that a request names: the API does not wait long enough to fetch and
decode more."""

MAX_KEYS = 200
"""The most images that a request may name: each takes two calls of S3, one after the other."""

_OFF = (
    "Images by key are off in this deployment: send the image itself, as base64 in its field "
    "or as the request's whole body. Its Terraform input images_by_key turns them on."
)

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that the lists of S3 cannot contain, because they are XML."""

_QUERY = frozenset({"model", "alias", "version"})


def is_image(request: Request) -> bool:
    """Whether the body of a request is an image."""
    return request.headers.get("content-type", "").strip().lower().startswith("image/")


def as_json(request: Request) -> dict[str, Any]:
    """The JSON of a request whose body is an image: one instance with that image.

    Raises Unprocessable where the query names no model.
    """
    if "model" not in request.query:
        raise invalid(
            ["model"], "the body is an image: name its model in the query, as in ?model=<name>"
        )
    named = {name: value for name, value in request.query.items() if name in _QUERY}
    return {**named, "instances": [{FIELD: request.body or b""}]}


def resolved(
    store: Reader, instances: Sequence[Any], keys: Mapping[str, str]
) -> tuple[list[Any], dict[str, str]]:
    """Replaces the keys of images by functions that read them.

    keys maps the field of an image to the field of its key (a model's image_keys). Each function
    reads its image when the model calls it and keeps nothing, so that images are never in memory
    together. Returns the instances, and a map from the pointer of each replaced field to the
    pointer of the key that was sent.

    Raises Unprocessable with an error for each key that names no image, that exceeds a limit, or
    that this deployment does not read. After MAX_ERRORS errors no more keys are looked up.
    """
    named = _named(instances, keys)
    if named and not settings.images_by_key():
        refused = [FieldError(pointer("instances", row, key), _OFF) for row, _, key in named]
        raise Unprocessable(_OFF, refused)
    if len(named) > MAX_KEYS:
        row, _, key_field = named[MAX_KEYS]
        reason = f"The request names {len(named):,} images by key: send {MAX_KEYS} at once at most."
        raise Unprocessable(reason, [FieldError(pointer("instances", row, key_field), reason)])
    errors: list[FieldError] = []
    resolved_instances, sent = list(instances), {}
    sizes: dict[str, int] = {}
    total = 0
    for row, field, key_field in named:
        key, at = instances[row][key_field], pointer("instances", row, key_field)
        try:
            if not isinstance(key, str):
                raise ValueError(f"Expected the key of an image, got {key!r:.200}.")
            size = sizes[key] = sizes[key] if key in sizes else _size(store, key)
        except ValueError as error:
            errors.append(FieldError(at, str(error)))
            if len(errors) == MAX_ERRORS:
                break
            continue
        total += size
        if total > MAX_TOTAL:
            reason = f"The images named up to here have {total:,} bytes"
            errors.append(FieldError(at, f"{reason}, and {MAX_TOTAL:,} is the most: ask in parts."))
            break
        rest = {name: value for name, value in resolved_instances[row].items() if name != key_field}
        resolved_instances[row] = {**rest, field: partial(_read, store, key, at)}
        sent[pointer("instances", row, field)] = at
    if errors:
        raise Unprocessable(f"{len(errors)} keys name no image that can be read.", errors)
    return resolved_instances, sent


def _named(instances: Sequence[Any], keys: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """The images that are named by key: their row, the field of the image and that of the key."""
    return [
        (row, field, key_field)
        for row, instance in enumerate(instances)
        if isinstance(instance, dict)
        for field, key_field in keys.items()
        if key_field in instance and field not in instance
    ]


def _size(store: Reader, key: str) -> int:
    """The size of an image in bytes. Raises ValueError with the reason against the key."""
    if not key.startswith(PREFIX):
        raise ValueError(f"{key!r:.200} is not below {PREFIX}, the only place that is read.")
    if reason := impossible(key):
        raise ValueError(f"There is no such object: {reason}.")
    if _NOT_IN_XML.search(key):
        raise ValueError(f"{key!r:.200} has a control character: store the image by another key.")
    # If the key exists, it is the first of all keys that begin with it.
    entry = next(iter(store.list(key, at_once=1)), None)
    if entry is None or entry.key != key or not entry.size:  # what was deleted has no bytes
        raise ValueError(f"There is no object {key!r:.200}: upload it first.")
    if entry.size > MAX_BYTES:
        raise ValueError(f"{key!r:.200} has {entry.size:,} bytes, and {MAX_BYTES:,} is the most.")
    return entry.size


def _read(store: Reader, key: str, at: str) -> bytes:
    """The bytes of an image. Raises Unprocessable if it was deleted meanwhile."""
    try:
        return store.get(key).body
    except KeyMissing:
        gone = f"There is no object {key!r:.200} any more."
        raise Unprocessable(gone, [FieldError(at, gone)]) from None
