"""What is left of a version that was deleted."""

import msgspec


class Deletion(msgspec.Struct, frozen=True):
    """That something was deleted. number grows with the deletions of its model or dataset."""

    number: int
    at: str
    by: str

    def __str__(self) -> str:
        who = self.by.rpartition(":")[2] if self.by.startswith("arn:") else self.by
        return f"was deleted at {self.at} by {who}"

    def public(self) -> dict[str, str]:
        """The deletion as callers see it."""
        return {"at": self.at, "by": self.by}


class Tombstone(msgspec.Struct, frozen=True):
    """What is left of a version, at the key of its manifest, so that nobody writes it again.

    remains says that files of it may not be removed yet.
    """

    deleted: Deletion
    remains: bool = False


def tombstone(body: bytes) -> Tombstone | None:
    """What is where a manifest was expected, if that was deleted."""
    try:
        return msgspec.json.decode(body, type=Tombstone)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
