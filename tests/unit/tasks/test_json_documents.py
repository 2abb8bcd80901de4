"""JSON files of other forms are read as rows, or refused for what they are."""

import json
from typing import Any

import pytest

from common.problems import Unprocessable
from tasks.tables.processing.files import json_documents
from tests.unit.plain import assert_plain
from tests.unit.tasks.tables import process

ROWS: list[dict[str, Any]] = [
    {"x": i * 7 % 40, "color": "abc"[i % 3], "y": "yn"[i % 2]} for i in range(60)
]
LINES = "\n".join(map(json.dumps, ROWS))
PLAIN = process(LINES.encode())
NAMES = list(ROWS[0])
ARRAY = json.dumps(ROWS)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"count": 60, "data": ROWS}, id="wrapped"),
        pytest.param({name: [row[name] for row in ROWS] for name in NAMES}, id="lists"),
        pytest.param(
            {name: {str(i): row[name] for i, row in enumerate(ROWS)} for name in NAMES},
            id="columns",
        ),
        pytest.param({str(i): row for i, row in enumerate(ROWS)}, id="index"),
        pytest.param({f"r{i}": row for i, row in enumerate(ROWS)}, id="named index"),
        pytest.param(
            {"columns": NAMES, "index": [*range(60)], "data": [[*row.values()] for row in ROWS]},
            id="split",
        ),
        pytest.param({"schema": {"fields": [{"name": "x"}]}, "data": ROWS}, id="table"),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_is_read_as_rows_and_told(document: Any, indent: int | None) -> None:
    made = process(json.dumps(document, indent=indent).encode())
    assert made.rows == PLAIN.rows
    assert [(each.code, each.count) for each in made.about.warnings] == [("json_form", 60)]


@pytest.mark.parametrize("indent", [1, 4])
def test_objects_over_several_lines_are_rows(indent: int) -> None:
    content = "\n".join(json.dumps(row, indent=indent) for row in ROWS)
    made = process(content.encode())
    assert (made.rows, made.codes) == (PLAIN.rows, [])


def _again(row: dict[str, Any]) -> str:
    """A row whose color is there twice, and the second time another one."""
    return f'{json.dumps(row)[:-1]},\n "color": "other"}}'


COLUMNS = {name: [row[name] for row in ROWS] for name in NAMES}


@pytest.mark.parametrize(
    ("content", "count"),
    [
        pytest.param("\n".join(_again(row).replace("\n", "") for row in ROWS), 60, id="lines"),
        pytest.param(f"[{','.join(map(_again, ROWS))}]", 60, id="array"),
        pytest.param("\n".join(map(_again, ROWS)), 60, id="objects over lines"),
        pytest.param(f'{{"data": [{",".join(map(_again, ROWS))}]}}', 60, id="wrapped"),
        pytest.param(f'{json.dumps(COLUMNS)[:-1]}, "color": ["d"]}}', 1, id="lists"),
        pytest.param(f'{{"data": {ARRAY}, "data": [{{"x": 1}}]}}', 1, id="key of the rows"),
    ],
)
def test_of_a_key_that_is_there_twice_the_first_value_is_read(content: str, count: int) -> None:
    made = process(content.encode())
    assert made.rows == PLAIN.rows
    (found,) = [each for each in made.about.warnings if each.code == "json_repeated_keys"]
    assert found.count == count
    is_column = '"data": [{"x": 1}]' not in content
    assert found.columns == ({"color": count} if is_column else {})
    assert found.examples
    made = process(content.encode(), exclude=["color"])
    assert ("json_repeated_keys" in made.codes) == (not is_column)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (ARRAY[:-30], "JSON array is cut off"),
        (ARRAY[:-1], "JSON array is cut off"),
        (ARRAY[: ARRAY.index("}, {", 900) + 2], "JSON array is cut off"),
        (json.dumps({"data": ROWS})[:-30], "JSON is cut off"),
        (json.dumps({"data": ROWS}, indent=1)[:-30], "JSON is cut off"),
        (json.dumps([[*row.values()] for row in ROWS]), "rows of the file are JSON arrays"),
        (
            "\n".join(json.dumps([*row.values()]) for row in ROWS),
            "rows of the file are JSON arrays",
        ),
        (json.dumps(ROWS[0]), "a single object"),
        (json.dumps({"a": ROWS, "b": ROWS}), "several lists of objects (a, b)"),
        (json.dumps({"a": {"b": 1}, "c": {"d": 2}}), "not clear whether those are rows or columns"),
        ('{"x": 1, "y": }', "not valid JSON (line 1"),
        ('[\n{"x": 1},\n{"x": 2},\n]', "(line 3, character 9: illegal trailing comma"),
        ('[{"x": 1} {"x": 2}]', """'{"x": 2}]' is there"""),
        ("\x1e" + LINES.replace("\n", "\n\x1e"), "JSON text sequence"),
        (json.dumps(ARRAY), "one JSON string"),
        (json.dumps(LINES), "one JSON string"),
        (LINES + "\n[1]" * 70, "70 of 130 lines are no rows"),
    ],
)
def test_what_is_no_table_is_refused_for_what_it_is(content: str, says: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        process(content.encode())
    assert says in raised.value.detail


def test_a_document_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_documents, "MAX_BYTES", 1000)
    with pytest.raises(Unprocessable, match="too large to be read whole"):
        process(json.dumps({"data": ROWS}).encode())
    assert process(LINES.encode()).rows == PLAIN.rows


def test_a_bad_first_line_costs_no_other() -> None:
    made = process(b'{"x": 1\n' + LINES.encode())
    assert (made.about.rows["used"], made.about.rows["rejected"]) == (60, 1)
    assert [(each.code, each.examples) for each in made.about.warnings] == [
        ("rejected_lines", ['{"x": 1'])
    ]


HALF = "\ud800"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(
            f'{{"columns": ["x", "y"], "data": [[{"1" * 5000}, "a"]]}}',
            "a number of over 4,300 digits",
            id="digits",
        ),
        pytest.param(f'{{\n"x": {"1" * 5000}\n}}', "a number of over", id="digits in lines"),
        pytest.param(
            f'[{{"x": {"1" * 5000}}},\n{{"x": b}}]', "line 2, character 7", id="digits in array"
        ),
        pytest.param(
            json.dumps({"columns": NAMES, "data": [[1, "a", "b"], [1, HALF, "b"]]}),
            "Row 2 has half a surrogate pair",
            id="half",
        ),
        pytest.param(
            json.dumps({"x": [1, 2], HALF: ["a", "b"]}), "Row 1 has half", id="half in a key"
        ),
        pytest.param(json.dumps({"x": ROWS, HALF: ROWS}), "lists of objects (x, ?)", id="lists"),
        pytest.param(
            LINES + f'\n{{"x": {"[" * 900}{"]" * 900}}}', "nested too deep", id="deep line"
        ),
        pytest.param(
            json.dumps({f"c{i}": {f"r{i}": 1} for i in range(8000)} | {"y": {"r0": 1}}),
            "8,001 columns, whose values have 8,000 different labels",
            id="labels",
        ),
    ],
)
def test_documents_that_no_table_is_made_of_are_refused(content: str, says: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        process(content.encode())
    assert says in raised.value.detail
    assert_plain(json.dumps(raised.value.detail))


def test_labels_that_some_columns_lack_are_missing_values() -> None:
    rows = [{name: v for name, v in row.items() if i % 3 or name != "x"} for i, row in
            enumerate(ROWS)]  # fmt: skip
    columns = {name: {str(i): row[name] for i, row in enumerate(rows) if name in row} for name in
               NAMES}  # fmt: skip
    assert columns["x"].keys() < columns["y"].keys()
    made = process(json.dumps(columns).encode())
    assert made.rows == process("\n".join(map(json.dumps, rows)).encode()).rows
