"""Requests made up from the OpenAPI document, well-formed and not: each answer is as it says."""

from typing import Any

import pytest
import requests
import schemathesis
import yaml
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, settings
from requests.auth import AuthBase
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.cloud import LocalCloud
from local.terraform import REPOSITORY
from tests.system.sizes import Sizes

# Every request is signed below, whatever it is made of: that it must be is tested elsewhere. The
# document's examples are about data that other tests need as it is; here they are about sizes.
DOCUMENT = yaml.safe_load((REPOSITORY / "docs/openapi.yaml").read_text().replace("churn", "sizes"))
CONTRACT = schemathesis.openapi.from_dict({**DOCUMENT, "security": []})
CHECKS = [
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


OF_VALID_DATA = [check for check in CHECKS if check is not negative_data_rejection]

UNKNOWN = "x-schemathesis-unknown-property"
"""Unknown parameters of a query are ignored: who signs by query sends some, and an authorizer may
read others."""


class Signed(AuthBase):
    """Signs as AWS_IAM wants it."""

    def __init__(self, cloud: LocalCloud) -> None:
        keys = Credentials(cloud.credentials.access_key_id, cloud.credentials.secret_access_key)
        self._signer = SigV4Auth(keys, "execute-api", cloud.region)

    def __call__(self, request: Any) -> Any:
        signed = AWSRequest(request.method, request.url, data=request.body)
        self._signer.add_auth(signed)
        request.headers.update(signed.headers)
        return request


@pytest.fixture(scope="module")
def session(cloud: LocalCloud) -> requests.Session:
    session = requests.Session()
    session.auth = Signed(cloud)
    session.trust_env = False
    return session


@CONTRACT.parametrize()
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,  # the same requests in every run; look for more with more examples
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_documented(
    case: schemathesis.Case[Any], cloud: LocalCloud, session: requests.Session, sizes: Sizes
) -> None:
    spare_what_exists(case)
    if case.path == "/model_training" and isinstance(case.body, dict):
        case.body.setdefault("candidates", ["decision_tree"])  # all of them would take a while
    checks = OF_VALID_DATA if UNKNOWN in (case.query or {}) else CHECKS
    case.call_and_validate(base_url=cloud.api_url, session=session, checks=checks)
    if name_what_exists(case, sizes):
        case.call_and_validate(base_url=cloud.api_url, session=session, checks=OF_VALID_DATA)


def spare_what_exists(case: schemathesis.Case[Any]) -> None:
    """Have deletions name something else: other tests need what there is."""
    if case.method != "DELETE":
        return
    for given in (case.path_parameters, case.query):
        if isinstance(given, dict):
            named = {name: value for name, value in given.items() if isinstance(value, str)}
            given.update({name: value.replace("sizes", "other") for name, value in named.items()})


def name_what_exists(case: schemathesis.Case[Any], sizes: Sizes) -> bool:
    """Put names of what there is into the request, where it has any; whether it has.

    Made-up names get no further than 404.
    """
    if case.method == "DELETE":  # other tests need what there is
        return False
    of_dataset = "/datasets/" in case.path
    names = {
        "dataset": sizes.dataset,
        "model": sizes.model,
        "version": sizes.dataset_version if of_dataset else sizes.model_version,
    }
    found = False
    for given in (case.path_parameters, case.body):
        if isinstance(given, dict):
            known = {name: names[name] for name in names.keys() & given.keys()}
            given.update(known)
            found = found or bool(known)
    return found
