"""Sentences of one language in another."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from num2words import num2words

from local.demo.loops import Loop, Question, Raw

PAIRS = 2_400
QUESTIONS = 5


def numbers(folder: Path) -> Raw:
    """Numbers below ten thousand in English and French words.

    No package ships a corpus of sentences that may be used, so that this one is made by a rule,
    num2words' own: it shows the way of a corpus, not how well people's sentences are translated.
    """
    chance = random.Random(0)
    chosen = chance.sample(range(10_000), PAIRS + QUESTIONS)
    pairs = [(num2words(number), num2words(number, lang="fr")) for number in chosen]
    file = folder / "numbers.tsv"
    lines = ["en\tfr", *("\t".join(pair) for pair in pairs[QUESTIONS:])]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Raw(
        file=file,
        options={"source_language": "en", "target_language": "fr"},
        questions=[Question({"text": one}, one, other) for one, other in pairs[:QUESTIONS]],
    )


def told(prediction: Mapping[str, Any]) -> str:
    return f"{prediction['translation']} ({prediction['score']:.2f})"


LOOPS = (
    Loop(
        name="numbers",
        question="What is this number in French?",
        origin="Numbers in words, made by the package num2words",
        task="translation",
        prepare=numbers,
        training={"time_budget_seconds": 60, "epochs": 15},
        told=told,
    ),
)
