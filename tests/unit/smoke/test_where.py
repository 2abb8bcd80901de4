"""AWS is not taken for the local cloud, where nothing has a price."""

import boto3
import pytest

from scripts.smoke.__main__ import is_local

LOCAL = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"AWS_ENDPOINT_URL": ""}, False),
        ({"AWS_ENDPOINT_URL": LOCAL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, False),
        ({"AWS_ENDPOINT_URL": "https://sts.eu-west-1.amazonaws.com"}, False),
        ({"AWS_ENDPOINT_URL": LOCAL}, True),
        ({"AWS_ENDPOINT_URL": "http://localhost:4566"}, True),
    ],
)
def test_the_endpoint_says_where(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], expected: bool
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert is_local(boto3.client("sts", region_name="us-east-1")) is expected
