"""The S3 in memory of the fault tests answers as moto's does."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from common.store import ABSENT, KeyMissing, PreconditionFailed, Store
from local.moto_patches.patch import applied
from local.moto_patches.s3 import delete_what_was_meant
from tests.faults.patches import deployed
from tests.faults.s3 import BUCKET
from tests.faults.world import World


@dataclass
class Both:
    folder: Path

    def answers(self, act: Callable[[Store, Path], Any]) -> list[Any]:
        found = []
        with deployed() as deployment:
            world = deployment.world = World(self.folder)
            with world.process():
                found.append(self._of(act, Store(BUCKET)))
        with mock_aws(), applied([delete_what_was_meant()]):
            client = boto3.client("s3", region_name="us-east-1")
            client.create_bucket(Bucket=BUCKET)
            found.append(self._of(act, Store(BUCKET, client=client)))
        return found

    def _of(self, act: Callable[[Store, Path], Any], store: Store) -> Any:
        try:
            return act(store, self.folder / "file")
        except (KeyMissing, PreconditionFailed) as error:
            return repr(error)


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Both:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    return Both(tmp_path)


def replaced(store: Store, file: Path) -> Any:
    made = store.put("key", b"1", expected=ABSENT)
    moved = store.put("key", b"2", expected=made)
    return made, moved, store.get("key"), store.get_if_changed("key", moved), store.size("key")


def listed(store: Store, file: Path) -> Any:
    for key in ("a/1/x", "a/1/é y&", "a/2/x", "b", "a"):
        store.put(key, key.encode())
    every = [(entry.key, entry.size) for entry in store.list("")]
    store.delete(["a/2/x", "nothing"])
    times = [re.sub(r"\d", "0", entry.modified) for entry in store.list("b")]
    return every, list(store.list("none")), list(store.children("a/")), times


def removed(store: Store, file: Path) -> Any:
    for key in ("a", "b", "c", "d"):
        store.put(key, b"1")
    entries = list(store.list(""))
    store.put("b", b"2")
    store.delete(["c"])
    answer = store._client.delete_objects(
        Bucket=BUCKET,
        Delete={"Objects": [{"Key": entry.key, "ETag": entry.etag} for entry in entries[:3]]},
    )
    store.delete_listed(entries[1:])
    failed = {(error["Key"], error["Code"]) for error in answer["Errors"]}
    return failed, [(entry.key, entry.etag) for entry in store.list("")]


def filed(store: Store, file: Path) -> Any:
    file.write_bytes(b"content" * 1000)
    store.upload(file, "raw/file", {"kind": "test"})
    store.tag("raw/file", {"kind": "other"})
    store.download("raw/file", file.with_name("down"))
    first = store.bury("raw/file", "now", "somebody é")
    then = store.bury("raw/file", "later", "nobody")
    return file.with_name("down").read_bytes(), first, then, store.get("raw/file")


ACTS: dict[str, Callable[[Store, Path], Any]] = {
    "replaced": replaced,
    "listed": listed,
    "removed": removed,
    "filed": filed,
    "missing": lambda store, file: store.get("nothing"),
    "missing size": lambda store, file: store.size("nothing"),
    "missing file": lambda store, file: store.download("nothing", file),
    "there already": lambda store, file: [store.put("k", b"", expected=ABSENT) for _ in range(2)],
    "elsewhere": lambda store, file: [store.put("k", b"1"), store.put("k", b"2", expected='"x"')],
    "gone": lambda store, file: store.put("k", b"2", expected='"x"'),
}


@pytest.mark.parametrize("name", ACTS)
def test_the_answers_are_the_same(both: Both, name: str) -> None:
    ours, motos = both.answers(ACTS[name])
    assert ours == motos
