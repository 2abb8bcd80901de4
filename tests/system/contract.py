"""A client that holds every answer to the OpenAPI document."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml
from openapi_schema_validator import OAS30Validator

from local.client import Answer, Client
from local.cloud import LocalCloud
from local.gateway.openapi import Document
from local.terraform import REPOSITORY
from tests.unit.plain import assert_plain


@cache
def document() -> Any:
    return yaml.safe_load((REPOSITORY / "modules/rest_api/openapi.yaml").read_text())


def operations() -> list[tuple[str, str]]:
    """Method and path of everything that the API serves."""
    return [
        (method.upper(), path) for path, found in document()["paths"].items() for method in found
    ]


class ContractClient(Client):
    """A signed client whose every request asserts that the answer is what the document says."""

    @classmethod
    def of(cls, cloud: LocalCloud) -> "ContractClient":
        keys = cloud.credentials
        return cls(cloud.api_url, keys.access_key_id, keys.secret_access_key, cloud.region)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        answer = super().request(method, path, body, headers)
        check(method, path, answer)
        return answer


def check(method: str, path: str, answer: Answer) -> None:
    """Assert that an answer's status, headers and body are those of its operation."""
    match = Document(document()).match(method, path.partition("?")[0])
    assert match is not None, f"{method} {path} is not in the document"
    responses = document()["paths"][match.route.path][method.lower()]["responses"]
    assert str(answer.status) in responses, (method, path, answer)
    response = _resolved(responses[str(answer.status)])
    kind = answer.headers["Content-Type"]
    assert kind in response["content"], (method, path, answer)
    schema = {**response["content"][kind]["schema"], "components": document()["components"]}
    complaints = [error.message for error in OAS30Validator(schema).iter_errors(answer.body)]
    assert not complaints, (method, path, complaints)
    if answer.status == 413 and kind == "application/json":  # which the gateway gives no other form
        return
    assert answer.headers["X-Request-Id"]
    if answer.status >= 400:
        assert answer.body["status"] == answer.status
        assert answer.body["request_id"] == answer.headers["X-Request-Id"]
        assert len(answer.body["detail"]) > 10
        if answer.status != 403:  # which names the caller, in the gateway's own words
            assert_plain(answer.body)


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    found: Any = node
    if "$ref" in node:
        found = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
    return dict(found)
