"""Images that a request does not hold as JSON: it names their keys, or is itself one."""

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
"""Bytes of all images that a request names: to fetch and decode more takes longer than the API
waits."""

MAX_KEYS = 200
"""Images that a request may name: each takes two calls of S3, one after the other."""

_OFF = (
    "Images by key are off in this deployment: send the image itself, as base64 in its field "
    "or as the request's whole body. Its Terraform input images_by_key turns them on."
)

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Of which S3's lists, which are XML, can say nothing."""

_QUERY = frozenset({"model", "alias", "version"})


def is_image(request: Request) -> bool:
    """Whether the body of a request is an image."""
    return request.headers.get("content-type", "").strip().lower().startswith("image/")


def as_json(request: Request) -> dict[str, Any]:
    """A request whose body is an image as the one whose instance holds it."""
    if "model" not in request.query:
        raise invalid(
            ["model"], "the body is an image: name its model in the query, as in ?model=<name>"
        )
    named = {name: value for name, value in request.query.items() if name in _QUERY}
    return {**named, "instances": [{FIELD: request.body or b""}]}


def resolved(
    store: Reader, instances: Sequence[Any], keys: Mapping[str, str]
) -> tuple[list[Any], dict[str, str]]:
    """The instances, with a reader of the image in place of the key of one that is in the bucket.

    keys are a model's image_keys. A reader fetches when the model calls it and keeps nothing, so
    that images are never in memory together. Also the pointers of such fields, each with the
    pointer of what was sent in its place. Raises Unprocessable with an error for every key that
    holds no image, or one too many, and for every key where a deployment reads none; after
    MAX_ERRORS, no more keys are looked up.
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
    found, sent = list(instances), {}
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
        rest = {name: value for name, value in found[row].items() if name != key_field}
        found[row] = {**rest, field: partial(_read, store, key, at)}
        sent[pointer("instances", row, field)] = at
    if errors:
        raise Unprocessable(f"{len(errors)} keys name no image that can be read.", errors)
    return found, sent


def _named(instances: Sequence[Any], keys: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """The images that are named by key: row, the image's field and the key's."""
    return [
        (row, field, key_field)
        for row, instance in enumerate(instances)
        if isinstance(instance, dict)
        for field, key_field in keys.items()
        if key_field in instance and field not in instance
    ]


def _size(store: Reader, key: str) -> int:
    """The bytes of an object. Raises ValueError."""
    if not key.startswith(PREFIX):
        raise ValueError(f"{key!r:.200} is not below {PREFIX}, the only place that is read.")
    if reason := impossible(key):
        raise ValueError(f"There is no such object: {reason}.")
    if _NOT_IN_XML.search(key):
        raise ValueError(f"{key!r:.200} has a control character: store the image by another key.")
    # Of all keys that begin like this, it is the first.
    entry = next(iter(store.list(key, at_once=1)), None)
    if entry is None or entry.key != key or not entry.size:  # what was deleted has no bytes
        raise ValueError(f"There is no object {key!r:.200}: upload it first.")
    if entry.size > MAX_BYTES:
        raise ValueError(f"{key!r:.200} has {entry.size:,} bytes, and {MAX_BYTES:,} is the most.")
    return entry.size


def _read(store: Reader, key: str, at: str) -> bytes:
    """The bytes of an object that was there a moment ago. Raises Unprocessable."""
    try:
        return store.get(key).body
    except KeyMissing:
        gone = f"There is no object {key!r:.200} any more."
        raise Unprocessable(gone, [FieldError(at, gone)]) from None
