"""What a person can mend: printed as one line, without a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_complaints: set[str] = set()


class LocalCloudError(Exception):
    """The local cloud cannot start or go on; the message says what would help."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Raises errors of the operating system as LocalCloudError: what failed, why, and with what."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise LocalCloudError(f"{what}: {error.strerror or error}{where}") from error


def complain(text: str) -> None:
    """Print a line for whoever runs the local cloud, the first time that there is reason to."""
    if text not in _complaints:
        _complaints.add(text)
        print(f"local cloud: {text}", file=sys.stderr, flush=True)
