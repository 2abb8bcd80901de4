"""Tombstones: the objects that replace the manifests of deleted versions."""

import msgspec


class Deletion(msgspec.Struct, frozen=True):
    """A deletion: when, and by whom. number grows with each deletion of a model or dataset."""

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
    """The object at the key of a deleted version's manifest, so that no job writes it again.

    remains is set while files of the version may still have to be removed.
    """

    deleted: Deletion
    remains: bool = False


def tombstone(body: bytes) -> Tombstone | None:
    """The tombstone that an object holds, or None if it holds something else."""
    try:
        return msgspec.json.decode(body, type=Tombstone)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
