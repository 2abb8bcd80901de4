import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from pytest_terraform.tf import LazyModuleDir

from tests.module.lives import Lives, lived
from tests.module.support import REPOSITORY, copy_checkout
from tests.module.upgrades import Upgrade, upgraded


@pytest.fixture(autouse=True, scope="session")
def environment() -> Iterator[pytest.MonkeyPatch]:
    """Fake credentials, no telemetry, and providers downloaded at most once per checkout."""
    cache = REPOSITORY / "build" / "terraform-plugins"
    cache.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("CHECKPOINT_DISABLE", "1")
        patch.setenv("GOGC", "400")  # loading the provider takes 2.8 s of CPU, not 3.2; 130 MB more
        patch.setenv("TF_IN_AUTOMATION", "1")
        patch.setenv("TF_PLUGIN_CACHE_DIR", os.environ.get("TF_PLUGIN_CACHE_DIR", str(cache)))
        patch.setenv("TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE", "1")
        for name in ("AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        patch.delenv("TF_DATA_DIR", raising=False)
        yield patch


@pytest.fixture(scope="session")
def aws(environment: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty AWS, which Terraform and boto3 find by themselves."""
    command = [sys.executable, "-m", "tests.module.aws_server"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            assert port.isdigit(), f"{command} printed {port!r} in place of its port"
            url = f"http://127.0.0.1:{port}"
            environment.setenv("AWS_ENDPOINT_URL", url)
            yield url
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the Terraform code with artifacts that hold nothing.

    Its examples are the roots that pytest-terraform finds by their names.
    """
    copy = copy_checkout(tmp_path_factory.mktemp("checkout"))
    LazyModuleDir.value = str(copy / "examples")
    return copy


@pytest.fixture(scope="session")
def lives(aws: str, checkout: Path) -> Iterator[Lives]:
    """Examples, from plan to destroy."""
    with lived(checkout) as futures:
        yield futures


@pytest.fixture(scope="session")
def upgrades(
    aws: str, checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Upgrade]]]:
    """Deployments of earlier releases, from their apply to the destroy of what became of them."""
    with upgraded(checkout, tmp_path_factory.mktemp("upgrades")) as futures:
        yield futures


LONG = ("lives", "upgrades")
"""Fixtures that take minutes, most of them waiting, beside all other tests."""


def longs(item: pytest.Item) -> set[str]:
    return {*LONG} & {*getattr(item, "fixturenames", ())}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever waits for them comes last."""
    items.sort(key=lambda item: bool(longs(item)))


@pytest.fixture(autouse=True, scope="session")
def begin_early(request: pytest.FixtureRequest) -> None:
    for name in LONG:
        if any(name in longs(item) for item in request.session.items):
            request.getfixturevalue(name)
