"""Sentence pairs in two columns of tab-separated text."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from common.problems import Unprocessable
from tasks.translation.options import Processing
from tasks.translation.processing.columns import SAMPLE, text_columns
from tasks.translation.processing.corpus.lines import WANTED, lines_of
from tasks.translation.processing.corpus.pairs import Corpus, Pair


def read(path: Path, options: Processing) -> Corpus:
    """Two columns of each line."""
    with path.open("rb") as file:
        head = list(itertools.islice(lines_of(file, "The file"), SAMPLE))
    if "\t" not in next(iter(head), ""):
        raise Unprocessable(f"The first line has no tab between two sentences. {WANTED}")
    columns = text_columns(head, options)

    def pairs() -> Iterator[Pair]:
        with path.open("rb") as file:
            lines = lines_of(file, "The file")
            for line in itertools.islice(lines, int(columns.has_header), None):
                texts = columns.texts(line)
                if texts is not None:
                    yield Pair(*texts)
                elif line.strip():
                    yield Pair(line, "", reason="too few columns")

    return Corpus(columns.names, pairs(), {"format": "tsv"}, columns.warnings)
