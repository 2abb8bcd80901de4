"""Requests for processing and uploads, checked before a job is recorded."""

import contextlib
import hashlib
import re
import unicodedata
import uuid
from datetime import timedelta
from pathlib import PurePath
from typing import Annotated, Any

import msgspec

import tasks
from common import settings, times
from common.decoding import (
    MAX_COLUMNS,
    MAX_OBJECTS,
    ColumnName,
    Filename,
    Key,
    Name,
    convert,
)
from common.problems import both, invalid
from common.sources import check_uploaded
from common.store import ABSENT, KeyMissing, PreconditionFailed, Store

UPLOAD_SECONDS = 900
"""Seconds within which an upload has to begin; it may end later."""

_FILENAME = re.compile(r"\w[\w .,()+@=-]*")
_FILENAME_BYTES = 255

_CSV = "CSV, or .xlsx"
_UNPACKED = "the file within it, plain or compressed with gzip"
_TABLE = "CSV, JSON Lines or Parquet"
_SENT_INSTEAD = {
    **dict.fromkeys((".xls", ".xlsb", ".xlt", ".ods", ".numbers", ".gsheet"), _CSV),
    **dict.fromkeys((".zst", ".bz2", ".xz", ".7z", ".rar", ".lz4", ".br", ".z"), _UNPACKED),
    **dict.fromkeys((".pdf", ".doc", ".docx", ".ppt", ".pptx", ".rtf", ".odt"), _TABLE),
    **dict.fromkeys((".sqlite", ".sqlite3", ".db", ".duckdb", ".mdb", ".accdb"), _TABLE),
    **dict.fromkeys((".feather", ".arrow", ".orc", ".avro", ".h5", ".hdf5"), _TABLE),
    **dict.fromkeys((".sav", ".dta", ".sas7bdat", ".rds", ".rdata", ".mat", ".npy"), _TABLE),
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".exe", ".html", ".htm"), _TABLE),
}
"""Endings of file names that no task reads, and what to send instead."""


type Row = Annotated[dict[ColumnName, Any], msgspec.Meta(max_length=MAX_COLUMNS)]


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the data is: an object in the bucket, or the request itself."""

    key: Key | None = None
    rows: Annotated[list[Row], msgspec.Meta(min_length=1, max_length=MAX_OBJECTS)] | None = None

    def __post_init__(self) -> None:
        if (self.key is None) == (self.rows is None):
            raise ValueError("give either key or rows")


class ProcessingRequest(msgspec.Struct, frozen=True):
    """The part of a request that is the same for all tasks."""

    dataset: Name
    source: Source
    task: tasks.TaskName


class _OfTask(msgspec.Struct, frozen=True):
    """The field of a request that decides which options it may have."""

    task: tasks.TaskName


class UploadRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The dataset and the name of a file to upload.

    With bytes, only a file of exactly that size can be sent.
    """

    dataset: Name
    filename: Filename
    bytes: Annotated[int, msgspec.Meta(ge=0, le=settings.S3_UPLOAD_BYTES)] | None = None


class CheckedRequest(msgspec.Struct, frozen=True):
    """A request that was checked.

    record is what the job stores of it. rows are its inline rows as JSON Lines, None where the
    request names a key.
    """

    record: dict[str, Any]
    rows: bytes | None


def read(body: Any) -> CheckedRequest:
    """Checks a request. Raises Unprocessable with a pointer to each field that is wrong."""
    request, options = both(lambda: convert(body, ProcessingRequest), lambda: options_of(body))
    key, rows = _source(request)
    record = {
        "dataset": request.dataset,
        "source": {"key": key},
        "task": request.task,
        **msgspec.to_builtins(options),
    }
    return CheckedRequest(record, rows)


def provide(store: Store, checked: CheckedRequest) -> None:
    """Stores inline rows, or checks that the key names an upload. Raises Unprocessable if not."""
    key = checked.record["source"]["key"]
    if checked.rows is None:
        check_uploaded(store, key, ["source", "key"])
    else:
        _store_rows(store, key, checked.rows)


def options_of(body: Any) -> msgspec.Struct:
    """The task's own options: all fields of a request but those that every task has.

    Raises Unprocessable where an option does not fit, and where the task is missing or unknown.
    """
    task = convert(body, _OfTask).task
    common = ProcessingRequest.__struct_fields__
    rest = {name: value for name, value in body.items() if name not in common}
    return convert(rest, tasks.task(task).processing_options)


def create_upload(store: Store, body: Any, most: int = settings.S3_UPLOAD_BYTES) -> dict[str, Any]:
    """A new key for a file, and a presigned URL to which the file can be sent once.

    most is the largest size in bytes that a request may name. Raises Unprocessable with a pointer
    to each field that does not fit.
    """
    request = convert(body, UploadRequest)
    filename, _ = both(
        lambda: _filename(request.filename), lambda: _check_size(request.bytes, most)
    )
    key = f"raw/{request.dataset}/{uuid.uuid4().hex}/{filename}"
    at = times.now()
    target = store.presigned_put(key, UPLOAD_SECONDS, request.bytes)
    expires_at = at + timedelta(seconds=target.seconds)
    return {
        "key": key,
        "url": target.url,
        "method": "PUT",
        "headers": target.headers,
        "expires_in": target.seconds,
        "expires_at": times.text(expires_at, "seconds"),
        "max_bytes": most if request.bytes is None else request.bytes,
    }


def _check_size(size: int | None, most: int) -> None:
    """Raises Unprocessable for a file that is too large, or whose size only S3 would bound."""
    if size is None and most < settings.S3_UPLOAD_BYTES:
        raise invalid(["bytes"], f"give the size of the file: {most:,} bytes is the most here")
    if size is not None and size > most:
        raise invalid(["bytes"], f"a file of {size:,} bytes is too large: {most:,} is the most")


def _filename(name: str) -> str:
    normal = unicodedata.normalize("NFC", name)
    if not _FILENAME.fullmatch(normal) or len(normal.encode()) > _FILENAME_BYTES:
        raise invalid(
            ["filename"],
            f"{name!r:.80} is not a plain file name: begin with a letter or a digit, use "
            f"letters, digits, spaces and .,()+@=_-, {_FILENAME_BYTES} bytes at most",
        )
    ending = PurePath(normal.lower()).suffix
    if (instead := _SENT_INSTEAD.get(ending)) is not None:
        raise invalid(["filename"], f"{ending} files are not read: send {instead}")
    return normal


def _source(request: ProcessingRequest) -> tuple[str, bytes | None]:
    """The key of the data, and the inline rows as JSON Lines, if the request has rows.

    The key of inline rows follows from their content: the same rows have the same key.
    """
    if request.source.key is not None:
        return request.source.key, None
    rows = request.source.rows or ()
    try:
        body = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    except (TypeError, ValueError, RecursionError) as error:
        reason = "a row is nested too deep, or has text that is not Unicode"
        raise invalid(["source", "rows"], reason) from error
    return f"raw/{request.dataset}/inline-{hashlib.sha256(body).hexdigest()}/rows.jsonl", body


def _store_rows(store: Store, key: str, body: bytes) -> None:
    """Stores rows at their key.

    Every write has a condition on the current object, so that a write that is late cannot bring
    rows back that were deleted meanwhile.
    """
    expected = ABSENT
    while True:
        with contextlib.suppress(PreconditionFailed):
            store.put(key, body, expected=expected)
            return
        expected = ABSENT
        with contextlib.suppress(KeyMissing, PreconditionFailed):
            stored_object = store.get(key)
            if stored_object.body == body:  # the same rows are stored already
                return
            expected = (
                stored_object.etag
                if stored_object.body
                else store.make_tag_unique(key, stored_object.etag)
            )
