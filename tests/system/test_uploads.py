"""A presigned URL takes one object, once, with the headers that it was signed with."""

from typing import Any

import pytest
import urllib3

from tests.system.contract import ContractClient

CSV = b"x,y\n" + b"".join(b"%d,%d\n" % (i * 7 % 40, i % 2) for i in range(60))


def target(api: ContractClient, **more: Any) -> dict[str, Any]:
    asked = {"dataset": "once", "filename": "once.csv", **more}
    answer: dict[str, Any] = api.post("/data_processing/uploads", asked)
    return answer


def sent(target: dict[str, Any], content: bytes, **headers: str | None) -> int:
    """The status of an upload; headers change those of the target, None leaves one out."""
    changed = {**target["headers"], **{n.replace("_", "-"): v for n, v in headers.items()}}
    given = {name: value for name, value in changed.items() if value is not None}
    found = urllib3.request("PUT", target["url"], body=content, headers=given, retries=False)
    return int(found.status)


def test_an_object_that_processing_has_read_cannot_be_replaced(api: ContractClient) -> None:
    upload = target(api)
    assert sent(upload, CSV) == 200
    body = {"dataset": "once", "source": {"key": upload["key"]}, "task": "classification"}
    first = api.run("/data_processing", {**body, "target": "y"})

    assert sent(upload, CSV.replace(b"1\n", b"0\n")) == 412
    again = api.run("/data_processing", {**body, "target": "y"})
    assert again["version"] == first["version"]


@pytest.mark.parametrize("header", [None, '"tag"'])
def test_the_condition_cannot_be_left_out_or_changed(
    api: ContractClient, header: str | None
) -> None:
    upload = target(api)

    assert sent(upload, CSV, If_None_Match=header) == 403
    assert sent(upload, CSV) == 200


@pytest.mark.parametrize("change", [-1, 1, 10_000])
def test_a_file_of_another_size_is_not_taken(api: ContractClient, change: int) -> None:
    upload = target(api, bytes=len(CSV))
    other = CSV[:change] if change < 0 else CSV + b"x" * change

    assert sent(upload, other, Content_Length=str(len(other))) == 403
    assert sent(upload, CSV) == 200
