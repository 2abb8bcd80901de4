"""The page docs/use_elsewhere.md is true: its code runs where nothing of this project is."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import tasks
from common.signature import Input, Signature
from tasks.framework.training import metadata
from tests.unit.tasks.notebooks import foreign_parts
from tests.unit.tasks.samples import served, trained
from tests.unit.tasks.splits import Row, run, training_data

PAGE = Path(__file__).parents[3] / "docs/use_elsewhere.md"
TYPES = {"age": "number", "plan": "category", "since": "datetime", "newsletter": "boolean"}
REPORT = """
import sys
assert not any("lambda_src" in path for path in sys.path)
print(json.dumps({
    "rows": json.loads(frame.to_json(orient="records")),
    "estimator": probabilities.to_dict(orient="records"),
    "labels": list(labels),
    "graph_rows": rows,
    "graph": by_graph.tolist(),
    "best": best,
}))
"""


def customers(count: int, seed: int) -> list[Row]:
    chance = random.Random(seed)
    made: list[Row] = []
    for _ in range(count):
        age, plan = chance.randint(18, 90), chance.choice(["basic", "family", "student"])
        made.append(
            {
                "age": None if chance.random() < 0.1 else age,
                "plan": plan,
                "since": f"20{chance.randint(15, 24)}-{chance.randint(1, 12):02}-07T10:00:00",
                "newsletter": chance.choice([True, False, None]),
                "churned": "yes" if age + 20 * (plan == "basic") > 60 else "no",
            }
        )
    return made


def described(task: str, made: tasks.Trained) -> dict[str, bytes]:
    names = {"task": task, "model": "customers", "version": "v1", "target": "churned"}
    signature = tasks.signature(task, made.inputs, made.labels)
    encoding = tasks.encoding(task, made.inputs)
    return metadata.described(made.files, names, signature, encoding, made.labels, {"numpy": "2"})


def test_the_code_of_the_page_answers_as_the_service(tmp_path: Path) -> None:
    splits = [customers(count, seed) for seed, count in enumerate((240, 30, 60))]
    source = training_data(tmp_path, {**TYPES, "churned": "category"}, "churned", splits)
    options = tasks.task("classification").training_options(candidates=["decision_tree"])
    made = tasks.training("classification").train(source, options, run())
    for name, content in described("classification", made).items():
        (tmp_path / name).write_bytes(content)
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    (tmp_path / "page.py").write_text(code + REPORT)

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        [sys.executable, "-P", "page.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    answers = json.loads(ended.stdout)
    expected, _ = served("classification", made).predict(answers["rows"])
    assert answers["labels"] == [one["label"] for one in expected]
    for probabilities, one in zip(answers["estimator"], expected, strict=True):
        assert probabilities == pytest.approx(one["probabilities"], abs=1e-5)
    expected, _ = served("classification", made).predict(answers["graph_rows"])
    assert answers["best"] == [one["label"] for one in expected]
    for values, one in zip(answers["graph"], expected, strict=True):
        assert values == pytest.approx(list(one["probabilities"].values()), abs=1e-6)


@pytest.mark.parametrize("task", tasks.TASKS)
def test_graphs_of_every_task_describe_themselves_and_answer_as_before(task: str) -> None:
    made = trained(task)
    files = described(task, made)
    assert files.keys() == made.files.keys()
    if "model.joblib" in files:
        assert foreign_parts(files["model.joblib"]) == set()
    if "model.onnx" not in files:
        return
    model = onnx.load_model_from_string(files["model.onnx"])
    onnx.checker.check_model(model)
    assert model.graph == onnx.load_model_from_string(made.files["model.onnx"]).graph
    session = onnxruntime.InferenceSession(files["model.onnx"])
    about = session.get_modelmeta().custom_metadata_map
    assert (about["task"], about["model"], about["version"]) == (task, "customers", "v1")
    names = [one["name"] for one in json.loads(about["signature"])["inputs"]]
    assert names == [one.name for one in tasks.signature(task, made.inputs, made.labels).inputs]
    assert json.loads(about.get("labels", "null")) == (made.labels and list(made.labels))
    encoding = json.loads(about["encoding"])
    if encoding:
        assert encoding["inputs"].keys() == {one.name for one in session.get_inputs()}
        assert encoding["outputs"].keys() >= {one.name for one in session.get_outputs()}
    people = made.inputs.get("people", ())
    assert not any(name in text for text in about.values() for name in people)


def bounded(categories: int, **more: Any) -> dict[str, str]:
    columns = [
        Input("shop", "category", categories=[f"shop {at}" for at in range(categories)]),
        Input("size", "category", categories=["s", "m"]),
    ]
    names = {"task": "classification", "model": "m", "version": "v", "target": None}
    return metadata.properties(names, Signature(columns, []), more, ["a"], {})


def test_ten_thousand_categories_are_described() -> None:
    about = bounded(10_000)
    assert "left_out" not in about
    assert "target" not in about
    assert len(json.loads(about["signature"])["inputs"][0]["categories"]) == 10_000


def test_what_is_too_large_is_left_out_and_named() -> None:
    about = bounded(100_000)
    assert json.loads(about["left_out"]) == ["categories of shop"]
    shop, size = json.loads(about["signature"])["inputs"]
    assert "categories" not in shop
    assert size["categories"] == ["s", "m"]
    about = bounded(3, columns=["x" * 100] * 20_000)
    assert "encoding" not in about
    assert "signature" in about
    assert sum(map(len, about.values())) < metadata.MOST_BYTES


def test_a_version_without_that_file_is_left_as_it_is() -> None:
    files = {"encoder.onnx": b"1", "decoder.onnx": b"2"}
    names = {"task": "translation", "model": "m", "version": "v", "target": None}
    assert metadata.described(files, names, Signature([], []), {}, None, {}) == files


def test_the_matrix_is_as_wide_as_its_description() -> None:
    made = trained("regression")
    encoding = tasks.encoding("regression", made.inputs)
    session = onnxruntime.InferenceSession(made.files["model.onnx"])
    indices = [
        index
        for column in encoding["columns"]
        for index in (
            column["index"].values() if isinstance(column["index"], dict) else [column["index"]]
        )
    ]
    np.testing.assert_array_equal(indices, np.arange(session.get_inputs()[0].shape[1]))
