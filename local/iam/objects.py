"""What a decision needs to know of the objects that a request is about, whoever holds them."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Key(NamedTuple):
    """A KMS key by its ARN, and whether S3 asks for it once per bucket or once per object."""

    arn: str
    bucket_key: bool


class Objects(Protocol):
    """What there is in S3, and the keys that encrypt it."""

    def exists(self, bucket: str, key: str, version: str | None) -> bool: ...

    def tags(self, bucket: str, key: str, version: str | None) -> Mapping[str, str]: ...

    def key_of(self, bucket: str, key: str, version: str | None) -> Key | None:
        """The key of the caller's own account that encrypts an object."""

    def default_key(self, bucket: str, upload: str | None) -> Key | None:
        """The one that encrypts what is written to a bucket, or to a multipart upload."""

    def named_key(self, key_id: str) -> Key | None:
        """The one that a request names."""
