"""Types, roles, warnings and the profile of columns, found without being told."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.problems import Unprocessable
from tasks.framework.forms.words import MISSING_WORDS
from tasks.tables.processing import describing
from tasks.tables.processing.columns import guessing
from tests.unit.tasks import tables
from tests.unit.tasks.tables import Dataset, csv_bytes, process


def one(values: list[object], **options: object) -> Dataset:
    """A dataset with a column c of the given values, a feature x and a target y."""
    rows = [[value, index / 4, "ab"[index * 7 % 11 % 2]] for index, value in enumerate(values)]
    return process(csv_bytes(["c", "x", "y"], rows), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([1, 2.5, "1e3", "-4", ""], "number"),
        ([0, 1], "number"),
        (["true", "FALSE"], "boolean"),
        (["yes", "no"], "category"),
        (["red", "green", "NA"], "category"),
        (["01234", "90210", "10001"], "category"),
        (["2024-01-31", "2024-02-01T10:00:00Z", "2024-02-01 10:00:00+02:00"], "datetime"),
        (["01/31/2024", "02/28/2024"], "datetime"),
        (["12_34", "56_78"], "category"),
    ],
)
def test_a_type_follows_from_the_values(values: list[object], type_: str) -> None:
    column = one(values * 40).column("c")
    assert (column.type, column.role) == (type_, "feature")


def test_prose_is_text_in_any_script() -> None:
    for sentence in ("the room was clean and number {} too", "房间很干净服务也很好{}"):
        column = one([sentence.format(index) for index in range(60)]).column("c")
        assert (column.type, column.role) == ("text", "ignored")


def test_offsets_become_utc() -> None:
    made = one(["2024-01-01T12:00:00+02:00", "2024-01-01T10:00:00Z"] * 30)
    profile = made.profile("c")
    assert profile["min"] == profile["max"] == "2024-01-01T10:00:00"


def test_null_tokens_are_missing_values() -> None:
    made = one([1, "NA", "n/a", "null", "None", "nan", "?", "", 2, 3] * 12)
    assert made.profile("c")["nulls"] == 84
    assert made.column("c").nullable


@pytest.mark.parametrize("type_", ["number", "boolean", "datetime"])
def test_no_null_token_parses_as_anything(type_: str) -> None:
    tokens = [*MISSING_WORDS, *(token.upper() for token in MISSING_WORDS)]
    value = "2024-01-01" if type_ == "datetime" else "1"
    profile = one([*tokens, value] * 3, types={"c": type_}).profile("c")
    assert (profile["nulls"], profile["count"]) == (3 * len(tokens), 3)


def test_the_odd_unreadable_value_is_missing_and_told() -> None:
    made = one([*range(99), "abc"] * 2)
    assert made.profile("c")["nulls"] == 2
    (warning,) = made.about.warnings
    assert (warning.code, warning.columns, warning.examples) == (
        *("unreadable_values", {"c": 2}, ["abc"]),
    )
    assert not warning.blocks_promotion


def test_what_is_no_boolean_is_not_taken_for_false() -> None:
    made = one([*["true", "false"] * 30, "maybe"])
    assert made.profile("c")["nulls"] == 1
    assert made.codes == ["unreadable_values"]


def test_none_is_a_label_among_numbers() -> None:
    rows = [[index / 4, ["1", "2.0", "none"][index % 3]] for index in range(90)]
    assert set(process(csv_bytes(["x", "y"], rows)).about.split_targets["train"]) == {
        *("1", "2.0", "none"),
    }


def test_many_unparsable_values_make_a_category() -> None:
    assert one([1, 2, "abc"] * 20).column("c").type == "category"


@pytest.mark.parametrize(
    ("usual", "odd"),
    [
        *((["1", "25"], odd) for odd in ("NA", " 3", "3\t", "1_000", "1e999", "nan", "01", "x")),
        *((["true", "false"], odd) for odd in (" true", "t", "1")),
        *((["2024-01-01", "2024-01-02"], odd) for odd in ("?", "2024-01-03 ", "2024-01-03T10+02")),
    ],
)
def test_values_far_down_count_as_those_at_the_top(
    usual: list[str], odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "HEAD_ROWS", 20)
    below, above = one([*usual * 30, odd]), one([odd, *usual * 30])
    assert below.column("c") == above.column("c")
    assert below.about.rejected == above.about.rejected
    found = [{str(r["c"]) for side in m.rows.values() for r in side} for m in (below, above)]
    assert found[0] == found[1]


usual_values = st.sampled_from(
    [
        ["1", "25", "-3.5"],
        ["10", "20", "30"],
        ["1.5", "2.5"],
        ["01", "10"],
        ["true", "FALSE"],
        ["2024-01-01", "2024-01-02T10:00:00Z"],
        ["01/02/2024", "03/04/2024"],
        ["31.01.2024", "01.02.2024"],
        ["red", "green"],
    ]
)
odd_values = st.sampled_from(
    [
        *("", "NA", "nan", "none", "x", "inf", "1e400", "-0", "0.0", "99", "1_0", "07", " 07"),
        *(
            "7 ",
            "\u00a07",
            "TRUE",
            " true",
            "2024-1-1",
            "2024-01-01+02",
            "31/12/2024",
            "13.12.2024",
        ),
    ]
)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(usual_values.flatmap(st.sampled_from), min_size=1, max_size=40),
    usual_values,
    st.lists(odd_values, max_size=3),
    st.sampled_from([{}, {"c": "number"}, {"c": "datetime"}, {"c": "boolean"}]),
    st.sampled_from([("classification", "x"), ("classification", "c"), ("regression", "c")]),
    st.randoms(use_true_random=False),
)
def test_everything_follows_from_all_values_whatever_the_first_are(
    mixed: list[str],
    usual: list[str],
    odd: list[str],
    types: dict[str, str],
    asked: tuple[str, str],
    chance: random.Random,
) -> None:
    values = [*chance.choices(usual, k=60), *odd, *mixed[: chance.choice([0, 40])]]
    chance.shuffle(values)
    # One name for each row, for all of the first ones or all of some, or for many.
    run, names = chance.choice([(1, 1000), (1, 10), (20, 1000), (1000, 1)])
    rows = [[v, i // 2 % 7, i / 4, f"n{i // run % names}"] for i, v in enumerate(values)]
    task, target = asked
    found: list[object] = []
    for head_rows in (1, 7, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(guessing, "HEAD_ROWS", head_rows)
            try:
                made = process(csv_bytes(["c", "x", "z", "n"], rows), task, target, types=types)
                # Examples are of those rows that a form was first seen in.
                warnings = [
                    (one.code, one.count, one.columns, one.blocks_promotion)
                    for one in made.about.warnings
                ]
                about = msgspec.structs.replace(made.about, warnings=[])
                found.append((about, warnings, made.rows, made.rejected))
            except Unprocessable as problem:
                found.append(problem.detail)
    assert found[0] == found[1] == found[2]


def test_numbers_read_as_categories_are_trimmed() -> None:
    made = one([" 1", "25 ", 1, 25] * 20, types={"c": "category"})
    assert set(made.column("c").categories) == {"1", "25"}


def test_a_given_type_wins() -> None:
    made = one([1, 2, 3] * 20, types={"c": "category"})
    assert made.column("c").type == "category"
    assert set(made.column("c").categories) == {"1", "2", "3"}
    assert one(["yes", "no"] * 30, types={"c": "boolean"}).types["c"] == "BOOL"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (list(range(60)), "id"),
        ([f"k{index}" for index in range(60)], "id"),
        (["same"] * 60, "constant"),
        ([""] * 60, "empty"),
    ],
)
def test_columns_that_teach_nothing_are_left_out_and_told(values: list[object], code: str) -> None:
    made = one(values)
    assert made.column("c").role == "ignored"
    assert made.codes == [code]


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("user_id", [7 * index for index in range(60)], "ignored"),
        ("user", [7 * index for index in range(60)], "feature"),
        ("user_id", [index // 2 for index in range(60)], "feature"),
        ("user_id", [7 * index + 0.5 for index in range(60)], "feature"),
        ("user_id", [*range(59), "unknown"], "ignored"),
        ("row", [index for index in range(60) if index % 7 != 3], "ignored"),
        ("row", [index for index in range(300) if index % 3], "ignored"),
        ("user_id", [*range(58), "", ""], "ignored"),
    ],
)
def test_numbers_are_an_id_when_whole_different_and_named_or_a_sequence(
    name: str, values: list[object], role: str
) -> None:
    rows = [[value, index / 4, "ab"[index % 3 % 2]] for index, value in enumerate(values)]
    assert process(csv_bytes([name, "x", "y"], rows)).column(name).role == role


def test_an_excluded_column_is_left_out_in_silence() -> None:
    made = one([1, 2, 3] * 20, exclude=["c"])
    assert made.column("c").reason == "excluded by the request"
    assert not made.codes


def test_a_column_that_equals_the_target_is_told() -> None:
    rows = [[i % 97, "ab"[i % 2], "ab"[i % 2]] for i in range(100)]
    assert process(csv_bytes(["x", "copy", "y"], rows)).codes == ["equals_target"]


def test_a_column_that_determines_the_target_is_told() -> None:
    rows = [[i % 97, i % 4, "ab"[i % 2]] for i in range(100)]
    made = process(csv_bytes(["x", "code", "y"], rows))
    assert [(w.code, w.columns) for w in made.about.warnings] == [
        ("determines_target", {"code": 100})
    ]


def test_a_multiple_of_a_number_to_predict_is_told() -> None:
    rows = [[i % 37, i * 1.7 + 3, i * 3.4] for i in range(100)]
    made = process(csv_bytes(["x", "euros", "y"], rows), "regression")
    assert made.codes == ["determines_target"]


def test_values_that_hardly_repeat_are_no_leak() -> None:
    rows = [[i * 1.1, i % 3, "ab"[i * 7 % 11 % 2]] for i in range(100)]
    assert process(csv_bytes(["x", "z", "y"], rows)).codes == []


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["1.0", "2", "1"], {"1", "2"}),
        (["True", "false", "TRUE"], {"true", "false"}),
        (["1", "2", "many"], {"1", "2", "many"}),
        (["good", "none", "bad"], {"good", "none", "bad"}),
    ],
)
def test_labels_have_one_form(values: list[str], labels: set[str]) -> None:
    rows: list[list[object]] = [[i % 37, values[i % 3]] for i in range(200)]
    assert set(process(csv_bytes(["x", "y"], rows)).column("y").categories) == labels


@pytest.mark.parametrize(
    ("target", "task", "says"),
    [
        ([i % 997 for i in range(1200)], "classification", "Choose task regression"),
        (["a", "b"] * 30, "regression", "Choose task classification"),
        (["a"] * 60, "classification", "one class only"),
    ],
)
def test_a_target_that_does_not_fit_the_task_is_refused(
    target: list[object], task: str, says: str
) -> None:
    rows: list[list[object]] = [[i % 37, value] for i, value in enumerate(target)]
    with pytest.raises(Unprocessable, match=says) as raised:
        process(csv_bytes(["x", "y"], rows), task)
    assert raised.value.errors[0].pointer == "/target"


def test_several_texts_need_a_choice() -> None:
    rows = [[f"one thing and another {i}", f"more of the same {i}", i % 2] for i in range(60)]
    table = csv_bytes(["a", "b", "y"], rows)
    with pytest.raises(Unprocessable, match="several columns hold text \\('a', 'b'\\)"):
        process(table, "text_classification")
    made = process(table, "text_classification", text="b")
    assert set(made.types) == {"b", "y"}


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"exclude": ["c", "zz"]}, "/exclude/1"),
        ({"types": {"zz": "number"}}, "/types/zz"),
        ({"split": {"column": "zz"}}, "/split/column"),
        ({"target": "zz"}, "/target"),
        ({"exclude": ["y"]}, "/exclude/0"),
    ],
)
def test_options_that_name_no_column_are_pointed_at(
    options: dict[str, object], pointer: str
) -> None:
    with pytest.raises(Unprocessable) as raised:
        one([1, 2, 3] * 20, **options)
    assert raised.value.errors[0].pointer == pointer


def test_the_profile_of_a_number() -> None:
    made = one([*range(1, 101), *range(1, 101)])
    profile = made.profile("c")
    assert (profile["min"], profile["max"], profile["mean"]) == (1.0, 100.0, 50.5)
    assert profile["std"] == pytest.approx(28.94, abs=0.01)
    assert profile["quantiles"]["50"] == 50.5
    assert profile["distinct"] == 100
    assert not profile["distinct_is_approximate"]


def test_quantiles_of_many_rows_are_those_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describing, "EXACT_ROWS", 400)
    made = one([*range(1000), *[""] * 3000], types={"c": "number"})
    profile = made.profile("c")
    assert profile["quantiles_are_approximate"]
    assert (profile["min"], profile["max"], profile["mean"]) == (0, 999, 499.5)
    assert profile["quantiles"]["50"] == pytest.approx(500, abs=100)
    assert profile["distinct"] == pytest.approx(1000, rel=0.2)
    assert profile["distinct_is_approximate"]


def test_a_column_that_few_rows_have_once_they_are_there_once_has_quantiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(describing, "EXACT_ROWS", 10)
    rows: list[list[object]] = [[7, index % 2, "ab"[index % 2]] for index in range(600)]
    rows += [["", 10 + index, "ab"[index % 2]] for index in range(400)]
    made = process(csv_bytes(["c", "x", "y"], rows), types={"c": "number"}, duplicates="drop")
    profile = made.profile("c")
    assert profile["count"] == 2
    assert set(profile["quantiles"].values()) == {7}


def test_few_categories_of_many_rows_are_counted_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describing, "EXACT_ROWS", 400)
    profile = one([f"k{index % 700}" for index in range(4000)]).profile("c")
    assert profile["distinct"] == 700
    assert not profile["distinct_is_approximate"]


def test_top_values_come_most_frequent_first() -> None:
    made = one(["a", "b", "b", "c", "c", "c"] * 20)
    assert made.column("c").categories == ["c", "b", "a"]
    assert [top["value"] for top in made.profile("c")["top"]] == ["c", "b", "a"]


@pytest.mark.parametrize(("columns", "count", "memory_mb"), [(200, 60, 192), (500, 400, 440)])
def test_many_columns_need_little_memory(
    columns: int, count: int, memory_mb: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = msgspec.structs.replace(tables.INVOCATION, memory_mb=memory_mb)
    monkeypatch.setattr(tables, "INVOCATION", small)
    names = [f"c{number}" for number in range(columns)]
    rows = [[str(i * 7919 % (40 + n)) for n in range(columns)] + [i % 2] for i in range(count)]

    found = process(csv_bytes([*names, "y"], rows))

    assert found.about.rows["used"] == count
