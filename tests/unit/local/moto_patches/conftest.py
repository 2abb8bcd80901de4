from collections.abc import Iterator

import pytest
from moto import mock_aws


@pytest.fixture(autouse=True)
def emulated() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkey:
        monkey.setenv("AWS_ACCESS_KEY_ID", "test")
        monkey.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkey.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkey.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            yield
