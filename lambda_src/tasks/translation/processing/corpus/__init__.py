"""Parallel corpora as sentence pairs, whatever file they come in.

Tab-separated text, JSON Lines, a zip of two text files with a sentence per line, or TMX.
"""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from common.problems import Unprocessable, invalid
from tasks.tables.processing.files.text_files import plain_file
from tasks.translation.options import Processing
from tasks.translation.processing.corpus import json_lines, tab_separated, tmx, zipped_texts
from tasks.translation.processing.corpus.lines import WANTED
from tasks.translation.processing.corpus.pairs import Corpus

_XML = (b"<?xml", b"<tmx", b"<!DOCTYPE")


def read(source: Path, folder: Path, options: Processing) -> Corpus:
    """The corpus in a file; what has to be unpacked goes into the folder.

    Raises Unprocessable, also while pairs are taken, for a file that is none of the formats.
    """
    if options.source_language is not None and options.source_language == options.target_language:
        raise invalid(["target_language"], "it is the source_language, too: name the other one")
    if zipfile.is_zipfile(source):
        _check_no_columns("zip of two text files", options)
        return zipped_texts.read(source, folder, options)
    plain = plain_file(source, folder, None, options.encoding)
    corpus = _reader(plain.path, plain.format, options)(plain.path, options)
    return replace(
        corpus,
        facts={**plain.facts, **corpus.facts},
        warnings=[*plain.warnings, *corpus.warnings],
    )


def _reader(path: Path, form: str, options: Processing) -> Callable[[Path, Processing], Corpus]:
    """What reads a file of text. Raises Unprocessable for one that is no corpus."""
    with path.open("rb") as file:
        head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if form in ("parquet", "xlsx"):
        raise Unprocessable(f"The file is {form}. {WANTED}")
    if head.startswith(_XML):
        _check_no_columns("TMX file", options)
        return tmx.read
    if form == "jsonl":
        return json_lines.read
    if form == "csv":
        return tab_separated.read
    raise Unprocessable(f"The file is a JSON array. {WANTED}")


def _check_no_columns(form: str, options: Processing) -> None:
    if options.split.column is not None:
        detail = f"a {form} has no columns: leave it out, or send tab-separated text or JSON Lines"
        raise invalid(["split", "column"], detail)
