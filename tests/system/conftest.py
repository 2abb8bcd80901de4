"""One local cloud for all system tests."""

from collections.abc import Iterator

import pytest

from local.cloud import LocalCloud
from local.terraform import REPOSITORY
from tests.system.contract import ContractClient
from tests.system.loops import LESSONS, Learned, learn
from tests.system.sizes import Sizes, learn_sizes

# Hypothesis blames a test for random numbers that the local cloud's threads draw meanwhile.
OF_OTHER_THREADS = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "system" in item.path.parts:
            item.add_marker(pytest.mark.system)
            item.add_marker(OF_OTHER_THREADS)


@pytest.fixture(scope="session")
def bare_cloud() -> Iterator[LocalCloud]:
    """A local cloud with nothing in it, for tests that deploy functions of their own."""
    folder = REPOSITORY / "build" / "test"
    with LocalCloud(folder=folder, retry_delays=(0.1, 0.2)) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def cloud(bare_cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The local cloud with examples/quickstart applied: `cloud.api("GET", "/models")`."""
    bare_cloud.apply(images_by_key=True)
    yield bare_cloud
    bare_cloud.destroy()


@pytest.fixture(scope="session")
def sizes(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Sizes:
    """A small dataset and a model of it."""
    return learn_sizes(cloud.client(), tmp_path_factory.mktemp("sizes"))


@pytest.fixture(scope="session")
def api(cloud: LocalCloud) -> ContractClient:
    """A client of the service that holds every answer to the OpenAPI document."""
    return ContractClient.of(cloud)


@pytest.fixture(scope="session")
def learned(api: ContractClient) -> dict[str, Learned]:
    """Real data that has become a dataset and two versions of a model, by its name."""
    return {lesson.name: learn(lesson, api) for lesson in LESSONS}
