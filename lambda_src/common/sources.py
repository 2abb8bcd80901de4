"""Objects that callers have uploaded, named by their keys."""

from collections.abc import Sequence

from common.problems import invalid
from common.store import KeyMissing, Store, impossible

RAW = "raw/"


def check_uploaded(store: Store, key: str, where: Sequence[str | int]) -> None:
    """Raises Unprocessable unless an object with this key exists below raw/.

    where is the path of the field in the request.
    """
    if not is_raw(key):
        raise invalid(where, f"{key!r:.200} is not below raw/, the only place that can be read")
    if reason := impossible(key):
        raise invalid(where, f"{reason}: send the key as POST /data_processing/uploads gave it")
    try:
        store.size(key)
    except KeyMissing:
        raise invalid(
            where,
            f"there is no object {key!r:.200}: upload it first (POST /data_processing/uploads)",
        ) from None


def is_raw(key: str) -> bool:
    """Whether a key is one of raw data; the object need not exist."""
    return key.startswith(RAW) and not key.endswith("/")
