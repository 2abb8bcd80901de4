"""Images that a request does not hold as JSON: it names their keys, or is itself one."""

from collections.abc import Sequence
from typing import Any

from common.function import Request
from common.problems import FieldError, Unprocessable, invalid, pointer
from common.store import KeyMissing, Reader

FIELD = "image"
"""The field of an instance that holds its image, for every task that reads images."""

KEY = "key"
PREFIX = "raw/"
MAX_BYTES = 20_000_000
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


def fetched(store: Reader, instances: Sequence[Any]) -> list[Any]:
    """The instances, with the image in place of the key of one that is in the bucket.

    Raises Unprocessable with an error for every key that holds none.
    """
    errors: list[FieldError] = []
    found = []
    for row, instance in enumerate(instances):
        if isinstance(instance, dict) and KEY in instance and FIELD not in instance:
            try:
                rest = {name: value for name, value in instance.items() if name != KEY}
                instance = {**rest, FIELD: _object(store, instance[KEY])}
            except ValueError as error:
                errors.append(FieldError(pointer("instances", row, KEY), str(error)))
        found.append(instance)
    if errors:
        raise Unprocessable(f"{len(errors)} keys name no image.", errors)
    return found


def _object(store: Reader, key: Any) -> bytes:
    """The object of a key. Raises ValueError."""
    if not isinstance(key, str) or not key.startswith(PREFIX):
        raise ValueError(f"{key!r:.200} is not below {PREFIX}, the only place that is read.")
    entry = next((entry for entry in store.list(key) if entry.key == key), None)
    if entry is None:
        raise ValueError(f"There is no object {key!r:.200}: upload it first.")
    if entry.size > MAX_BYTES:
        raise ValueError(f"{key!r:.200} has {entry.size:,} bytes, and {MAX_BYTES:,} is the most.")
    try:
        return store.get(key).body
    except KeyMissing:
        raise ValueError(f"There is no object {key!r:.200} any more.") from None
