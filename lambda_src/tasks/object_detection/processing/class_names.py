"""What YOLO's numbers of classes mean: names in a YAML file, or in a text file, one a line.

Of YAML only the entry names is read, as programs write it; no more of the language is needed.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from common.problems import Unprocessable

LISTS = frozenset({"classes.txt", "obj.names", "_darknet.labels"})
"""Files with a name in each line, in lower case; any other file that ends in .names is one, too."""

MAX_BYTES = 100_000
MAX_LINE = 1000
MAX_LISTS = 100
"""Files that may name classes, each of which is read: an archive has one, or one for each split."""

_ENTRY = re.compile(r"^(?:names|'names'|\"names\")\s*:[ \t]*(.*)", re.MULTILINE)
_KEY = r"""(?:(?P<key>\d{1,9}|"\d{1,9}"|'\d{1,9}')\s*+:\s++)"""
_VALUE = r"""(?:"(?P<double>(?:[^"\\]|\\.)*+)"|'(?P<single>(?:[^']|'')*+)'|(?P<plain>%s))"""
_INLINE = re.compile(
    rf"\s*+{_KEY}?{_VALUE % r'''[^,\[\]{}"'\s][^,\[\]{}]*+'''}\s*+(?P<end>[,\]}}])", re.DOTALL
)
_INLINE_END = re.compile(r"\s*+[\]}]")
_PLAIN = r"""[^"'#\s]\S*+(?:\s++(?!#)\S++)*+"""
_LINE = re.compile(rf"\s*+(?:-\s++|{_KEY}){_VALUE % _PLAIN}(?:\s++#.*|\s*+)")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|U00([01][0-9A-Fa-f]{5})|(\n\s*+)|.)", re.DOTALL)
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_COMMENT = re.compile(r"(?:^|\s)#")


def is_list(path: PurePosixPath) -> bool:
    """Whether a file is a list of names by its own name."""
    return path.name.lower() in LISTS or path.suffix.lower() == ".names"


def read(notes: Mapping[PurePosixPath, bytes]) -> dict[int, str]:
    """The names of classes by number. Raises Unprocessable without them, or where files differ."""
    found: dict[PurePosixPath, dict[int, str]] = {}
    lists = sum(is_list(path) or path.suffix.lower() in (".yaml", ".yml") for path in notes)
    if lists > MAX_LISTS:
        raise Unprocessable(f"The archive has {lists:,} files that may name classes: send one.")
    for path, data in sorted(notes.items()):
        if is_list(path):
            lines = _text(path, data).rstrip().splitlines()
            found[path] = dict(enumerate(line.strip() for line in lines))
        elif path.suffix.lower() in (".yaml", ".yml"):
            text = _text(path, data)
            if entry := _ENTRY.search(text):
                found[path] = _of_yaml(path, entry[1], text[entry.end() :])
    if not found:
        raise Unprocessable(
            "The archive has YOLO labels, which number their classes, and nothing names these: add "
            "data.yaml with names, or classes.txt with a name in each line."
        )
    (first, names), *others = found.items()
    for path, other in others:
        if other != names:
            raise Unprocessable(f"{first} and {path} name the classes differently: send one.")
    return names


def _text(path: PurePosixPath, data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise Unprocessable(f"{path} has {len(data):,} bytes, and {MAX_BYTES:,} is the most.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unprocessable(f"{path} is not UTF-8: save it as UTF-8.") from None


def _of_yaml(path: PurePosixPath, first: str, rest: str) -> dict[int, str]:
    """The names in an entry: what follows its colon in the line, and the lines below."""
    begin = _uncommented(first).strip()
    inline = begin.startswith(("[", "{"))
    matches = list(_inline(begin[1:] + rest) if inline else _block(rest.splitlines()))
    keys = [match and match["key"] for match in matches]
    if None in matches or not matches or (begin and not inline) or len(set(map(bool, keys))) > 1:
        raise Unprocessable(
            f"The names in {path} cannot be read: write them as a list, or send classes.txt with a "
            "name in each line."
        )
    numbers = (int(key.strip("\"'")) if key else at for at, key in enumerate(keys))
    names = {number: _value(one) for number, one in zip(numbers, matches, strict=True) if one}
    if any(_HALF_PAIR.search(name) for name in names.values()):
        raise Unprocessable(f"A name in {path} has half a surrogate pair: write the character.")
    return names


def _uncommented(text: str) -> str:
    """The text without its comments, behind which no quotes stand in a line.

    >>> _uncommented("[a, 'b # c', d] # e")
    "[a, 'b # c', d]"
    """
    lines = []
    for line in text.split("\n"):
        mark = _COMMENT.search(line, max(line.rfind('"'), line.rfind("'")) + 1)
        lines.append(line[: mark.start()] if mark else line)
    return "\n".join(lines)


def _inline(text: str) -> Iterator[re.Match[str] | None]:
    """The items of [a, b] or {0: a, 1: b} after the bracket; None for what is no item."""
    text, at = _uncommented(text), 0
    while not _INLINE_END.match(text, at):
        match = _INLINE.match(text, at)
        yield match
        if match is None or match["end"] != ",":
            return
        at = match.end()


def _block(lines: Sequence[str]) -> Iterator[re.Match[str] | None]:
    """The items in lines of their own, up to the next entry; None for what is no item."""
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith((" ", "\t", "-")) or line.startswith("---"):
            return
        yield _LINE.fullmatch(line) if len(line) <= MAX_LINE else None


def _value(match: re.Match[str]) -> str:
    if match["single"] is not None:
        return match["single"].replace("''", "'").strip()
    if match["double"] is not None:
        try:
            return str(json.loads(f'"{_ESCAPE.sub(_as_json, match["double"])}"')).strip()
        except ValueError:  # an escape that JSON does not have
            return match["double"].strip()
    return " ".join(match["plain"].split())


def _as_json(escape: re.Match[str]) -> str:
    """An escape of YAML as JSON has it."""
    if escape[3]:  # a line that goes on in the next
        return ""
    digits = escape[1] or escape[2]
    if digits is None or int(digits, 16) > sys.maxunicode:
        return escape[0]
    return json.dumps(chr(int(digits, 16)))[1:-1]
