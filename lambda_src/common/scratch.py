"""Temporary folders on the function's disk, which are removed even after a run was killed."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(parent: Path, purpose: str) -> Iterator[Path]:
    """A new folder below parent, whose name begins with the purpose. It is removed at the end.

    Folders of killed runs are removed first, because an environment keeps its /tmp. A run holds a
    lock on its folder. The lock ends with the process, so it shows whether the run is alive.
    """
    for old in parent.glob(f"{purpose}-*"):
        _remove_if_dead(old)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=parent))
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not Path(lock.name).exists():  # another run has removed it before it was locked
                continue
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return


def _remove_if_dead(folder: Path) -> None:
    try:
        with (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # another run has just made it, or still uses it
        return
