"""A column that there is not is told with the one that was meant, in a time that is bounded."""

import pytest

from common.problems import Unprocessable
from tasks.framework.similar_names import compared, no_column
from tasks.images.processing.label_tables import check_column
from tasks.tables.options import TableOptions
from tasks.tables.processing.columns.plan import Target, check_names


@pytest.mark.parametrize("name", ["a" * 60, "ab" * 30])
@pytest.mark.parametrize("column", ["a" * 59 + "b", "ba" * 29, "x"])
def test_names_are_compared_up_to_a_number_of_characters(name: str, column: str) -> None:
    columns = list(compared(name, [column] * 100_000))
    assert 0 < len(name) * sum(map(len, columns)) <= 2_000_000


def test_long_names_are_compared_with_none_and_shown_in_part() -> None:
    assert list(compared("a" * 61, ["a" * 60])) == []
    assert list(compared("a" * 60, ["a" * 61, "b"])) == ["b"]
    assert len(no_column("a" * 1000, ["b" * 1000] * 2000)) < 2000


def test_tables_and_labels_of_images_say_it_alike() -> None:
    says = r"there is no column 'Prize'\. Did you mean 'price'\? The columns are 'price', 'size'"
    with pytest.raises(Unprocessable, match=says):
        check_names(("price", "size"), TableOptions(), Target("Prize", "label"), None)
    with pytest.raises(Unprocessable, match=says):
        check_column([{"price": "1", "size": "2"}], ["target"], "Prize")
