"""Folders of one's own: those of dead runs go, those of living ones stay, however new."""

import fcntl
from pathlib import Path
from typing import IO

import pytest

from common.scratch import scratch_folder


def test_a_folder_goes_with_its_run_or_with_the_next_one(tmp_path: Path) -> None:
    with pytest.raises(KeyError), scratch_folder(tmp_path, "training") as folder:
        raise KeyError
    assert not folder.exists()
    dead = tmp_path / "training-dead"
    dead.mkdir()
    (dead / "lock").touch()
    with scratch_folder(tmp_path, "training") as one, scratch_folder(tmp_path, "training") as other:
        assert one.exists()
        assert other.exists()
        assert not dead.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_locked_yet_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def raced(lock: IO[str], operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        with scratch_folder(tmp_path, "training"):  # a run that begins in between
            pass
        flock(lock, operation)

    monkeypatch.setattr(fcntl, "flock", raced)
    with scratch_folder(tmp_path, "training") as folder:
        assert (folder / "lock").exists()
