"""An S3 in memory, with a clock of its own.

It is as much of S3 as the functions use. test_s3.py compares its answers with moto's.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.etree import ElementTree

from common import times
from common.store import Entry, KeyMissing, Object

BUCKET = "data"
_START = 1_767_225_600.0
"""Where clocks begin: the same in every run, so that the names of versions are the same."""

_PAGE = 1000
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Clock:
    """The time of S3, and of whoever is not said to have another one. It never goes by itself."""

    def __init__(self) -> None:
        self.now = _START


@dataclass(frozen=True)
class Stored:
    """An object, when it was written, and what was said of it."""

    body: bytes
    written: float
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}"'


@dataclass(frozen=True)
class Request:
    """A request of HTTP; header names are in lower case, and the path is not percent-encoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, method: str, url: str, headers: Mapping[str, str], body: bytes) -> "Request":
        target = urlsplit(url)
        query = {name: one[0] for name, one in parse_qs(target.query, True).items()}
        return cls(method, unquote(target.path), query, headers, body)

    @property
    def key(self) -> str:
        """The key of an object, empty for requests of the bucket or of another service."""
        _, _, key = self.path.removeprefix("/").partition("/")
        return key if self.path.startswith(f"/{BUCKET}/") else ""

    @property
    def access_key(self) -> str:
        """Who signs."""
        return self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]


@dataclass(frozen=True)
class Reply:
    """An answer of HTTP, or what of it comes.

    part: a half, and then the connection is closed; closed: nothing; silent: nothing, and the
    connection stays open.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: Literal["whole", "part", "closed", "silent"] = "whole"


def error(status: int, code: str) -> Reply:
    """An error as S3 renders it."""
    document = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return Reply(status, document.encode(), {"Content-Type": "application/xml"})


class S3:
    """One bucket. It is read directly, too, as common.store.Reader says."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.objects: dict[str, Stored] = {}

    def answer(self, request: Request) -> Reply:
        """What S3 answers; headers of every answer have its time."""
        reply = self._answer(request)
        headers = {"Date": formatdate(self.clock.now, usegmt=True), **reply.headers}
        return Reply(reply.status, reply.body, headers)

    def write(self, key: str, body: bytes) -> None:
        """Puts an object there, as somebody with access to the bucket may."""
        self.objects[key] = Stored(body, self.clock.now)

    def get(self, key: str) -> Object:
        if key not in self.objects:
            raise KeyMissing(key)
        found = self.objects[key]
        return Object(found.body, found.etag)

    def get_if_changed(self, key: str, etag: str) -> Object | None:
        found = self.get(key)
        return None if found.etag == etag else found

    def list(self, prefix: str, after: str = "", at_once: int = _PAGE) -> Iterator[Entry]:
        for key, found in sorted(self.objects.items()):
            if key.startswith(prefix) and key > after:
                yield Entry(key, len(found.body), _written(found), found.etag)

    def children(self, prefix: str, after: str = "", at_once: int = _PAGE) -> Iterator[str]:
        keys = (key for key in self.objects if key.startswith(prefix) and key > after)
        below = {key[len(prefix) :] for key in keys}
        yield from sorted({key.split("/")[0] for key in below if "/" in key})

    def _answer(self, request: Request) -> Reply:
        match request.method:
            case "GET" if not request.key:
                return self._listed(request.query)
            case "GET" | "HEAD":
                return self._read(request)
            case "PUT" if "tagging" in request.query:
                return Reply(200) if request.key in self.objects else error(404, "NoSuchKey")
            case "PUT":
                return self._written(request)
            case "POST" if "delete" in request.query:
                return self._deleted(request.body)
        return error(501, "NotImplemented")

    def _read(self, request: Request) -> Reply:
        found = self.objects.get(request.key)
        if found is None:
            return error(404, "NoSuchKey")
        headers = {
            "ETag": found.etag,
            "Last-Modified": formatdate(found.written, usegmt=True),
            **{f"x-amz-meta-{name}": value for name, value in found.metadata.items()},
        }
        if request.headers.get("if-none-match") == found.etag:
            return Reply(304, b"", headers)
        if request.headers.get("if-match") not in (None, found.etag):
            return error(412, "PreconditionFailed")
        if "range" in request.headers:
            return error(501, "NotImplemented")
        return Reply(200, found.body, headers)

    def _written(self, request: Request) -> Reply:
        if request.headers.get("content-encoding", "").startswith("aws-chunked"):
            return error(501, "NotImplemented")
        found, expected = self.objects.get(request.key), request.headers.get("if-match")
        if found is None and expected is not None:
            return error(404, "NoSuchKey")
        if found is not None and expected not in (None, found.etag):
            return error(412, "PreconditionFailed")
        if found is not None and request.headers.get("if-none-match") == "*":
            return error(412, "PreconditionFailed")
        given = request.headers.get("content-md5")
        if given and base64.b64decode(given) != hashlib.md5(request.body).digest():
            return error(400, "BadDigest")
        metadata = {
            name.removeprefix("x-amz-meta-"): value
            for name, value in request.headers.items()
            if name.startswith("x-amz-meta-")
        }
        made = Stored(request.body, self.clock.now, metadata)
        self.objects[request.key] = made
        return Reply(200, b"", {"ETag": made.etag})

    def _deleted(self, body: bytes) -> Reply:
        answer = ElementTree.Element("DeleteResult", xmlns=_NAMESPACE)
        for asked in ElementTree.fromstring(body).iterfind("{*}Object"):
            key, meant = asked.findtext("{*}Key", ""), asked.findtext("{*}ETag")
            found = self.objects.get(key)
            if meant is None or (found is not None and found.etag == meant):
                self.objects.pop(key, None)
                continue
            failed = ElementTree.SubElement(answer, "Error")
            _add(failed, "Key", key)
            _add(failed, "Code", "NoSuchKey" if found is None else "PreconditionFailed")
        return Reply(200, ElementTree.tostring(answer))

    def _listed(self, query: Mapping[str, str]) -> Reply:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token", query.get("start-after", ""))
        most = min(_PAGE, int(query.get("max-keys", _PAGE)))
        document = ElementTree.Element("ListBucketResult", xmlns=_NAMESPACE)
        is_url = query.get("encoding-type") == "url"
        if is_url:
            _add(document, "EncodingType", "url")
        shown: set[str] = set()
        is_truncated = False
        for key, found in sorted(self.objects.items()):
            if not key.startswith(prefix) or key <= after or _is_below(key, after):
                continue
            if len(shown) == most:
                is_truncated = True
                _add(document, "NextContinuationToken", max(shown))
                break
            head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            name = prefix + head + cut if cut else key
            if name in shown:
                continue
            shown.add(name)
            written = quote(name, safe="/") if is_url else name
            entry = ElementTree.SubElement(document, "CommonPrefixes" if cut else "Contents")
            if cut:
                _add(entry, "Prefix", written)
                continue
            _add(entry, "Key", written)
            _add(entry, "Size", str(len(found.body)))
            _add(entry, "LastModified", _written(found))
            _add(entry, "ETag", found.etag)
        _add(document, "IsTruncated", str(is_truncated).lower())
        return Reply(200, ElementTree.tostring(document), {"Content-Type": "application/xml"})


def _is_below(key: str, name: str) -> bool:
    """Whether a key was listed as a part of a name that others share with it."""
    return name.endswith("/") and key.startswith(name)


def _written(found: Stored) -> str:
    at = datetime.fromtimestamp(int(found.written), UTC)
    return times.text(at)


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text
