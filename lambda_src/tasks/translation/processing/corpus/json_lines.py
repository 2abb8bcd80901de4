"""Sentence pairs in two keys of the JSON object on each line."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tasks.translation.options import Processing
from tasks.translation.processing.corpus.lines import lines_of
from tasks.translation.processing.corpus.pairs import Corpus, Pair

_TRANSLATION = "translation"


def read(path: Path, options: Processing) -> Corpus:
    """Two keys of each line's object, or of the one that it has as its translation."""
    with path.open("rb") as file:
        first = next(filter(str.strip, lines_of(file, "The file")), "")
    names = _json_names(first, options)

    def pairs() -> Iterator[Pair]:
        with path.open("rb") as file:
            for line in lines_of(file, "The file"):
                if line.strip():
                    yield _json_pair(line, names, options.split.column)

    return Corpus(names, pairs(), {"format": "jsonl"})


def _json_names(first: str, options: Processing) -> tuple[str, str]:
    """The keys of source and target; of a translation, the languages in their order."""
    source, target = options.source_language, options.target_language
    try:
        row = msgspec.json.decode(first)
    except (msgspec.DecodeError, RecursionError):
        row = None
    languages = _translation(row) or {}
    others = (name for name in languages if name not in (source, target))
    return source or next(others, "source"), target or next(others, "target")


def _translation(row: Any) -> dict[str, Any] | None:
    """What an object has as its translation, as data sets of Hugging Face do: texts by language."""
    found = row.get(_TRANSLATION) if isinstance(row, dict) else None
    return found if isinstance(found, dict) else None


def _json_pair(line: str, names: tuple[str, str], split: str | None) -> Pair:
    try:
        row = msgspec.json.decode(line)
        texts = _translation(row)
        if isinstance(row, dict) and _has_twice(line, row, texts, (*names, split, _TRANSLATION)):
            return Pair(line, "", reason="a key twice")
    except (msgspec.DecodeError, RecursionError):
        return Pair(line, "", reason="broken JSON")
    if not isinstance(row, dict):
        return Pair(line, "", reason="not an object")
    texts = row if texts is None else texts
    if absent := [name for name in names if name not in texts]:
        return Pair(line, "", reason=f"no key {absent[0]!r}")
    found = [*(texts[name] for name in names), row.get(split) if split else None]
    if not all(isinstance(value, str | None) for value in found):
        return Pair(line, "", reason="not a text")
    return Pair(*(value or "" for value in found))


def _has_twice(
    line: str, row: dict[str, Any], texts: dict[str, Any] | None, names: Sequence[str | None]
) -> bool:
    """Whether one of the names is more than once a key of an object in a line."""
    if line.count(":") == len(row) + len(texts or ()):  # so that there is a colon for each key
        return False
    twice = False

    def pairs(found: list[tuple[str, Any]]) -> None:
        nonlocal twice
        keys = [key for key, _ in found]
        twice = twice or any(keys.count(name) > 1 for name in names if name)

    json.loads(line, object_pairs_hook=pairs, parse_int=str)
    return twice
