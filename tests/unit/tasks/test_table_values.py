"""Values as people write them: each kind is read as what it is, and the reading is told."""

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from common.problems import Unprocessable
from common.warnings import Warning
from tests.unit.tasks.tables import Dataset, csv_bytes, process


def made_of(values: Sequence[object], *more: Sequence[object], **options: Any) -> Dataset:
    """A dataset with columns c, d, ... of the given values, a feature x and a label y."""
    columns = [list(values), *map(list, more)]
    rows = [
        [*(column[at] for column in columns), at / 4, "ab"[at * 7 % 11 % 2]]
        for at in range(len(values))
    ]
    names = [chr(ord("c") + number) for number in range(len(columns))]
    return process(csv_bytes([*names, "x", "y"], rows), **options)


def read(made: Dataset, name: str = "c") -> set[Any]:
    """The different values of a column that are not missing."""
    rows = (row[name] for side in made.rows.values() for row in side)
    return {value for value in rows if value is not None and value == value}


def warning(made: Dataset, code: str) -> Warning:
    (found,) = [one for one in made.about.warnings if one.code == code]
    return found


def many(*values: object, count: int = 60) -> list[object]:
    return [values[at % len(values)] for at in range(count)]


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["84,50", "7", "-0,5"], {84.5, 7, -0.5}),
        (["1.250,00", "84,5", "12.000.000"], {1250, 84.5, 12e6}),
        (["1,234.50", "999", "1,000,000"], {1234.5, 999, 1e6}),
        (["12 345,6", "7,5", "1\u202f000"], {12345.6, 7.5, 1000}),
        (["1'234.5", "12\u2019000", "3.5"], {1234.5, 12000, 3.5}),
        (["$1,234.50", "-$7.25", "$ 12"], {1234.5, -7.25, 12}),
        (["192 EUR", "EUR 7", "12.5 EUR"], {192, 7, 12.5}),
        (["5 \u20ac", "1,5 \u20ac", "\u2212 7 \u20ac"], {5, 1.5, -7}),
        (["12.5%", "7 %", "100%"], {12.5, 7, 100}),
        (["(1,200.00)", "50.5", "3-"], {-1200, 50.5, -3}),
        (["12 kg", "7.5kg", "0 kg"], {12, 7.5, 0}),
        (["13:45", "0:07", "23:59"], {825, 7, 1439}),
        (["1:02:03", "0:00:59.5"], {3723, 59.5}),
        (["1:02:03", "59:30"], {3723, 3570}),
        (["1,00,000", "12,34,567", "5"], {1e5, 1234567, 5}),
        (["49.-", "10.90", "-7.-"], {49, 10.9, -7}),
        (["\u20ac 12,-", "\u20ac 10,50", "\u20ac 1.200,-"], {12, 10.5, 1200}),
        (["12,-- \u20ac", "7,\u2013 \u20ac", "8,\u2014", "10,50 \u20ac"], {12, 7, 8, 10.5}),
        (["CHF 1'200.\u2013", "49.90", "CHF 49.-"], {1200, 49.9, 49}),
        (["12,-\u20ac", "(12,-)", "3,50-", "3 -"], {12, -12, -3.5, -3}),
    ],
)
def test_numbers_as_people_write_them(texts: list[str], numbers: set[float]) -> None:
    made = made_of(many(*texts))
    assert made.column("c").type == "number"
    assert read(made) == numbers
    told = warning(made, "number_form")
    assert told.columns == {"c": 60}
    assert told.examples[0] in texts
    assert told.option


@pytest.mark.parametrize(
    ("odd", "number"), [("49.-", 49.0), ("49.90-", -49.9), ("(49)", -49.0), ("\u2212 49", -49.0)]
)
def test_the_form_is_shown_by_a_value_that_has_it(odd: str, number: float) -> None:
    told = warning(made_of(many("10.90", "20.50", odd)), "number_form")
    assert (told.examples[0], f"{odd!r} is {number}" in told.detail) == (odd, True)


def test_numbers_of_two_currencies_are_not_added_up() -> None:
    made = made_of(many("$5", "\u20ac5", "$7.50"))
    assert made.column("c").type == "category"
    assert warning(made, "kept_as_text").columns == {"c": 60}


def test_what_may_be_thousands_or_decimals_is_told_and_follows_the_option() -> None:
    texts = many("1.234", "5.678", "12.000")
    assert read(made := made_of(texts)) == {1.234, 5.678, 12}
    assert warning(made, "ambiguous_numbers").option == "csv.decimal"
    assert read(made_of(texts, csv={"decimal": ","})) == {1234, 5678, 12000}
    assert read(made_of(many("1,234", "5,678"), csv={"decimal": ","})) == {1.234, 5.678}
    assert read(made_of(many("1,234", "5,678"))) == {1234, 5678}


def test_what_may_be_thousands_or_decimals_follows_the_other_columns() -> None:
    made = made_of(many("1.234", "5.678"), many("84,50", "7,25"))
    assert read(made) == {1234, 5678}
    assert read(made, "d") == {84.5, 7.25}


@pytest.mark.parametrize("odd", ["-", ".", "N.A.", "#DIV/0!", "(blank)", "<5", "unknown", "1e999"])
def test_nearly_numeric_columns_stay_numbers(odd: str) -> None:
    made = made_of(many(*range(10, 23), odd, count=70), types={"x": "number"})
    assert made.column("c").type == "number"
    assert made.profile("c")["nulls"] == 5
    codes = {"missing_words", "unreadable_values"} & set(made.codes)
    assert len(codes) == 1
    told = warning(made, codes.pop())
    assert (told.columns, told.examples) == ({"c": 5}, [odd])


def test_a_number_of_thousands_does_not_begin_with_zero() -> None:
    made = made_of(many("0,100", "0,001", "0,250"))
    assert read(made) == {0.1, 0.001, 0.25}
    assert "ambiguous_numbers" not in made.codes


def test_commas_between_semicolons_are_decimal() -> None:
    rows = [["52,102" if at % 2 else "13,404", at % 9, "ab"[at % 2]] for at in range(80)]
    made = process(csv_bytes(["c", "x", "y"], rows, delimiter=";"))
    assert read(made) == {52.102, 13.404}
    assert "ambiguous_numbers" in made.codes


def test_a_type_that_no_value_has_is_refused() -> None:
    with pytest.raises(Unprocessable, match="no value of the column can be read as number"):
        made_of(many("red", "green"), types={"c": "number"})


def test_too_many_unreadable_values_keep_a_version_from_going_live_by_itself() -> None:
    made = made_of(many(1, 2, 3, 4, 5, 6, "about 7"))
    assert warning(made, "unreadable_values").blocks_promotion
    assert not warning(made_of(many(*range(20), "about 7")), "unreadable_values").blocks_promotion


def test_half_numbers_are_a_category_and_told() -> None:
    made = made_of(many(1, 2, 3, "high", "low"))
    assert made.column("c").type == "category"
    assert warning(made, "kept_as_text").option


@pytest.mark.parametrize(
    "texts",
    [
        ["01001", "90210", "00501"],
        ["007", "12", "0123"],
        ["250", "401", "V57", "414", "428", "E11", "276"],
        ["5E1", "501", "7E3"],
        ["+1", "+44", "+886"],
        ["9007199254740993", "9007199254740992", "12"],
    ],
)
def test_codes_keep_their_written_form(texts: list[str]) -> None:
    made = made_of(many(*texts, count=70))
    assert made.column("c").type == "category"
    assert read(made) == set(texts)
    assert "kept_as_text" in made.codes


def test_codes_far_down_count_as_those_at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.tables.processing.columns import guessing

    monkeypatch.setattr(guessing, "HEAD_ROWS", 20)
    made = made_of([*range(100, 160), *["007"] * 20])
    assert made.column("c").type == "category"
    assert "007" in read(made)


def test_the_odd_leading_zero_does_not_make_codes_of_numbers() -> None:
    made = made_of([*range(100), "0150", *range(100)])
    assert made.column("c").type == "number"
    assert made.profile("c")["nulls"] == 0


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["31/12/2023", "01/02/2023"], "2023-02-01T00:00:00"),
        (["12/31/2023", "02/01/2023"], "2023-02-01T00:00:00"),
        (["31-12-2023", "1-2-2023"], "2023-02-01T00:00:00"),
        (["31.12.2023", "1.2.2023"], "2023-02-01T00:00:00"),
        (["31/12/23", "01/02/23"], "2023-02-01T00:00:00"),
        (["31/12/68", "01/02/69"], "1969-02-01T00:00:00"),
        (["31 Dec 2023", "1 February 2023"], "2023-02-01T00:00:00"),
        (["Dec 31, 2023", "February 1, 2023"], "2023-02-01T00:00:00"),
        (["12/31/2023 1:05 PM", "02/01/2023 12:30 AM"], "2023-02-01T00:30:00"),
        (["20231231", "20230201"], "2023-02-01T00:00:00"),
        (["2023-12-31T10:00:00+0200", "2023-02-01 00:30 +01:00"], "2023-01-31T23:30:00"),
        (["31/12/2023 23:59", "01/02/2023"], "2023-02-01T00:00:00"),
        (["Dec-2023", "Feb-2023"], "2023-02-01T00:00:00"),
        (["Dec-23", "Jan-69"], "1969-01-01T00:00:00"),
        (["December 2023", "Feb 2023"], "2023-02-01T00:00:00"),
        (["12/2023", "2/2023"], "2023-02-01T00:00:00"),
        (["31DEC2023", "01feb2023"], "2023-02-01T00:00:00"),
        (["Sun, 31 Dec 2023 10:00:00 GMT", "Wed, 1 Feb 2023 09:30:00 GMT"], "2023-02-01T09:30:00"),
        (["Sunday, 31 December 2023", "Wed, 1 Feb 2023"], "2023-02-01T00:00:00"),
        (["2023-12-31 10:00:00,250", "2023-02-01 09:30:00,500"], "2023-02-01T09:30:00.500000"),
        (["20231231T100000Z", "20230201T093000Z"], "2023-02-01T09:30:00"),
        (["2023-12-31t10:00:00z", "2023-02-01t09:30:00+01:00"], "2023-02-01T08:30:00"),
        (["2023年12月31日", "2023年2月1日"], "2023-02-01T00:00:00"),
        (["31. 12. 2023", "1. 2. 2023"], "2023-02-01T00:00:00"),
    ],
)
def test_dates_as_people_write_them(texts: list[str], first: str) -> None:
    made = made_of(many(*texts))
    assert made.column("c").type == "datetime"
    assert made.profile("c")["min"] == first


def test_dates_that_may_be_read_in_two_ways_are_told_and_follow_the_option() -> None:
    texts = many("01/02/2024", "03/04/2024")
    made = made_of(texts)
    assert made.profile("c")["min"] == "2024-01-02T00:00:00"
    assert warning(made, "ambiguous_dates").option == "day_first"
    assert made_of(texts, day_first=True).profile("c")["min"] == "2024-02-01T00:00:00"
    other = many("31/12/2024", "01/01/2024")
    assert made_of(texts, other).profile("c")["min"] == "2024-02-01T00:00:00"


def test_years_of_two_digits_may_come_first() -> None:
    made = made_of([f"{18 + at % 7}-{1 + at % 12:02}-{1 + at % 28:02}" for at in range(84)])
    assert made.profile("c")["min"].startswith("2018")
    assert "ambiguous_dates" in made.codes


def test_what_the_caller_has_said_is_not_in_doubt() -> None:
    texts = many("01/02/2024", "03/04/2024")
    assert "ambiguous_dates" not in made_of(texts, day_first=False).codes
    assert "ambiguous_numbers" not in made_of(many("1.234"), csv={"decimal": "."}).codes


def test_years_can_be_dates() -> None:
    made = made_of([1990 + at % 30 for at in range(60)], types={"c": "datetime"})
    assert made.profile("c")["min"] == "1990-01-01T00:00:00"


def test_dates_in_several_forms_are_told() -> None:
    texts = [f"2024-0{at % 9 + 1}-{at % 28 + 1:02}" for at in range(50)]
    texts += [f"{at % 28 + 1:02}/0{at % 9 + 1}/2024" for at in range(50)]
    assert "several forms" in warning(made_of(texts), "kept_as_text").detail


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["3 May 2024 10:00 EST", "4 May 2024 09:30 PST"], "looks like dates"),
        (["4.6k", "8.4M", "1.2k"], "beside the digits"),
        (["6.9 kg", "900.5 g"], "beside the digits"),
        (["~45.3", "12.5 CR", "284.00 DR"], "beside the digits"),
        (["1.234,50", "1,234.50"], "points and commas"),
        (["10:09 PM", "9:15 AM"], "times of day"),
        (["\u0661\u0662", "\u0663\u0664"], "digits are not 0 to 9"),
        (["\uff11\uff12", "\uff13\uff14"], "digits are not 0 to 9"),
    ],
)
def test_what_looks_like_numbers_or_dates_is_told(texts: list[str], reason: str) -> None:
    made = made_of(many(*texts))
    assert made.column("c").type == "category"
    assert reason in warning(made, "kept_as_text").detail


@pytest.mark.parametrize(
    "texts", [["12A", "13B"], ["A1", "A2"], ["1.2.3", "1.10.0"], ["1st", "2nd"]]
)
def test_names_with_digits_do_not_look_like_numbers(texts: list[str]) -> None:
    assert "kept_as_text" not in made_of(many(*texts)).codes


def test_seconds_since_1970_are_told_and_can_be_read_as_times() -> None:
    numbers = many(1_700_000_000, 1_700_086_400, 1_700_172_800)
    made = made_of(numbers)
    assert made.column("c").type == "number"
    assert warning(made, "epoch").columns == {"c": 60}
    made = made_of(numbers, types={"c": "datetime"})
    assert made.profile("c")["min"] == "2023-11-14T22:13:20"


@pytest.mark.parametrize("digits", [0, 3, 6, 9])
def test_units_of_times_since_1970_are_told_by_their_size(digits: int) -> None:
    numbers = [f"{1_700_000_000 + day * 86_400}{'0' * digits}" for day in range(60)]
    made = made_of([*numbers, "9" * 22], types={"c": "datetime"})
    assert made.profile("c")["min"] == "2023-11-14T22:13:20"
    assert made.profile("c")["max"].startswith("2024-01-12")
    assert warning(made, "unreadable_values").columns == {"c": 1}


def test_missing_words_are_counted_and_can_be_replaced() -> None:
    texts = many("NA", "DE", "NO", "n/a")
    made = made_of(texts)
    assert read(made) == {"DE", "NO"}
    told = warning(made, "missing_words")
    assert (told.columns, set(told.examples)) == ({"c": 30}, {"NA", "n/a"})
    assert read(made_of(texts, missing_values=["n/a"])) == {"NA", "DE", "NO"}
    assert read(made_of(texts, missing_values=["DE"])) == {"NA", "n/a", "NO"}


@pytest.mark.parametrize(
    ("texts", "word", "left"),
    [
        ([1, 2, -999, 3], "-999", {1, 2, 3}),
        (["$5", "$9,999", "$7"], "$9,999", {5, 7}),
        (["2024-01-31", "1900-01-01"], "1900-01-01", {datetime(2024, 1, 31)}),
        (["true", "false", "true"], "false", {True}),
    ],
)
def test_words_for_missing_values_may_look_like_values(
    texts: list[object], word: str, left: set[object]
) -> None:
    made = made_of(many(*texts), missing_values=[word])
    assert read(made) == left
    assert warning(made, "missing_words").examples == [word]


def test_a_target_may_have_words_for_missing_values_too() -> None:
    rows = [[at % 7, at / 4, -999 if at % 10 == 0 else at % 7 * 2] for at in range(200)]
    made = process(csv_bytes(["c", "x", "y"], rows), "regression", missing_values=["-999"])
    assert made.about.rejected["reasons"] == {"missing target": 20}


def test_a_label_is_missing_only_where_it_is_empty() -> None:
    rows = [[at / 4, ["NA", "EU", "AP", ""][at % 4]] for at in range(120)]
    made = process(csv_bytes(["x", "y"], rows))
    assert set(made.column("y").categories) == {"NA", "EU", "AP"}
    assert made.about.rejected["reasons"] == {"missing target": 30}
    assert warning(made, "label_words").count == 30
    assert warning(made, "rejected_rows").blocks_promotion


@pytest.mark.parametrize(
    ("labels", "kept"),
    [
        (["00", "01"], {"00", "01"}),
        (["1.10", "1.1", "1.2"], {"1.10", "1.1", "1.2"}),
        (["5E1", "50"], {"5E1", "50"}),
        (["+1", "1"], {"+1", "1"}),
        (["cafe\u0301", "caf\u00e9", " caf\u00e9"], {"caf\u00e9"}),
    ],
)
def test_labels_keep_their_written_form(labels: list[str], kept: set[str]) -> None:
    rows = [[at / 4, labels[at % len(labels)]] for at in range(120)]
    if len(kept) == 1:
        rows += [[at / 4, "other"] for at in range(60)]
        kept = {*kept, "other"}
    assert set(process(csv_bytes(["x", "y"], rows)).column("y").categories) == kept


def test_labels_that_differ_in_spaces_or_unicode_only_are_told() -> None:
    labels = ["caf\u00e9", "cafe\u0301", "b", " b"]
    made = process(csv_bytes(["x", "y"], [[at / 4, labels[at % 4]] for at in range(120)]))
    assert set(made.column("y").categories) == {"caf\u00e9", "b"}
    assert warning(made, "labels_merged").count == 60


def test_long_labels_of_digits_are_not_alike() -> None:
    labels = ["1234567890123456781", "1234567890123456782"]
    made = process(csv_bytes(["x", "y"], [[at / 4, labels[at % 2]] for at in range(120)]))
    assert "similar_labels" not in made.codes


def test_labels_of_one_form_are_told_and_can_be_kept_apart() -> None:
    rows = [[at / 4, ["1", "1.0", "2"][at % 3]] for at in range(120)]
    made = process(csv_bytes(["x", "y"], rows))
    assert set(made.column("y").categories) == {"1", "2"}
    assert warning(made, "labels_merged").examples == ["1.0"]
    made = process(csv_bytes(["x", "y"], rows), types={"y": "text"})
    assert set(made.column("y").categories) == {"1", "1.0", "2"}


def test_labels_and_categories_that_differ_in_case_are_told() -> None:
    rows = [[at / 4, ["red", "Red"][at % 2], ["Yes", "yes", "no"][at % 3]] for at in range(120)]
    made = process(csv_bytes(["x", "c", "y"], rows))
    assert "3 labels, 2 when case" in warning(made, "similar_labels").detail
    assert warning(made, "similar_categories").columns == {"c": 1}


@pytest.mark.parametrize(
    "labels", [["A", "\uff21"], ["co-op", "co\u2011op"], ["it's", "it\u2019s"], ["a b", "A\u2009b"]]
)
def test_labels_that_look_the_same_are_told(labels: list[str]) -> None:
    made = process(csv_bytes(["x", "y"], [[at / 4, [*labels, "z"][at % 3]] for at in range(120)]))
    assert "3 labels, 2 when case" in warning(made, "similar_labels").detail


def test_an_error_about_numbers_shows_three_values() -> None:
    rows = [[at / 4, ["low", "high", "7", "none at all"][at % 4]] for at in range(120)]
    with pytest.raises(Unprocessable, match="such as 'high', 'low', 'none at all'"):
        process(csv_bytes(["x", "y"], rows), "regression")


def test_one_warning_covers_all_columns_of_a_kind() -> None:
    chance = random.Random(1)
    ids = [[f"{name}{at}" for at in range(60)] for name in "abc"]
    made = made_of(*ids, chance.choices(["r", "g"], k=60))
    assert made.codes == ["id"]
    told = warning(made, "id")
    assert (told.count, set(told.columns)) == (3, {"c", "d", "e"})
    assert told.option


def test_an_example_of_a_form_is_one_that_could_be_read_and_shows_it() -> None:
    dates = [f"{1 + at % 28:02}/{1 + at % 12:02}/2023" for at in range(60)]
    told = warning(made_of(["00/00/0000", *dates, "12/25/2023"]), "date_format")
    assert "is None" not in told.detail
    assert not {"00/00/0000", "12/25/2023"} & set(told.examples)
    told = warning(made_of(many("1", "12", "0,5")), "number_form")
    assert (told.examples[0], "'0,5' is 0.5" in told.detail) == ("0,5", True)
    told = warning(made_of(many("03/03/2024", "03/04/2024")), "ambiguous_dates")
    assert told.examples[0] == "03/04/2024"


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("classification", {"exclude": ["d"]}),
        ("classification", {}),
        ("text_classification", {}),
    ],
)
def test_the_form_of_times_that_rows_are_split_by_is_told(
    task: str, options: dict[str, Any]
) -> None:
    rows = [
        [f"{1 + at % 12:02}/{1 + at // 12 % 12:02}/2023", f"some words here {at}", "ab"[at % 2]]
        for at in range(300)
    ]
    rows[7][0] = "N/A"
    split = {"by": "time", "column": "d"}
    content = csv_bytes(["d", "t", "y"], rows)
    if task == "classification":
        options = {**options, "types": {"t": "category"}}
    made = process(content, task, split=split, **options)
    assert warning(made, "ambiguous_dates").columns == {"d": 299}
    assert warning(made, "missing_words").columns == {"d": 1}
    made = process(content, task, split=split, day_first=True, **options)
    assert warning(made, "date_format").columns == {"d": 299}


@pytest.mark.parametrize(
    ("code", "texts", "examples"),
    [
        ("id", [f"0{at:03}" for at in range(60)], ["0000", "0001", "0002"]),
        ("constant", ["05.03.20"] * 60, ["05.03.20"]),
        ("text", [f"some words, {at} of them" for at in range(60)], ["some words, 0 of them"]),
        ("kept_as_text", many("$5", "\u20ac5"), ["$5", "\u20ac5"]),
        ("determines_target", ["pq"[at * 7 % 11 % 2] for at in range(60)], ["p", "q"]),
        ("epoch", many(1_700_000_000, 1_700_086_400), ["1700000000", "1700086400"]),
    ],
)
def test_a_warning_of_columns_shows_their_values(
    code: str, texts: list[object], examples: list[str]
) -> None:
    found = warning(made_of(texts), code)
    assert found.examples[: len(examples)] == examples
    assert found.option


def test_columns_without_values_have_none_to_show() -> None:
    found = warning(made_of([""] * 60), "empty")
    assert (found.examples, found.option) == ([], "exclude; missing_values, if words are there")
    assert warning(made_of(["NA"] * 60), "empty").examples == ["NA"]


def test_repeated_and_rejected_rows_are_shown_as_the_file_has_them() -> None:
    rows = [[f"{1 + at % 28:02}.03.20", f"{at},5", "ab"[at % 2]] for at in range(60)]
    rows += [["05.03.20", "1,5", "b"]] * 20 + [["06.03.20", "2,5", ""]]
    made = process(csv_bytes(["d", "x", "y"], rows, delimiter=";"))
    assert warning(made, "repeated_rows").examples[0] == "05.03.20;1,5;b"
    assert warning(made, "rejected_rows").examples == ["06.03.20;2,5;"]
    rows[0][0] = "soon"
    made = process(
        csv_bytes(["d", "x", "y"], rows, delimiter=";"), split={"by": "time", "column": "d"}
    )
    assert warning(made, "rejected_rows").examples == ["soon;0,5;a", "06.03.20;2,5;"]
