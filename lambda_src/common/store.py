"""S3 as a key-value store with conditional writes.

Objects that are written once are written with `If-None-Match: *`, pointers with `If-Match`. S3
answers 412 where the condition fails, and 409 while another write of the key is in progress. The
keys of files follow from their content, so that writing a file again changes nothing.
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
"""The metadata of the empty object that replaces a deleted one."""

_WRITE = "write"
"""The metadata that identifies a conditional write, even among others with the same body."""

CALL_SECONDS = 12.0
"""Seconds for a call with its retries: less than a job's lease, and than the API waits."""

BYTES_PER_SECOND = 500_000
"""The slowest transfer of an object's bytes; its time is added to that of the call."""

_CONNECT_SECONDS = 2.0
_READ_SECONDS = 5.0
"""Seconds without a byte after which a connection counts as lost."""

_ATTEMPTS = 3
_BUSY_WAITS = (0.05, 0.2, 0.0)
"""Seconds to wait after each write that met another write in progress."""

_NOT_AS_LISTED = ("NoSuchKey", "PreconditionFailed")
"""S3's error codes for an object that is gone or has changed."""

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
    """Another write of the object is in progress; its outcome is not known yet."""


class Object(msgspec.Struct, frozen=True):
    """An object's bytes and the tag that changes whenever they do."""

    body: bytes
    etag: str


class Presigned(msgspec.Struct, frozen=True):
    """A URL, the headers that a request to it must have, and the seconds until it expires."""

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
    """The methods that read a bucket; those of Store describe them."""

    def get(self, key: str) -> Object: ...

    def get_if_changed(self, key: str, etag: str) -> Object | None: ...

    def list(self, prefix: str, after: str = "", at_once: int = PAGE) -> Iterator[Entry]: ...

    def children(self, prefix: str, after: str = "", at_once: int = PAGE) -> Iterator[str]: ...


class Store:
    """A bucket, or the objects below a prefix of it. Keys never contain that prefix.

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
            config=client_config(
                signature_version="s3v4",
                # Otherwise presigned URLs name the global host, which redirects to other regions,
                # where their signature is not valid.
                s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
            ),
        )
        # The thread of a call that was given up may still run. It must send no more retries: they
        # could remove or overwrite objects that were made anew since.
        client.meta.events.register("before-send.s3", time_limit.check)
        return client

    def get(self, key: str) -> Object:
        """The object at key. Raises KeyMissing."""
        return _object(self._read(key, lambda: self._get(key)))

    def get_with_age(self, key: str) -> tuple[Object, float]:
        """The object at key, and the seconds since it was written. Raises KeyMissing.

        Both times are S3's own, in whole seconds, so no other clock has to be right.
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

        expected is ABSENT, a tag that the object must still have, or None for any state. Raises
        PreconditionFailed in another state. This call may have caused that state itself: if S3
        failed after the write, the retry meets what the first try wrote. Then it succeeds.
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
        """The objects below prefix with keys behind `after`, in key order.

        Each call of S3 lists at_once objects.
        """
        for page in self._pages(prefix, after, at_once):
            for item in page.get("Contents", ()):
                key = item["Key"].removeprefix(self._prefix)
                yield Entry(key, item["Size"], times.text(item["LastModified"]), item["ETag"])

    def children(self, prefix: str, after: str = "", at_once: int = PAGE) -> Iterator[str]:
        """The names directly below prefix (which ends in a slash) that have keys below them.

        Only keys behind `after` count. Each call of S3 lists at_once names.
        """
        for page in self._pages(prefix, after, at_once, Delimiter="/"):
            for item in page.get("CommonPrefixes", ()):
                yield item["Prefix"][len(self._prefix + prefix) : -1]

    def size(self, key: str) -> int:
        """The size of the object at key in bytes. Raises KeyMissing, also for a buried object."""
        head = self._head(key)
        if _buried(head):
            raise KeyMissing(key)
        return int(head["ContentLength"])

    def bury(self, key: str, at: str, by: str) -> tuple[str, str]:
        """Replaces an object with an empty one whose metadata has the time and the caller.

        The object stays, so that a presigned URL, which only writes where no object is, cannot
        bring it back. Returns time and caller of the first deletion. Raises KeyMissing.
        """
        from urllib.parse import quote

        about = dict(zip(_BURIED, (at, quote(by)), strict=True))
        while (found := _buried(head := self._head(key))) is None or head["ContentLength"]:
            with suppress(PreconditionFailed):  # this call's own write, or a new object
                self._put(key, b"", {"IfMatch": head["ETag"], "Metadata": about})
                return at, by
        return found

    def make_tag_unique(self, key: str, expected: str) -> str:
        """Gives a buried object a unique tag and returns it.

        expected is its current tag. All empty objects have the same tag. So a late write that
        expects it would also succeed after another deletion. The object stays buried. Raises
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
        """Copies an object of any size to a file, without a time limit while bytes arrive.

        Raises KeyMissing, also if the object is buried meanwhile, and Unavailable if it is written
        again between two of its parts.
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
        """Copies a file of any size to key, without a time limit while bytes are sent.

        It overwrites whatever is there. So use it only for keys that follow from the content.
        """
        from urllib.parse import urlencode

        more = {"Tagging": urlencode(tags)} if tags else {}
        with _translated(key):
            self._client.upload_file(str(path), **self._at(key), ExtraArgs=more)

    def delete(self, keys: Sequence[str]) -> None:
        """Removes up to a thousand objects; missing ones are ignored."""
        self._delete([{"Key": self._prefix + key} for key in keys])

    def delete_listed(self, entries: Sequence[Entry]) -> None:
        """Removes up to a thousand listed objects, except those that were written again since.

        So it does no harm if S3 performs this call after it was given up.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
        """
        self._delete([{"Key": self._prefix + entry.key, "ETag": entry.etag} for entry in entries])

    def delete_unchanged(self, key: str, etag: str) -> None:
        """Removes an object if it still has this tag."""
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
        """Replaces the tags of an object. Raises KeyMissing."""
        tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
        put = self._client.put_object_tagging
        with _translated(key):
            limited(lambda: put(**self._at(key), Tagging={"TagSet": tag_set}))

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
        """S3's answer, with its body as bytes."""
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
                break  # the object to be replaced is gone
        raise PreconditionFailed(key)

    def _tag_of(self, key: str, write: str, seconds: float) -> str | None:
        """The tag of the object at key if this write made it and S3 answers in time."""
        with suppress(KeyMissing, Unavailable, TimeoutError):
            head = time_limit.within(seconds, lambda: self._head(key))
            if head["Metadata"].get(_WRITE) == write:
                return str(head["ETag"])
        return None

    def _read[T](self, key: str, action: Callable[[], T]) -> T:
        """The result of action, with our errors. Distinguishes a missing key from a forbidden one.

        S3 answers 403 for a missing key if a role may not list the whole bucket. So the key is
        listed: if it is absent, KeyMissing is raised. If it is present, it may have been written
        meanwhile, and only a second 403 means that it is forbidden.
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

        The object must have exactly size bytes; None allows any size that S3 takes at once.
        """
        headers = {"If-None-Match": "*"}
        conditions: dict[str, str | int] = {"IfNoneMatch": "*"}
        if size is not None:
            headers["Content-Length"] = str(size)
            conditions["ContentLength"] = size
        client = self._client
        lasting = _valid_seconds(seconds)
        url = client.generate_presigned_url("put_object", {**self._at(key), **conditions}, lasting)
        return Presigned(url, headers, lasting)


def _valid_seconds(seconds: int) -> int:
    """So many seconds, or fewer if the signing credentials are known to expire before.

    Lambda reports their expiry only with SnapStart.
    """
    import boto3

    session = boto3.DEFAULT_SESSION
    credentials = session.get_credentials() if session is not None else None
    ends_within = getattr(credentials, "refresh_needed", None)
    if ends_within is None:
        return seconds
    return next((part for part in range(seconds, 0, -60) if not ends_within(part)), 1)


def impossible(key: str) -> str | None:
    """Why S3 cannot have such a key, with the bucket's prefix; None if it can."""
    try:
        size = len((data_prefix() + key).encode())
    except UnicodeEncodeError:
        return "it has half a surrogate pair, which is no character"
    if size > MAX_KEY_BYTES:
        return f"no key has more than {MAX_KEY_BYTES:,} bytes, the prefix included"
    return "no key has a NUL in it" if "\0" in key else None


def _buried(head: Mapping[str, Any]) -> tuple[str, str] | None:
    """When and by whom an object was buried, by its metadata; None if it is not buried."""
    from urllib.parse import unquote

    at, by = (head.get("Metadata", {}).get(name) for name in _BURIED)
    return None if at is None or by is None else (at, unquote(by))


def client_config(**settings: Any) -> "Config":
    """Settings of a boto3 client that leave time for a second try within CALL_SECONDS."""
    from botocore.config import Config

    return Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        **settings,
    )


def limited[T](call: Callable[[], T], size: int = 0) -> T:
    """The result of a call of AWS that transfers `size` bytes. Raises TimeoutError."""
    seconds = CALL_SECONDS + size / BYTES_PER_SECOND
    return time_limit.within(min(seconds, time_limit.left()), call)


def _object(answer: Mapping[str, Any]) -> Object:
    return Object(answer["Body"], answer["ETag"])


def _age(answer: Mapping[str, Any]) -> float:
    """The seconds between the writing and the reading of an object, both by S3's clock."""
    from email.utils import parsedate_to_datetime

    at = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    read: datetime = parsedate_to_datetime(at) if at else times.now()
    written: datetime = answer["LastModified"]
    return max(0.0, (read - written).total_seconds())


def content_key(prefix: str, sha256: str, name: str, deletions: int = 0) -> str:
    """The key of a version's file, which follows from its content.

    A run that was stopped and continues late can only write the same content there. deletions is
    the number of the last deletion. It gives new keys to a version that is made anew after a
    deletion, because S3 may perform the removal of the old files late.

    >>> content_key("models/churn/versions/v1/", "9f86d081884c7d65" + 48 * "0", "model.onnx")
    'models/churn/versions/v1/9f86d081884c7d65/model.onnx'
    >>> content_key("datasets/churn/v1/", "9f86d081884c7d65" + 48 * "0", "test.arrow", 17645)
    'datasets/churn/v1/9f86d081884c7d65-17645/test.arrow'
    """
    after = f"-{deletions}" if deletions else ""
    return f"{prefix}{sha256[:16]}{after}/{name}"


def deletions_of(key: str) -> int:
    """The number of the last deletion that a content key was made with.

    >>> deletions_of("datasets/churn/v1/9f86d081884c7d65-17645/test.arrow")
    17645
    >>> deletions_of("datasets/churn/v1/9f86d081884c7d65/test.arrow")
    0
    """
    number = key.split("/")[-2].partition("-")[2]
    return int(number) if number.isdecimal() else 0


def _condition(expected: str) -> dict[str, str]:
    return {"IfNoneMatch": "*"} if expected == ABSENT else {"IfMatch": expected}


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """Raises botocore's errors as ours."""
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
    """The HTTP status of a botocore ClientError."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
