"""S3 as a key-value store with conditional writes.

What may be written once is written with `If-None-Match: *`, pointers with `If-Match`; both answer
412 where the condition fails, and 409 where another writer is at it this very moment. Files are
written under keys that belong to their content, whoever writes them how often.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from common import time_limit, times
from common.problems import Unavailable
from common.settings import data_prefix

if TYPE_CHECKING:
    from pathlib import Path

    from botocore.config import Config

_BURIED = ("deleted-at", "deleted-by")
"""The metadata of what is left of an object that was deleted."""

_WRITE = "write"
"""The metadata that tells one conditional write from all others, also those of the same body."""

CALL_SECONDS = 12.0
"""How long a call may take, with its retries: less than a job's lease and than the API waits."""

BYTES_PER_SECOND = 500_000
"""The slowest that the bytes of an object may come or go; their time is added to the call's."""

_CONNECT_SECONDS = 2.0
_READ_SECONDS = 5.0
"""Seconds without a byte after which a connection counts as lost."""

_ATTEMPTS = 3
_BUSY_WAITS = (0.05, 0.2, 0.0)
"""Seconds to wait after each write that met another one."""

_NOT_AS_LISTED = ("NoSuchKey", "PreconditionFailed")
"""How S3 says of an object that it is gone or another one."""

ABSENT = "*"
"""The condition that a key must not exist yet."""


PAGE = 1000
"""The most keys that S3 lists with one call."""

MAX_KEY_BYTES = 1024
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""


class KeyMissing(LookupError):
    """There is no object at the key."""


class PreconditionFailed(Exception):
    """The object is not in the state that the writer expected."""


class _Busy(PreconditionFailed):
    """Another writer is at the object at this very moment: whether it wins is not known yet."""


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
    """One row of a listing: the whole key, its size in bytes, when it was last written, its tag."""

    key: str
    size: int
    modified: str
    etag: str


class Reader(Protocol):
    """What it takes to read a bucket; Store's methods say what each one means."""

    def get(self, key: str) -> Object: ...

    def get_if_changed(self, key: str, etag: str) -> Object | None: ...

    def list(self, prefix: str, after: str = "", at_once: int = PAGE) -> Iterator[Entry]: ...

    def children(self, prefix: str, after: str = "", at_once: int = PAGE) -> Iterator[str]: ...


class Store:
    """A bucket, or what is below a prefix of it, which no key given or answered names.

    Every method raises Unavailable when S3 itself fails, cannot be reached or takes too long.
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

        client = boto3.client(
            "s3",
            config=in_time(
                signature_version="s3v4",
                # Or presigned URLs name the global host, which redirects to other regions: their
                # signature does not survive that.
                s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
            ),
        )
        # No try of a call that was given up is sent any more, whenever its thread goes on: what
        # it would remove or overwrite may have been made anew since.
        client.meta.events.register("before-send.s3", time_limit.check)
        return client

    def get(self, key: str) -> Object:
        """The object at key. Raises KeyMissing."""
        return _object(self._read(key, lambda: self._get(key)))

    def get_with_age(self, key: str) -> tuple[Object, float]:
        """The object at key, and the seconds since it was written. Raises KeyMissing.

        S3's clock measures both ends, to the second: no other one has to be right.
        """
        answer = self._read(key, lambda: self._get(key))
        return _object(answer), _age(answer)

    def get_if_changed(self, key: str, etag: str) -> Object | None:
        """The object at key, or None while it still has the given tag. Raises KeyMissing."""
        try:
            return _object(self._read(key, lambda: self._get(key, IfNoneMatch=etag)))
        except PreconditionFailed:
            return None

    def put(self, key: str, body: bytes, *, expected: str | None = None) -> str:
        """Writes key and returns its new tag.

        expected is ABSENT, a tag that the object must still have, or None for any state.
        Raises PreconditionFailed, unless the object was written by this very call. Then S3, or
        what is before it, failed after the write, and the retry met what it had written itself.
        """
        if expected is None:
            return self._put(key, body, {})
        started, own = time.monotonic(), uuid.uuid4().hex
        try:
            return self._put(key, body, {**_condition(expected), "Metadata": {_WRITE: own}})
        except (PreconditionFailed, Unavailable):
            left = CALL_SECONDS - (time.monotonic() - started)
            if (etag := self._tag_of(key, own, left)) is None:
                raise
            return etag

    def list(self, prefix: str, after: str = "", at_once: int = PAGE) -> Iterator[Entry]:
        """The objects below prefix behind the key after, in key order, so many with each call."""
        for page in self._pages(prefix, after, at_once):
            for item in page.get("Contents", ()):
                key = item["Key"].removeprefix(self._prefix)
                yield Entry(key, item["Size"], times.text(item["LastModified"]), item["ETag"])

    def children(self, prefix: str, after: str = "", at_once: int = PAGE) -> Iterator[str]:
        """The names directly below prefix (which ends in a slash) that have keys below them.

        Only keys behind the key after count; so many names come with each call.
        """
        for page in self._pages(prefix, after, at_once, Delimiter="/"):
            for item in page.get("CommonPrefixes", ()):
                yield item["Prefix"][len(self._prefix + prefix) : -1]

    def size(self, key: str) -> int:
        """The size of the object at key in bytes. Raises KeyMissing, also for what is buried."""
        head = self._head(key)
        if _buried(head):
            raise KeyMissing(key)
        return int(head["ContentLength"])

    def bury(self, key: str, at: str, by: str) -> tuple[str, str]:
        """Puts nothing in the place of an object, which says when and by whom this was done.

        Returns what it says, which is of the first time. Who may only write where nothing is, such
        as the holder of a presigned URL, can no longer write there. Raises KeyMissing.
        """
        from urllib.parse import quote

        about = dict(zip(_BURIED, (at, quote(by)), strict=True))
        while (found := _buried(head := self._head(key))) is None or head["ContentLength"]:
            with suppress(PreconditionFailed):  # it is what this has put there, or a new object
                self._put(key, b"", {"IfMatch": head["ETag"], "Metadata": about})
                return at, by
        return found

    def unlike_others(self, key: str, expected: str) -> str:
        """Gives what is buried, and has a tag, another one that nothing else has; returns that.

        All objects without bytes have the same tag. So who writes in the place of one on that
        condition, and is late, would also meet it after another deletion. It stays buried. Raises
        KeyMissing, and PreconditionFailed where it was written meanwhile.
        """
        metadata = self._head(key)["Metadata"]
        kept = {name: metadata[name] for name in _BURIED if name in metadata}
        body = uuid.uuid4().hex.encode()
        return self._put(key, body, {"IfMatch": expected, "Metadata": kept})

    def _head(self, key: str) -> Any:
        head = self._client.head_object
        return self._read(key, lambda: limited(lambda: head(**self._at(key))))

    def download(self, key: str, path: "Path") -> None:
        """Copies an object of any size to a file, in any time while bytes come in.

        Raises KeyMissing, also for what is buried meanwhile, and Unavailable where it is written
        anew between two of its parts.
        """
        from s3transfer.exceptions import S3DownloadFailedError

        fetch = self._client.download_file
        try:
            self._read(key, lambda: fetch(**self._at(key), Filename=str(path)))
        except (S3DownloadFailedError, PreconditionFailed):
            self.size(key)
            raise Unavailable(f"{key!r} was written while it was read. Try again.") from None
        if not path.stat().st_size:
            self.size(key)

    def upload(self, path: "Path", key: str, tags: Mapping[str, str] | None = None) -> None:
        """Copies a file of any size to key, whatever it holds, in any time while bytes go out.

        Only where the key belongs to the content does it not matter who comes last.
        """
        from urllib.parse import urlencode

        more = {"Tagging": urlencode(tags)} if tags else {}
        with _translated(key):
            self._client.upload_file(str(path), **self._at(key), ExtraArgs=more)

    def delete(self, keys: Sequence[str]) -> None:
        """Removes up to a thousand objects, be they there or not."""
        self._delete([{"Key": self._prefix + key} for key in keys])

    def delete_listed(self, entries: Sequence[Entry]) -> None:
        """Removes up to a thousand objects, but for those that were written anew since the list.

        So it does no harm when S3 performs this after it was given up.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
        """
        self._delete([{"Key": self._prefix + entry.key, "ETag": entry.etag} for entry in entries])

    def delete_unchanged(self, key: str, etag: str) -> None:
        """Removes an object, unless it was written anew since it had this tag."""
        self._delete([{"Key": self._prefix + key, "ETag": etag}])

    def _delete(self, objects: Sequence[dict[str, str]]) -> None:
        with _translated(objects[0]["Key"].removeprefix(self._prefix)):
            answer = limited(
                lambda: self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
                )
            )
        for error in answer.get("Errors", ()):
            if error["Code"] in _NOT_AS_LISTED:
                continue
            if error["Code"] == "AccessDenied":
                raise PermissionError(f"S3 does not let {error['Key']!r} be removed.")
            raise Unavailable(f"S3 failed to remove {error['Key']!r}. Try again later.")

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        """Gives an object these tags in place of those that it has."""
        found = [{"Key": name, "Value": value} for name, value in tags.items()]
        put = self._client.put_object_tagging
        with _translated(key):
            limited(lambda: put(**self._at(key), Tagging={"TagSet": found}))

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _pages(
        self, prefix: str, after: str, at_once: int, **more: str
    ) -> Iterator[dict[str, Any]]:
        paginator = self._client.get_paginator("list_objects_v2")
        asked: dict[str, Any] = {"Bucket": self._bucket, "Prefix": self._prefix + prefix, **more}
        if after:
            asked["StartAfter"] = self._prefix + after
        pages = iter(paginator.paginate(**asked, PaginationConfig={"PageSize": at_once}))
        while True:
            with _translated(prefix):
                page = limited(lambda: next(pages, None))
            if page is None:
                return
            yield page

    def _get(self, key: str, **condition: str) -> dict[str, Any]:
        """S3's answer, its body read."""
        get = self._client.get_object
        answer: dict[str, Any] = limited(lambda: get(**self._at(key), **condition))
        body = limited(answer["Body"].read, answer.get("ContentLength", 0))
        return {**answer, "Body": body}

    def _put(self, key: str, body: bytes, more: Mapping[str, Any]) -> str:
        kind = "application/json" if key.endswith(".json") else "application/octet-stream"
        put = self._client.put_object
        for wait in _BUSY_WAITS:
            try:
                with _translated(key):
                    answer = limited(
                        lambda: put(**self._at(key), Body=body, ContentType=kind, **more),
                        len(body),
                    )
                return str(answer["ETag"])
            except _Busy:
                time.sleep(wait)
            except KeyMissing:
                if "IfMatch" not in more:
                    raise
                break  # what was to be replaced is there no more
        raise PreconditionFailed(key)

    def _tag_of(self, key: str, write: str, seconds: float) -> str | None:
        """The tag of the object at key if this write made it and S3 answers in time."""
        with suppress(KeyMissing, Unavailable, TimeoutError):
            head = time_limit.within(seconds, lambda: self._head(key))
            if head["Metadata"].get(_WRITE) == write:
                return str(head["ETag"])
        return None

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


def in_time(**settings: Any) -> "Config":
    """Settings of boto3's clients by which there is time for a second try within CALL_SECONDS."""
    from botocore.config import Config

    return Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        **settings,
    )


def limited[T](call: Callable[[], T], size: int = 0) -> T:
    """What a call of AWS returns that moves so many bytes. Raises TimeoutError."""
    seconds = CALL_SECONDS + size / BYTES_PER_SECOND
    return time_limit.within(min(seconds, time_limit.left()), call)


def _object(answer: Mapping[str, Any]) -> Object:
    return Object(answer["Body"], answer["ETag"])


def _age(answer: Mapping[str, Any]) -> float:
    """Seconds from when an object was written to when it was read, both as S3 tells them."""
    from email.utils import parsedate_to_datetime

    at = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    read: datetime = parsedate_to_datetime(at) if at else times.now()
    written: datetime = answer["LastModified"]
    return max(0.0, (read - written).total_seconds())


def content_key(prefix: str, sha256: str, name: str, deletions: int = 0) -> str:
    """Where a file of a version is: at a key that belongs to its content.

    A run that was stopped and wakes up later can only write there what is there. Where a version
    of the same name may have been deleted, the number of the last deletion sets the files of both
    apart: S3 may perform a removal late.

    >>> content_key("models/churn/versions/v1/", "9f86d081884c7d65" + 48 * "0", "model.onnx")
    'models/churn/versions/v1/9f86d081884c7d65/model.onnx'
    >>> content_key("datasets/churn/v1/", "9f86d081884c7d65" + 48 * "0", "test.arrow", 17645)
    'datasets/churn/v1/9f86d081884c7d65-17645/test.arrow'
    """
    after = f"-{deletions}" if deletions else ""
    return f"{prefix}{sha256[:16]}{after}/{name}"


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
        if status == 409:
            raise _Busy(key) from None
        if status in (304, 412):
            raise PreconditionFailed(key) from None
        if status == 429 or status >= 500:
            raise Unavailable(f"S3 failed on {key!r} ({status}). Try again later.") from error
        raise
    except (BotoCoreError, Boto3Error, TimeoutError) as error:
        raise Unavailable(f"S3 cannot be reached for {key!r}. Try again later.") from error


def _status(error: Any) -> int:
    """The HTTP status that a botocore ClientError stands for."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
