"""Writes what a release consists of into build/release: `python -m scripts.release --tag v1.2.3`.

Per architecture one archive of what `make build` leaves in dist/ (to be unpacked and named by
artifacts.folder), the hashes of the archives, and the notes, which are the version's section of
the changelog. A tag that is not of this version, or a version without notes, is refused.
"""

import argparse
import re
import sys
from pathlib import Path

from scripts.archive import sha256, write_zip
from scripts.build_zips import build, read_version
from scripts.contents import FUNCTIONS, MACHINES, BuildError

FOLDER = Path("build/release")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make release", description="Write a release's files.")
    parser.add_argument("--tag", required=True)
    tag = parser.parse_args(arguments).tag
    try:
        version = read_version(Path())
        check_tag(tag, version)
        text = notes(Path("CHANGELOG.md").read_text(encoding="utf-8"), version)
        FOLDER.mkdir(parents=True, exist_ok=True)
        archives = [package(Path(), FOLDER, architecture) for architecture in sorted(MACHINES)]
    except BuildError as error:
        print(f"make release: {error}", file=sys.stderr)
        return 1
    (FOLDER / "notes.md").write_text(text, encoding="utf-8")
    sums = "".join(f"{sha256(archive)}  {archive.name}\n" for archive in archives)
    (FOLDER / "SHA256SUMS").write_text(sums)
    print(sums, end="")
    return 0


def check_tag(tag: str, version: str) -> None:
    """Raises BuildError when the tag is of another version."""
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


def package(root: Path, folder: Path, architecture: str) -> Path:
    """Build for an architecture, and put the zips and their manifest into one archive."""
    built = root / "build" / "dist" / architecture
    for line in build(root, built, architecture):
        print(line)
    archive = folder / f"serverless-ml-{read_version(root)}-{architecture}.zip"
    names = [*(f"{function}.zip" for function in FUNCTIONS), "manifest.json"]
    write_zip(archive, {name: (built / name).read_bytes() for name in names})
    return archive


if __name__ == "__main__":
    sys.exit(main())
