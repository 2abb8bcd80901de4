"""What a build has to know of a shared library: its machine, and the libraries that it links.

Source of the layout: System V ABI, chapters 4 (object files) and 5 (dynamic linking), 64-bit.
"""

import struct
from dataclasses import dataclass

MAGIC = b"\x7fELF"
SHT_DYNAMIC = 6
DT_NULL, DT_NEEDED = 0, 1


@dataclass(frozen=True)
class Elf:
    machine: int
    """``e_machine``: 62 is x86-64, 183 is AArch64."""
    needed: tuple[str, ...]
    """File names of the libraries that the loader must find (``DT_NEEDED``)."""


def read_elf(data: bytes) -> Elf | None:
    """Read the content of a file; None when it is no ELF file.

    Raises ValueError for an ELF file that is cut short or not 64-bit little-endian,
    the only kind that Lambda runs.
    """
    if not data.startswith(MAGIC):
        return None
    if data[4:6] != b"\x02\x01":
        raise ValueError(
            f"an ELF file of class {data[4:5].hex()} and byte order {data[5:6].hex()}; "
            "Lambda runs 64-bit little-endian (02, 01)"
        )
    try:
        (machine,) = struct.unpack_from("<H", data, 18)
        return Elf(machine, tuple(_needed(data)))
    except struct.error as error:
        raise ValueError(f"an ELF file that is cut short at {len(data)} bytes") from error


def _needed(data: bytes) -> list[str]:
    """Names of the linked libraries, in the order of the dynamic section."""
    (sections_at,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [
        struct.unpack_from("<IIQQQQIIQQ", data, sections_at + i * size) for i in range(count)
    ]
    names = []
    for _, kind, _, _, offset, length, strings_index, *_ in sections:
        if kind != SHT_DYNAMIC:
            continue
        strings_at = sections[strings_index][4]
        for entry in range(offset, offset + length, 16):
            tag, value = struct.unpack_from("<qQ", data, entry)
            if tag == DT_NULL:
                break
            if tag == DT_NEEDED:
                start = strings_at + value
                names.append(data[start : data.index(b"\0", start)].decode())
    return names
