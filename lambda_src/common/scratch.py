"""Room on the function's disk that is free again afterwards, whatever happens."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(parent: Path, purpose: str) -> Iterator[Path]:
    """A folder of one's own below parent, its name beginning with the purpose.

    Folders of runs that were killed are removed first: an environment keeps its /tmp when a
    function is stopped. A run holds a lock on its folder, which dies with the process.
    """
    for old in parent.glob(f"{purpose}-*"):
        _remove_if_dead(old)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=parent))
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not Path(lock.name).exists():  # another run was first, and took it for a dead one's
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
    except OSError:  # another run's, just now made or still in use
        return
