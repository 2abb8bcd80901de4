"""S3."""

import re
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, FakeKey, S3Backend, s3_backends
from moto.s3.responses import S3Response
from moto.s3.utils import _VersionedKeyStore

from local.lambda_runtime.functions import ACCOUNT_ID
from local.moto_patches.patch import Patch
from local.wsgi import App, Environ, StartResponse, raw_path

_writes = threading.Lock()
"""Held by whoever writes or deletes on a condition."""


def bucket_policy() -> Patch:
    def replacement(self: Any, action: str, resource: str) -> PermissionResult:
        return PermissionResult.NEUTRAL

    return Patch(
        FakeBucket,
        "get_permission",
        replacement,
        "moto evaluates bucket policies without Condition and Principal, so that the statement "
        "which denies requests without TLS denies every request",
    )


def list_versions_while_others_delete() -> Patch:
    original = S3Backend.list_object_versions

    def replacement(self: Any, *args: Any, **kwargs: Any) -> Any:
        while True:
            try:
                return original(self, *args, **kwargs)
            except (TypeError, RuntimeError):  # another thread has changed the bucket meanwhile
                continue

    return Patch(
        S3Backend,
        "list_object_versions",
        replacement,
        "moto goes through a bucket's versions while other requests, of a destroy for one, "
        "delete them, and answers 500",
    )


def delete_what_was_meant() -> Patch:
    original = S3Response._bucket_response_delete_keys

    def replacement(self: Any, bucket_name: str, authenticated: bool = True) -> Any:
        with _writes:
            return deleted(self, bucket_name, authenticated)

    def deleted(self: Any, bucket_name: str, authenticated: bool) -> Any:
        document = ElementTree.fromstring(self.body)
        failed = []
        for entry in document.findall("{*}Object"):
            key, meant = (entry.findtext(f"{{*}}{name}", "") for name in ("Key", "ETag"))
            if not meant:
                continue
            found = self.backend.get_object(bucket_name, key)
            if found is None or found.etag.strip('"') != meant.strip('"'):
                failed.append((key, "PreconditionFailed" if found else "NoSuchKey"))
                document.remove(entry)
        if not failed:
            return original(self, bucket_name, authenticated)
        answer = ElementTree.Element("DeleteResult")
        if document.find("{*}Object") is not None:
            namespace = document.tag[1:].partition("}")[0]
            self.body = ElementTree.tostring(document, default_namespace=namespace)
            _, _, body = original(self, bucket_name, authenticated)
            answer = ElementTree.fromstring(body)
        for key, code in failed:
            error = ElementTree.SubElement(answer, "Error")
            for name, value in (("Key", key), ("Code", code), ("Message", code)):
                ElementTree.SubElement(error, name).text = value
        return 200, {"content-type": "application/xml"}, ElementTree.tostring(answer)

    return Patch(
        S3Response,
        "_bucket_response_delete_keys",
        replacement,
        "moto removes an object whatever the ETag of it that DeleteObjects names",
    )


def forget_delete_markers() -> Patch:
    def replacement(self: Any, key: str) -> None:
        for version in self.getlist(key, []):
            if isinstance(version, FakeKey):
                version.dispose()
        dict.pop(self, key)

    return Patch(
        _VersionedKeyStore,
        "pop",
        replacement,
        "moto cannot empty a bucket that is versioned no more of what was deleted while it was",
    )


def close_silently() -> Patch:
    def replacement(self: Any) -> None:
        self.dispose()

    return Patch(
        FakeKey,
        "__del__",
        replacement,
        "moto warns of an object that goes without having been disposed of, and relies on keeping "
        "all of them",
    )


def put_one_at_a_time() -> Patch:
    original = S3Response._key_response

    def replacement(self: Any, request: Any, full_url: str) -> Any:
        if request.method in ("GET", "HEAD"):
            return original(self, request, full_url)
        with _writes:
            return original(self, request, full_url)

    return Patch(
        S3Response,
        "_key_response",
        replacement,
        "moto tests If-Match and If-None-Match and writes or deletes in two steps, between which "
        "other requests write",
    )


def ranged_reads(app: App) -> App:
    """`app` (moto), with parts of objects read as parts.

    moto reads the whole object for each part, so that a download of 1 GB in ten threads, as
    boto3 makes it, holds 10 GB. Here moto answers as for HEAD, and the part is read from its file.
    """

    def ranged(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or "HTTP_RANGE" not in environ:
            return app(environ, start_response)
        started: list[Any] = []
        head = {**environ, "REQUEST_METHOD": "HEAD"}
        list(app(head, lambda *arguments: started.append(arguments)))
        status, headers = started[0][:2]
        span = re.match(r"bytes (\d+)-(\d+)/", dict(headers).get("content-range", ""))
        if not status.startswith("206") or span is None:
            return app(environ, start_response)
        start_response(status, headers)
        return [_part(environ, int(span[1]), int(span[2]))]

    return ranged


def _part(environ: Environ, begin: int, end: int) -> bytes:
    bucket, _, key = raw_path(environ).lstrip("/").partition("/")
    version = parse_qs(environ.get("QUERY_STRING", "")).get("versionId", [None])[0]
    backend = s3_backends[ACCOUNT_ID]["aws"]
    found = backend.get_object(unquote(bucket), unquote(key), version_id=version)
    assert found is not None
    with found.lock:
        found._value_buffer.seek(begin)
        return bytes(found._value_buffer.read(end - begin + 1))
