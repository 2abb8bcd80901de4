"""S3 as a key-value store with conditional writes.

Immutable keys are written with `If-None-Match: *`, pointers with `If-Match`; both answer
412 where the condition fails (and 409 where another writer is at it this very moment).
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from common.problems import Unavailable
from common.settings import data_prefix

if TYPE_CHECKING:
    from pathlib import Path

_BURIED = ("deleted-at", "deleted-by")
"""The metadata of what is left of an object that was deleted."""

ABSENT = "*"
"""The condition that a key must not exist yet."""


MAX_KEY_BYTES = 1024
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""


class KeyMissing(LookupError):
    """There is no object at the key."""


class PreconditionFailed(Exception):
    """The object is not in the state that the writer expected."""


class Object(msgspec.Struct, frozen=True):
    """An object's bytes and the tag that changes whenever they do."""

    body: bytes
    etag: str


class Presigned(msgspec.Struct, frozen=True):
    """A URL, the headers that a request to it must have, and the seconds for which it works."""

    url: str
    headers: dict[str, str]
    seconds: int


class Entry(msgspec.Struct, frozen=True):
    """One row of a listing: the whole key, its size in bytes, when it was last written."""

    key: str
    size: int
    modified: str


class Reader(Protocol):
    """What it takes to read a bucket; Store's methods say what each one means."""

    def get(self, key: str) -> Object: ...

    def get_if_changed(self, key: str, etag: str) -> Object | None: ...

    def list(self, prefix: str) -> Iterator[Entry]: ...

    def children(self, prefix: str) -> Iterator[str]: ...


class Store:
    """A bucket, or what is below a prefix of it, which no key given or answered names.

    Every method raises Unavailable when S3 itself fails or cannot be reached.
    """

    def __init__(self, bucket: str, prefix: str = "", client: Any = None) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._given_client = client

    @cached_property
    def _client(self) -> Any:
        if self._given_client is not None:
            return self._given_client
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            config=Config(
                retries={"mode": "standard"},
                signature_version="s3v4",
                s3={"addressing_style": "virtual"},  # or presigned URLs name us-east-1's host
            ),
        )

    def get(self, key: str) -> Object:
        """The object at key. Raises KeyMissing."""
        return self._read(key, lambda: self._get(key))

    def get_if_changed(self, key: str, etag: str) -> Object | None:
        """The object at key, or None while it still has the given tag. Raises KeyMissing."""
        try:
            return self._read(key, lambda: self._get(key, IfNoneMatch=etag))
        except PreconditionFailed:
            return None

    def put(self, key: str, body: bytes, *, expected: str | None = None) -> str:
        """Writes key and returns its new tag.

        expected is ABSENT, a tag that the object must still have, or None for any state.
        Raises PreconditionFailed.
        """
        condition = {} if expected is None else _condition(expected)
        kind = "application/json" if key.endswith(".json") else "application/octet-stream"
        try:
            with _translated(key):
                answer = self._client.put_object(
                    **self._at(key), Body=body, ContentType=kind, **condition
                )
        except KeyMissing:
            if "IfMatch" not in condition:
                raise
            raise PreconditionFailed(key) from None  # what was to be replaced is there no more
        return str(answer["ETag"])

    def list(self, prefix: str) -> Iterator[Entry]:
        """All objects below prefix, in key order."""
        for page in self._pages(prefix):
            for item in page.get("Contents", ()):
                key = item["Key"].removeprefix(self._prefix)
                yield Entry(key, item["Size"], item["LastModified"].isoformat())

    def children(self, prefix: str) -> Iterator[str]:
        """The names directly below prefix (which ends in a slash) that have keys below them."""
        for page in self._pages(prefix, Delimiter="/"):
            for item in page.get("CommonPrefixes", ()):
                yield item["Prefix"][len(self._prefix + prefix) : -1]

    def size(self, key: str) -> int:
        """The size of the object at key in bytes. Raises KeyMissing, also for what is buried."""
        head = self._head(key)
        if _buried(head):
            raise KeyMissing(key)
        return int(head["ContentLength"])

    def bury(self, key: str, at: str, by: str) -> None:
        """Puts nothing in the place of an object, which says when and by whom this was done.

        Who may only write where nothing is, such as the holder of a presigned URL, can no longer
        write there.
        """
        from urllib.parse import quote

        about = dict(zip(_BURIED, (at, quote(by)), strict=True))
        with _translated(key):
            self._client.put_object(**self._at(key), Body=b"", Metadata=about)

    def buried(self, key: str) -> tuple[str, str] | None:
        """When and by whom an object was buried, if it was. Raises KeyMissing."""
        return _buried(self._head(key))

    def _head(self, key: str) -> Any:
        return self._read(key, lambda: self._client.head_object(**self._at(key)))

    def download(self, key: str, path: "Path") -> None:
        """Copies an object of any size to a file. Raises KeyMissing."""
        self._read(key, lambda: self._client.download_file(**self._at(key), Filename=str(path)))

    def upload(self, path: "Path", key: str, tags: Mapping[str, str] | None = None) -> None:
        """Copies a file of any size to key, which the caller knows to be new or the same."""
        from urllib.parse import urlencode

        more = {"Tagging": urlencode(tags)} if tags else {}
        with _translated(key):
            self._client.upload_file(str(path), **self._at(key), ExtraArgs=more)

    def delete(self, keys: Sequence[str]) -> None:
        """Removes up to a thousand objects, be they there or not."""
        objects = [{"Key": self._at(key)["Key"]} for key in keys]
        with _translated(keys[0]):
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
            )
        for error in answer.get("Errors", ()):
            if error["Code"] == "AccessDenied":
                raise PermissionError(f"S3 does not let {error['Key']!r} be removed.")
            raise Unavailable(f"S3 failed to remove {error['Key']!r}. Try again later.")

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        """Gives an object these tags in place of those that it has."""
        found = [{"Key": name, "Value": value} for name, value in tags.items()]
        with _translated(key):
            self._client.put_object_tagging(**self._at(key), Tagging={"TagSet": found})

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _pages(self, prefix: str, **more: str) -> Iterator[dict[str, Any]]:
        with _translated(prefix):
            pages = self._client.get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix, **more)

    def _get(self, key: str, **condition: str) -> Object:
        answer = self._client.get_object(**self._at(key), **condition)
        return Object(answer["Body"].read(), answer["ETag"])

    def _read[T](self, key: str, action: Callable[[], T]) -> T:
        """What action reads, with errors as ours and a missing key told from a forbidden one.

        S3 answers 403 for a missing key to whoever may not list the bucket, and a role that may
        list some prefixes counts as such; asking for the key by its name as a prefix tells. One
        that is there then may have been written meanwhile: only a second 403 forbids it.
        """
        from botocore.exceptions import ClientError

        try:
            with _translated(key):
                return action()
        except ClientError as error:
            if _status(error) != 403:
                raise
        if all(entry.key != key for entry in self.list(key)):
            raise KeyMissing(key)
        with _translated(key):
            return action()

    def presigned_put(self, key: str, seconds: int, size: int | None = None) -> Presigned:
        """A URL to which anybody may PUT an object at key, once, within so many seconds.

        The object then has size bytes, or as many as S3 takes at once where that is not given.
        """
        headers = {"If-None-Match": "*"}
        conditions: dict[str, str | int] = {"IfNoneMatch": "*"}
        if size is not None:
            headers["Content-Length"] = str(size)
            conditions["ContentLength"] = size
        client = self._client
        lasting = _lasting(seconds)
        url = client.generate_presigned_url("put_object", {**self._at(key), **conditions}, lasting)
        return Presigned(url, headers, lasting)


def _lasting(seconds: int) -> int:
    """So many seconds, or fewer where the keys that are signed with are known to end before.

    Lambda gives a function's keys without their end, but with SnapStart.
    """
    import boto3

    session = boto3.DEFAULT_SESSION
    credentials = session.get_credentials() if session is not None else None
    ends_within = getattr(credentials, "refresh_needed", None)
    if ends_within is None:
        return seconds
    return next((part for part in range(seconds, 0, -60) if not ends_within(part)), 1)


def impossible(key: str) -> str | None:
    """Why S3 can have no such key, the bucket's prefix included; None if it can."""
    try:
        size = len((data_prefix() + key).encode())
    except UnicodeEncodeError:
        return "it has half a surrogate pair, which is no character"
    if size > MAX_KEY_BYTES:
        return f"no key has more than {MAX_KEY_BYTES:,} bytes, the prefix included"
    return "no key has a NUL in it" if "\0" in key else None


def _buried(head: Mapping[str, Any]) -> tuple[str, str] | None:
    """When and by whom an object was buried, as its metadata has it."""
    from urllib.parse import unquote

    at, by = (head.get("Metadata", {}).get(name) for name in _BURIED)
    return None if at is None or by is None else (at, unquote(by))


def _condition(expected: str) -> dict[str, str]:
    return {"IfNoneMatch": "*"} if expected == ABSENT else {"IfMatch": expected}


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """botocore's errors as ours."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        status = _status(error)
        if status == 404:
            raise KeyMissing(key) from None
        if status in (304, 409, 412):
            raise PreconditionFailed(key) from None
        if status == 429 or status >= 500:
            raise Unavailable(f"S3 failed on {key!r} ({status}). Try again later.") from error
        raise
    except (BotoCoreError, Boto3Error) as error:
        raise Unavailable(f"S3 cannot be reached for {key!r}. Try again later.") from error


def _status(error: Any) -> int:
    """The HTTP status that a botocore ClientError stands for."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
