"""A row that is copied from the training file is answered as that row."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.datasets import SPLITS
from tasks import TrainingData
from tasks.framework.training import data
from tasks.tables.serving import Table
from tasks.tables.training import encoding
from tests.unit.tasks.tables import Dataset, csv_bytes, process

KINDS = {
    "integers": ["1", "25", "-3", "1e3", " 7"],
    "decimal comma": ["1,5", "-12,25", "7", "0,125", "1.234,5"],
    "money": ["$1,234.50", "$ 5", "($12.00)", "-$7", "$1,000"],
    "percent": ["12.5%", "7 %", "0%", "100%"],
    "unit": ["12 kg", "7kg", "3.5 kg"],
    "spaces": ["1\u202f234,5", "12 000,0", "7,25"],
    "apostrophes": ["1'234.5", "12'000", "7.25"],
    "duration": ["13:45", "0:07", "1:02:03"],
    "two parts": ["13:45", "0:07", "61:30"],
    "three parts": ["13:45:00", "0:07:01", "1:02:03.5"],
    "zeros": ["01001", "00501", "90210"],
    "codes": ["5E1", "50A", "12B"],
    "day first": ["31/12/2023", "1/2/2024", "05/06/2024"],
    "two-digit years": ["31.12.99", "1.2.24", "05.06.68"],
    "month names": ["5 May 2024", "12 Feb 2023", "1 December 2022"],
    "half days": ["12/31/2023 1:05 PM", "1/2/2024 12:30 AM"],
    "iso": ["2024-01-31", "2024-02-01T10:00:00+02:00", "2024-02-01 10:00:00.123456"],
    "compact": ["20240131", "20231231", "19991231"],
    "booleans": ["true", "FALSE", " True "],
    "categories": ["red", " green", "caf\u00e9", "cafe\u0301", "Red"],
}
ODD = ["", " ", "NA", "n/a", "#DIV/0!", "-", "<5", "soon", "abc", "\u00a0", "?"]


def encoded(
    made: Dataset, texts: list[str], missing_values: list[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The matrices of training and of serving, of the same rows in the same order."""
    sent = [{"c": text, "x": str(at + 0.5), "y": "ab"[at % 2]} for at, text in enumerate(texts)]
    return both(made, sent, missing_values)


def both(
    made: Dataset, file_rows: Sequence[dict[str, Any]], missing_values: list[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The same of the rows of a file, in which x is the row's number and a half."""
    with tempfile.TemporaryDirectory() as folder:
        files = {split: Path(folder, split) for split in SPLITS}
        for split, path in files.items():
            path.write_bytes(made.files[f"{split}.arrow"])
        source = TrainingData(
            schema=made.about.schema,
            target="y",
            rows=made.about.split_rows,
            files=files,
            missing_values=missing_values,
        )
        rows = data.read(source, SPLITS, 10_000)
    features = encoding.learn(source.schema.columns, rows)
    trained = encoding.encode(features, rows)
    inputs = json.loads(json.dumps(encoding.inputs(source, features)))
    positions = (np.asarray(rows["x"]) - 0.5).astype(int)
    served, report = Table(inputs).encode([file_rows[at] for at in positions])
    told = {warning.code for warning in report.warnings}
    assert told <= {"unreadable_value"}, report.warnings
    return trained, served


def made_of(texts: list[str], **options: Any) -> Dataset:
    rows = [[text, at + 0.5, "ab"[at % 2]] for at, text in enumerate(texts)]
    return process(csv_bytes(["c", "x", "y"], rows), **options)


@pytest.mark.parametrize("kind", KINDS)
def test_every_written_form(kind: str) -> None:
    texts = [*(KINDS[kind] * 20)[:60], "", "NA"]
    trained, served = encoded(made_of(texts), texts)
    np.testing.assert_array_equal(served, trained)


@settings(max_examples=15)
@given(
    st.sampled_from(sorted(KINDS)),
    st.lists(st.sampled_from(ODD), max_size=12),
    st.sampled_from([{}, *({"missing_values": words} for words in ([], ["abc", "7", "true"]))]),
    st.randoms(use_true_random=False),
)
def test_any_mixture(kind: str, odd: list[str], options: dict[str, Any], chance: Any) -> None:
    texts = chance.choices(KINDS[kind], k=60) + odd
    chance.shuffle(texts)
    made = made_of(texts, **options)
    if made.column("c").role != "feature":
        return
    trained, served = encoded(made, texts, **options)
    np.testing.assert_array_equal(served, trained)


def lines(values: Sequence[Any], name: str = "c") -> tuple[list[dict[str, Any]], bytes]:
    """Rows that have a value of JSON each, and their file."""
    rows = [{name: value, "x": at + 0.5, "y": "ab"[at % 2]} for at, value in enumerate(values)]
    return rows, "\n".join(map(json.dumps, rows)).encode()


@pytest.mark.parametrize("odd", [[], "", "none", None, {}, "p", 7])
def test_an_object_is_read_though_some_rows_have_something_else(odd: Any) -> None:
    geo = [{"lat": at * 7 % 50 / 8, "zone": "pqr"[at % 3]} if at % 9 else odd for at in range(90)]
    rows, content = lines(geo, "geo")
    made = process(content)
    assert {"geo.lat", "geo.zone"} <= {c.name for c in made.about.schema.columns}
    trained, served = both(made, rows)
    np.testing.assert_array_equal(served, trained)
    assert len(np.unique(trained[:, -3])) > 10


ODD_JSON = [True, False, 0, 1, 1.0, -999.0, [1], ["red"], [], {}, "soon", "", None, "1", 10**400]
JSON_KINDS: dict[str, list[Any]] = {
    "numbers": [1, 2.5, -3, 1e3, "7"],
    "dates": ["2024-01-31", "2024-02-01T10:00:00Z"],
    "booleans": [True, False, "true"],
    "categories": ["red", "green", "A"],
    "comma": ["1,5", "-12,25", "0,125"],
    "compact": [20240131, 20231231, "19991231"],
}


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(sorted(JSON_KINDS)),
    st.lists(st.sampled_from(ODD_JSON), max_size=6),
    st.sampled_from([{}, {"missing_values": ["-999", "1", "red"]}, {"missing_values": ["0"]}]),
    st.randoms(use_true_random=False),
)
def test_any_mixture_of_the_types_of_json(
    kind: str, odd: list[Any], options: dict[str, Any], chance: Any
) -> None:
    values = chance.choices(JSON_KINDS[kind], k=60) + odd
    chance.shuffle(values)
    rows, content = lines(values)
    made = process(content, **options)
    trained, served = both(made, rows, **options)
    np.testing.assert_array_equal(served, trained)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["-999"], ["-999", "-999.0", "-9.99e2", "-999.5"]),
        (["1000"], ["1e3", "1000", "1000.0", "7"]),
        (["0"], ["0.0", "0", "-0", "5"]),
        (["-9,5"], ["-9,5", "-9,50", "3,25"]),
    ],
)
def test_a_word_that_is_a_number_stands_for_the_number(words: list[str], values: list[str]) -> None:
    texts = [*values * 5, *(str(at) for at in range(40))]
    made = made_of(texts, missing_values=words)
    assert "unreadable_values" not in made.codes
    trained, served = encoded(made, texts, words)
    np.testing.assert_array_equal(served, trained)
    assert np.isnan(trained[:, 0]).sum() == 5 * (len(values) - 1) + texts[20:].count(words[0])
    if words[0].isdecimal() or words[0] == "-999":
        sent = [
            {"c": float(text), "x": str(at + 0.5), "y": "ab"[at % 2]}
            for at, text in enumerate(texts)
        ]
        np.testing.assert_array_equal(both(made, sent, words)[1], trained)


def test_numbers_of_single_precision(tmp_path: Path) -> None:
    query = (
        "SELECT CAST(0.1 * i AS FLOAT) AS c, i + 0.5 AS x, 'ab'[i % 2 + 1] AS y FROM range(80) t(i)"
    )
    duckdb.sql(f"COPY ({query}) TO '{tmp_path}/t.parquet'")
    made = process((tmp_path / "t.parquet").read_bytes())
    sent = [
        {"c": float(np.float32(0.1 * at)), "x": at + 0.5, "y": "ab"[at % 2]} for at in range(80)
    ]
    trained, served = both(made, sent)
    np.testing.assert_array_equal(served, trained)
