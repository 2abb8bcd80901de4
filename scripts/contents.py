"""What goes into a function's zip, and what must not: rules and checks, all of them pure.

Paths are relative to the root of the zip, with forward slashes.
"""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from scripts.elf import read_elf

# Unzipped, layers included: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LIMIT = 262_144_000

MACHINES = {"x86_64": 62, "arm64": 183}

# Needed to compile against a package or to check its types, never to run it.
DEVELOPMENT_SUFFIXES = frozenset(
    {".a", ".build", ".c", ".cc", ".cpp", ".f", ".f90", ".h", ".hpp", ".pxd", ".pyf", ".pyi"}
    | {".pyx", ".tp"}
)

# Notes of the installer, which differ between installations of the same wheel.
INSTALLER_NOTES = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"})

UNUSED = re.compile(
    r"bin/|\.lock$"
    r"|onnx/backend/test/"
    r"|onnxruntime/(datasets|quantization|tools|transformers)/"
    r"|onnxruntime/capi/libonnxruntime\.so\."  # for C programs: the Python binding has its own
    r"|flatbuffers[-/]"
    r"|numpy/_core/_(simd|\w+_tests)\."  # for numpy's own tests
    # Of pillow, what decodes and encodes JPEG, PNG, GIF, BMP, WebP and PNM, and reads EXIF.
    r"|PIL/(?!__init__|_binary|_deprecate|_imaging\.|_typing|_util|_version|_webp\.|ExifTags"
    r"|Gimp|Image(Chops|Color|File|Mode|Ops|Palette|Sequence)?\.|JpegPresets|PaletteFile|TiffTags"
    r"|(Bmp|Gif|Jpeg|Mpo|Png|Ppm|Tiff|WebP)ImagePlugin)"
    r"|pillow\.libs/lib(avif|brotli|freetype|harfbuzz|lcms2|png16)"
)

# An inference session imports none of these; training does.
UNUSED_IN_INFERENCE = re.compile(
    r"packaging[-/]|protobuf-|google/|numpy/(f2py|fft|polynomial|random|testing)/"
)

# numpy's C functions get their docstrings at every import: a twelfth of what a start of inference
# computes, and byte code without docstrings ignores them. They are imported, so that they stay.
EMPTIED_IN_INFERENCE = re.compile(r"numpy/_core/_add_newdocs(_scalars)?\.py")

# Byte code is worth its megabytes where cold start matters: every import without it compiles anew.
WITH_BYTE_CODE = frozenset({"data_processing", "inference"})


class BuildError(Exception):
    """A zip that Lambda would refuse or could not run; the message says what to do."""


def keeps_package_file(function: str, path: str) -> bool:
    """Whether a file of a third-party package goes into the zip of the function.

    >>> keeps_package_file("inference", "numpy/linalg/_linalg.py")
    True
    >>> keeps_package_file("inference", "numpy/linalg/tests/test_linalg.py")
    False
    """
    file = PurePosixPath(path)
    return not (
        "tests" in file.parts[:-1]
        or "__pycache__" in file.parts
        or file.suffix in DEVELOPMENT_SUFFIXES
        or (file.name in INSTALLER_NOTES and file.parent.suffix == ".dist-info")
        or UNUSED.match(path)
        or (function == "inference" and UNUSED_IN_INFERENCE.match(path))
    )


def empties_package_file(function: str, path: str) -> bool:
    """Whether a file that goes into the zip of the function does so without its content.

    >>> empties_package_file("inference", "numpy/_core/_add_newdocs.py")
    True
    """
    return function == "inference" and EMPTIED_IN_INFERENCE.fullmatch(path) is not None


def check_size(function: str, unzipped_bytes: int) -> None:
    """Raise BuildError, saying by how much, when a zip would be over Lambda's limit."""
    if unzipped_bytes > LIMIT:
        raise BuildError(
            f"{function}.zip holds {unzipped_bytes:,} bytes unzipped, {unzipped_bytes - LIMIT:,} "
            f"more than Lambda's limit of {LIMIT:,}: drop a requirement or prune more of one"
        )


def check_binaries(function: str, architecture: str, files: Mapping[str, bytes]) -> None:
    """Raise BuildError for a binary of another machine or another Python."""
    for path, data in files.items():
        elf = read_elf(data)
        if elf and elf.machine != MACHINES[architecture]:
            found = next((a for a, m in MACHINES.items() if m == elf.machine), f"{elf.machine}")
            raise BuildError(
                f"{function}.zip: {path} is for machine {found}, the zip is for {architecture}: "
                "lock a version that has a wheel for it"
            )
        tag = re.search(r"\.(?:cpython-|cp)(\d+t?)[^/]*\.so$", path)
        if tag and tag[1] != "313":
            raise BuildError(
                f"{function}.zip: {path} is for CPython {tag[1]}, the zip is for 313: "
                "lock a version that has a wheel for it"
            )


def check_links(function: str, kept: Mapping[str, bytes], dropped: frozenset[str]) -> None:
    """Raise BuildError when a kept binary links a library that was left out.

    ``dropped`` holds the file names that were left out.
    """
    for path, data in kept.items():
        elf = read_elf(data)
        missing = sorted(dropped.intersection(elf.needed)) if elf else []
        if missing:
            raise BuildError(
                f"{function}.zip: {path} links {', '.join(missing)}, which was left out: "
                "take it off the list of what is unused"
            )
