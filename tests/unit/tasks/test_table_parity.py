"""A row that is copied from the training file is answered as that row."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.datasets import SPLITS
from tasks import TrainingData
from tasks.shared.serving.table import Table
from tasks.shared.training import data, encoding
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
    positions = (np.asarray(rows["x"]) * 4).round().astype(int)
    sent = [{"c": texts[at], "x": str(at / 4), "y": "ab"[at % 2]} for at in positions]
    served, report = Table(inputs).encode(sent)
    told = {warning.code for warning in report.warnings}
    assert told <= {"unreadable_value"}, report.warnings
    return trained, served


def made_of(texts: list[str], **options: Any) -> Dataset:
    rows = [[text, at / 4, "ab"[at % 2]] for at, text in enumerate(texts)]
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
