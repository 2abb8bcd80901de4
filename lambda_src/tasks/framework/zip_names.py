"""Names of a zip's files that are in a code page which the zip does not state."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.warnings import EXAMPLES, Warning
from tasks.framework import encodings
from tasks.framework.unpacking import Zip


@dataclass(frozen=True)
class ZipNames:
    """How names were read, where the zip does not say how they are written."""

    warnings: Sequence[Warning] = ()
    unclear: str | None = None
    """A name of which it is not clear how it is written, as it is by the standard."""


def detect_names(archive: Zip) -> ZipNames:
    """Detect the code page of names that are unclear, and rename their files to what they say."""
    names = archive.unclear_names
    if not names:
        return ZipNames()
    detected = encodings.detected_in(b"\n".join(names.values()), "cp437")
    if detected is None:
        return ZipNames(unclear=min(names))
    if detected.encoding == "cp437":
        return ZipNames()
    archive.rename(
        {old: raw.decode(detected.encoding, "backslashreplace") for old, raw in names.items()}
    )
    warning = Warning(
        code="encoding",
        detail="The zip does not say how names of files are written; they were read as "
        f"{detected.encoding}. Where words look wrong, pack it with names in UTF-8.",
        examples=detected.words[:EXAMPLES],
    )
    return ZipNames([warning])
