"""Runs that are stopped for longer than their lease, and wake up when others have their job."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from common.jobs import Lease
from common.jobs.failures import LEASE_SECONDS
from common.store import Store
from tests.unit.function import BUCKET


def silent(bucket: str, key: str, seconds: float) -> None:
    """Makes S3 say that an object was last written so long ago."""
    written = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys[key]
    written.last_modified = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=seconds)


def stall(
    monkeypatch: pytest.MonkeyPatch, write: str, meanwhile: Callable[[], object]
) -> list[str]:
    """The next run is stopped, its heartbeat too, right before it writes a key that ends so.

    Returns the list that the key is in once that has happened.
    """
    leases: list[Lease] = []
    stopped: list[str] = []
    enter, put, upload = Lease.__enter__, Store.put, Store.upload

    def entered(lease: Lease) -> Lease:
        leases.append(lease)
        return enter(lease)

    def stop(key: str) -> None:
        if not key.endswith(write) or stopped:
            return
        stopped.append(key)
        with leases[0]._lock:
            silent(BUCKET, leases[0]._key, LEASE_SECONDS + 1)
            meanwhile()

    def late_put(self: Store, key: str, body: bytes, **condition: Any) -> str:
        stop(key)
        return put(self, key, body, **condition)

    def late_upload(self: Store, path: Any, key: str, *tags: Any) -> None:
        stop(key)
        upload(self, path, key, *tags)

    monkeypatch.setattr(Lease, "__enter__", entered)
    monkeypatch.setattr(Store, "put", late_put)
    monkeypatch.setattr(Store, "upload", late_upload)
    return stopped
