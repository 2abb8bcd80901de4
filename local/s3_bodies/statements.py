"""What headers say of a body: its hash as it was signed, Content-MD5, checksums.

Checksums that Python's library cannot compute (CRC32C, CRC64NVME) are taken as they are.
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from local.s3_bodies.errors import BodyError
from local.signature import CONTENT_SHA256

CHECKSUM = "x-amz-checksum-"


class Hash(Protocol):
    """As much of hashlib's objects as is used here."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class Crc32:
    """zlib's CRC-32 as hashlib would have it."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


HASHES: Mapping[str, Callable[[], Hash]] = {
    f"{CHECKSUM}crc32": Crc32,
    f"{CHECKSUM}sha1": hashlib.sha1,
    f"{CHECKSUM}sha256": hashlib.sha256,
    "content-md5": hashlib.md5,
}
"""Of the headers that hold a digest in base64."""


@dataclass
class Statement:
    """What a header says of the body, and the hash of the body so far."""

    header: str
    hash: Hash
    given: str

    def check(self) -> None:
        """Raises BodyError when the body is another one."""
        computed = self.hash.digest()
        if self.header == CONTENT_SHA256:
            if computed.hex() != self.given:
                raise BodyError(
                    400,
                    "XAmzContentSHA256Mismatch",
                    f"The provided '{CONTENT_SHA256}' header does not match what was computed.",
                    ClientComputedContentSHA256=self.given,
                    S3ComputedContentSHA256=computed.hex(),
                )
        elif (given := _decoded(self.given)) is None or len(given) != len(computed):
            raise self._invalid()
        elif given != computed:
            raise self._mismatch(computed)

    def _invalid(self) -> BodyError:
        if self.header == "content-md5":
            return BodyError(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
        return BodyError(400, "InvalidRequest", f"Value for {self.header} header is invalid.")

    def _mismatch(self, computed: bytes) -> BodyError:
        if self.header == "content-md5":
            return BodyError(
                400,
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
                ExpectedDigest=self.given,
                CalculatedDigest=base64.b64encode(computed).decode(),
            )
        algorithm = self.header.removeprefix(CHECKSUM).upper()
        return BodyError(
            400,
            "BadDigest",
            f"The {algorithm} you specified did not match the calculated checksum.",
        )


def stated(headers: Mapping[str, str]) -> list[Statement]:
    """The statements of all digests that the headers hold, but for the one that is signed."""
    return [
        Statement(header, make(), headers[header])
        for header, make in HASHES.items()
        if header in headers
    ]


def feed(pieces: Iterable[bytes], statements: Iterable[Statement]) -> int:
    """Hash the pieces for all statements; answers how many bytes they were."""
    length = 0
    for piece in pieces:
        length += len(piece)
        for statement in statements:
            statement.hash.update(piece)
    return length


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
