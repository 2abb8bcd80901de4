"""Translations of captions, through the API and by a translation memory, judged by sacrebleu.

Multi30k (Elliott et al., 2016) with its official split; its files may not be passed on.
"""

import gzip
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sklearn.feature_extraction.text import TfidfVectorizer

from local.client import Client

SIDES = {"train": "train", "validation": "val", "test": "test_2016_flickr"}
BATCH = 250
"""Sentences per request."""

type Corpus = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Comparison:
    """A language to translate from and one to translate into."""

    source: str
    target: str

    @property
    def name(self) -> str:
        return f"Multi30k {self.source}-{self.target}"

    def run(self, folder: Path, client: Client) -> dict[str, Any]:
        corpus = self.read(folder)
        answers, selected = self.service(corpus, client)
        return {
            "data": self.name,
            "rows": sum(map(len, corpus.values())),
            "split": "official",
            "metric": "bleu, lower case",
            "reference": _bleu(memory(corpus), corpus["test"]),
            "service": _bleu(answers, corpus["test"]),
            "selected": [selected],
        }

    def read(self, folder: Path) -> Corpus:
        """Each side's sentences and their translations. Raises FileNotFoundError."""

        def lines(file: str, language: str) -> list[str]:
            path = folder / "translation" / f"multi30k.{file}.{language}.gz"
            # Some captions hold a tab, or a character that str.splitlines takes for a line's end.
            text = gzip.decompress(path.read_bytes()).decode().replace("\t", " ")
            return text.removesuffix("\n").split("\n")

        return {
            side: list(zip(lines(file, self.source), lines(file, self.target), strict=True))
            for side, file in SIDES.items()
        }

    def service(self, corpus: Corpus, client: Client) -> tuple[list[str], str]:
        """What a model with all options left out answers, and which candidate it is."""
        name = self.name.lower().replace(" ", "-")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "corpus.tsv"
            rows = [(one, other, side) for side in corpus for one, other in corpus[side]]
            lines = ["\t".join(row) for row in [(self.source, self.target, "side"), *rows]]
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            key = client.upload(name, file)
        request = {"dataset": name, "source": {"key": key}, "task": "translation"}
        languages = {"source_language": self.source, "target_language": self.target}
        client.run("/data_processing", {**request, **languages, "split": {"column": "side"}})
        result = client.run("/model_training", {"model": name, "dataset": name})
        sentences = (source for source, _ in corpus["test"])
        answers: list[str] = []
        for batch in itertools.batched(sentences, BATCH, strict=False):
            asked = {"model": name, "instances": [{"text": text} for text in batch]}
            found = client.post("/inference", asked)["predictions"]
            answers += [answer["translation"] for answer in found]
        return answers, result["selected"]


def memory(corpus: Corpus) -> list[str]:
    """The translation of the most similar sentence of train, for each of test."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    known = vectorizer.fit_transform(source for source, _ in corpus["train"])
    asked = vectorizer.transform(source for source, _ in corpus["test"])
    nearest = np.asarray((asked @ known.T).argmax(axis=1)).ravel()
    return [corpus["train"][row][1] for row in nearest]


def _bleu(answers: Sequence[str], pairs: Sequence[tuple[str, str]]) -> float:
    references = [reference for _, reference in pairs]
    score = BLEU(lowercase=True).corpus_score(answers, [references]).score
    return round(float(score), 1)


COMPARISONS = (Comparison("en", "de"), Comparison("de", "en"))
