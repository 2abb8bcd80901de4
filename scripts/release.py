"""Writes what a release consists of into build/release: `python -m scripts.release --tag v1.2.3`.

Per architecture one archive of what `make build` leaves in dist/ (to be unpacked and named by
artifacts.folder), and beside it the bills of materials that it holds; the hashes of all these; and
the notes, which are the version's section of the changelog. A tag that is not of this version, or
a version without notes, is refused.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

from scripts.archive import sha256, write_zip
from scripts.build_zips import build, read_version
from scripts.contents import MACHINES, BuildError
from scripts.functions import FUNCTIONS

FOLDER = Path("build/release")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make release", description="Write a release's files.")
    parser.add_argument("--tag", required=True)
    tag = parser.parse_args(arguments).tag
    try:
        version = read_version(Path())
        check_tag(tag, version)
        text = notes(Path("CHANGELOG.md").read_text(encoding="utf-8"), version)
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        for architecture in sorted(MACHINES):
            package(Path(), FOLDER, architecture)
    except BuildError as error:
        print(f"make release: {error}", file=sys.stderr)
        return 1
    sums = "".join(f"{sha256(file)}  {file.name}\n" for file in sorted(FOLDER.iterdir()))
    (FOLDER / "SHA256SUMS").write_text(sums)
    (FOLDER / "notes.md").write_text(text, encoding="utf-8")
    print(sums, end="")
    return 0


def check_tag(tag: str, version: str) -> None:
    """Raises BuildError when the tag is none of a version, or of another one."""
    if not re.fullmatch(r"v\d+\.\d+\.\d+", tag, re.ASCII):
        raise BuildError(f"the tag is {tag!r} and should be like v1.2.3")
    if tag != f"v{version}":
        raise BuildError(f"the tag is {tag!r} and VERSION holds {version}: tag v{version}")


def notes(changelog: str, version: str) -> str:
    """A version's section of the changelog. Raises BuildError when there is nothing in it."""
    pattern = rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)"
    found = re.search(pattern, changelog, re.MULTILINE | re.DOTALL)
    text = found[1].strip() if found else ""
    if not text:
        raise BuildError(f"CHANGELOG.md says nothing of {version}: move [Unreleased] to it")
    return f"{text}\n"


def package(root: Path, folder: Path, architecture: str) -> None:
    """Build for an architecture, and put zips, bills and manifest into one archive."""
    built = root / "build" / "dist" / architecture
    for line in build(root, built, architecture):
        print(line)
    name = f"serverless-ml-{read_version(root)}-{architecture}"
    zips = [f"{function}.zip" for function in FUNCTIONS]
    bills = [f"{function}.cdx.json" for function in FUNCTIONS]
    content = {file: (built / file).read_bytes() for file in [*zips, *bills, "manifest.json"]}
    write_zip(folder / f"{name}.zip", content)
    for file in bills:
        (folder / f"{name}-{file}").write_bytes(content[file])


if __name__ == "__main__":
    sys.exit(main())
