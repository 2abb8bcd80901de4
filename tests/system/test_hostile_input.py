"""Names, cells and numbers that break what trusts them: each is used, or refused with a reason."""

import math
import tempfile
from pathlib import Path
from typing import Any

import pytest

from common.problems import pointer
from local.client import ApiError, Client
from tests.system.contract import ContractClient
from tests.system.loops import finished, train

COLUMNS: dict[str, list[Any]] = {
    "名前 \U0001f600": ["猫", "狗", None],
    "'; DROP TABLE disk; --": ["' OR 1=1 --", '"', "\\"],
    'a "quoted" / ~name': ["\u202eltr", "=cmd|' /C calc'!A0", "<script>"],
    "é": ["\u200b", "café", "cafe\u0301\0"],
    "__class__": ["{0.__class__}", "%s%n", "${jndi:ldap://x}"],
    "x" * 300: [1e308, -1e308, 5e-324],
}
TARGET = "метка"


def hostile_rows() -> list[dict[str, Any]]:
    return [
        {
            **{name: values[(i + i // 7) % 3] for name, values in COLUMNS.items()},
            "size": i * 37 % 101,
            TARGET: "да" if i * 37 % 101 < 50 else "нет",
        }
        for i in range(150)
    ]


@pytest.fixture(scope="module")
def hostile(api: ContractClient) -> dict[str, Any]:
    """The manifest of a dataset made of hostile rows, with a model of the same name."""
    source = {"dataset": "hostile", "source": {"rows": hostile_rows()}}
    options = {"task": "classification", "target": TARGET}
    made = api.run("/data_processing", {**source, **options})
    train("hostile", "decision_tree", api)
    manifest: dict[str, Any] = api.get(f"/datasets/hostile/versions/{made['version']}")
    return manifest


def test_hostile_names_and_cells_are_data(hostile: dict[str, Any], api: ContractClient) -> None:
    names = {column["name"] for column in hostile["schema"]["columns"]}
    assert names == {*COLUMNS, "size", TARGET}
    assert hostile["rows"]["used"] == 150

    instances = [{k: v for k, v in row.items() if k != TARGET} for row in hostile_rows()[:9]]
    answer = api.post("/inference", {"model": "hostile", "instances": instances})

    assert [one["label"] for one in answer["predictions"]] == [
        row[TARGET] for row in hostile_rows()[:9]
    ]
    assert answer["warnings"] == []


@pytest.mark.parametrize("value", [[], {}, [[[]]], "\0", "9" * 400])
def test_a_bad_value_is_pointed_at_whatever_its_columns_name(
    hostile: dict[str, Any], api: ContractClient, value: Any
) -> None:
    row = {k: v for k, v in hostile_rows()[0].items() if k != TARGET}
    for name in ("size", "x" * 300):
        body = {"model": "hostile", "instances": [{**row, name: value}]}
        answer = api.request("POST", "/inference", body)

        assert answer.status == 422
        assert [e["pointer"] for e in answer.body["errors"]] == [pointer("instances", 0, name)]


@pytest.mark.parametrize(
    "number", [b"1e400", b"-1e400", b"1" * 400, b"1e-400", b"9007199254740993", b"-0.0"]
)
def test_numbers_beyond_a_double_are_answered_or_refused(
    hostile: dict[str, Any], api: ContractClient, number: bytes
) -> None:
    body = b'{"model": "hostile", "instances": [{"size": %s}]}' % number
    answer = api.request("POST", "/inference", body)

    assert answer.status in (200, 400, 422)
    if answer.status == 200:
        assert all(math.isfinite(one["probability"]) for one in answer.body["predictions"])


@pytest.mark.parametrize("nested", ["[" * 5000 + "]" * 5000, '{"a":' * 5000 + "1" + "}" * 5000])
def test_deep_json_is_refused(api: ContractClient, nested: str) -> None:
    row = f'[{{"x": {nested}}}]'
    answer = api.request("POST", "/inference", f'{{"model": "m", "instances": {row}}}'.encode())
    assert answer.status in (400, 404)

    options = '"dataset": "deep", "task": "classification", "target": "y"'
    answer = api.request(
        "POST", "/data_processing", f'{{{options}, "source": {{"rows": {row}}}}}'.encode()
    )
    if answer.status == 202:
        assert finished(api, answer.body)["error"]["status"] == 422
    else:
        assert answer.status in (400, 422)


def upload(client: Client, name: str, content: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(content)
        return client.upload("files", file)


def failure(client: Client, content: bytes, **options: Any) -> dict[str, Any]:
    """The problem with which the processing of a file ends."""
    source = {"key": upload(client, "data", content)}
    body = {"dataset": "files", "source": source, "task": "classification", "target": "y"}
    with pytest.raises(ApiError) as caught:
        client.run("/data_processing", {**body, **options})
    problem: dict[str, Any] = caught.value.problem
    return problem


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 5000,
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        b"PAR1" + b"\xff" * 5000 + b"PAR1",
        b"\x1f\x8b\x08\x00" + b"\xff" * 5000,
        b"x,y\n" + b'"' * 5000,
        b"x,y\n" + b"a\0,b\n" * 50,
        b"[" * 50_000,
        b'{"x": ' * 50_000,
    ],
)
def test_a_file_that_is_no_table_says_so(api: ContractClient, content: bytes) -> None:
    problem = failure(api, content)

    assert problem["status"] == 422, problem
    assert len(problem["detail"]) > 20


def test_long_cells_become_a_dataset(api: ContractClient) -> None:
    rows = [f'{i % 50},"{"长" * 20_000}, {i}",{"ja" if i % 3 else "nein"}' for i in range(200)]
    key = upload(api, "long.csv", "\n".join(["x,note,y", *rows]).encode())
    body = {"dataset": "files", "source": {"key": key}, "task": "classification", "target": "y"}

    assert api.run("/data_processing", body)["rows"]["used"] == 200
