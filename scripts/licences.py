"""The licences of what goes into a zip: a text for every package, and its SPDX expression.

Paths are relative to the root of the zip, with forward slashes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from scripts.contents import BuildError

# Texts that a wheel leaves out although its licence asks for them: <package>/<name of the text>.
ADDED = Path(__file__).parent / "licenses"

# SPDX expressions of packages whose metadata has none, by what their licence texts say.
EXPRESSIONS = {
    "chardetng-py": "MIT",
    "cloudpickle": "BSD-3-Clause",
    "duckdb": "MIT",
    "nanoarrow": "Apache-2.0",
    "onnxruntime": "MIT",
    "protobuf": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "skl2onnx": "Apache-2.0",
}

# The heading under which pillow's licence text has that of a library it bundles. The texts of
# other packages name the files that they are about ("Files: scipy.libs/libgfortran*.so").
HEADINGS = {
    "libXau": "XAU",
    "libjpeg": "LIBJPEG",
    "liblzma": "LIBLZMA",
    "libopenjp2": "OPENJPEG",
    "libsharpyuv": "LIBWEBP",
    "libtiff": "LIBTIFF",
    "libwebp": "LIBWEBP",
    "libwebpdemux": "LIBWEBP",
    "libwebpmux": "LIBWEBP",
    "libxcb": "XCB",
    "libzstd": "ZSTD",
}

TEXT = re.compile(r"(licen[cs]e|copying|notice)", re.IGNORECASE)


@dataclass(frozen=True)
class Distribution:
    """A package of a zip, by its .dist-info."""

    name: str
    """Normalized: lower case, with hyphens."""
    version: str
    folder: str
    """Of its metadata, such as numpy-2.5.5.dist-info."""
    metadata: Message

    @property
    def module(self) -> str:
        """The folder of its code, where that has the package's name."""
        return self.name.replace("-", "_")

    def expression(self) -> str:
        """Its SPDX licence expression. Raises BuildError when nobody has given one."""
        expression = self.metadata["License-Expression"] or EXPRESSIONS.get(self.name)
        if not expression:
            raise BuildError(
                f"the metadata of {self.name} {self.version} has no License-Expression: read its "
                "licence and add the expression to scripts/licences.py"
            )
        return str(expression)


def normalized(name: str) -> str:
    """A package's name as indexes write it.

    >>> normalized("python_calamine")
    'python-calamine'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions(files: Mapping[str, bytes]) -> list[Distribution]:
    """The packages of a zip, by name."""
    found = []
    for path, data in files.items():
        if re.fullmatch(r"[^/]+\.dist-info/METADATA", path):
            metadata = message_from_bytes(data)
            name, version = normalized(metadata["Name"]), metadata["Version"]
            found.append(Distribution(name, version, path.partition("/")[0], metadata))
    return sorted(found, key=lambda one: one.name)


def added_texts(files: Mapping[str, bytes], folder: Path = ADDED) -> dict[str, bytes]:
    """Licence texts to put into a zip, as its packages came without them.

    Raises BuildError when a package has a text of that name by now.
    """
    texts = {}
    for one in distributions(files):
        for text in sorted((folder / one.name).glob("*")):
            path = f"{one.folder}/licenses/{text.name}"
            if path in files:
                raise BuildError(
                    f"{one.name} {one.version} brings {path}: remove {text.name} from "
                    f"scripts/licenses/{one.name}"
                )
            texts[path] = text.read_bytes()
    return texts


def check_licences(function: str, files: Mapping[str, bytes]) -> None:
    """Raise BuildError for a package or a bundled library without the text of its licence."""
    packages = distributions(files)
    for one in packages:
        texts = licence_texts(one, files)
        if not texts:
            raise BuildError(
                f"{function}.zip: {one.name} {one.version} comes without the text of its licence: "
                f"add it below scripts/licenses/{one.name}"
            )
        for declared in one.metadata.get_all("License-File", []):
            if not any(path.endswith(f"/{declared}") for path in texts):
                raise BuildError(
                    f"{function}.zip: {one.name} {one.version} lacks its licence file {declared}, "
                    "which its metadata names"
                )
        one.expression()
    for path in files:
        owner, _, library = path.partition(".libs/")
        if library:
            texts = {}
            for one in packages:
                if one.name == normalized(owner):
                    texts = licence_texts(one, files)
            if not any(_covers(text.decode(errors="replace"), path) for text in texts.values()):
                raise BuildError(
                    f"{function}.zip: no licence text of {owner} is about {path}: add the text "
                    f"of the library's licence below scripts/licenses/{normalized(owner)}, with a "
                    "line `Files: ` and the path"
                )


def licence_texts(one: Distribution, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The licence texts of a package that are not empty, by path."""
    places = (f"{one.folder}/licenses/", f"{one.folder}/", f"{one.module}/")
    return {
        path: data
        for path, data in files.items()
        if data.strip()
        and (
            path.startswith(places[0])
            or (f"{PurePosixPath(path).parent}/" in places and TEXT.match(PurePosixPath(path).name))
        )
    }


def _covers(text: str, path: str) -> bool:
    """Whether a licence text is about the bundled library at that path."""
    lines = [line.strip() for line in text.splitlines()]
    globs = [line.removeprefix("Files:").strip() for line in lines if line.startswith("Files:")]
    if any(fnmatch(path, glob) or fnmatch(path, f"{glob}.*") for glob in globs):
        return True
    library = re.split(r"[-.]", PurePosixPath(path).name)[0]
    return HEADINGS.get(library) in lines
