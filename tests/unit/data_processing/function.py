"""data_processing, with what its tests ask of it."""

from typing import Any, ClassVar

from data_processing import handler
from tests.unit.function import BUCKET, Function


class DataProcessing(Function):
    """data_processing with an empty bucket."""

    entry: ClassVar[Any] = handler

    def put(self, content: bytes, name: str = "data.csv") -> str:
        """Uploads a file below raw/ and returns its key."""
        key = f"raw/test/upload/{name}"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return key

    def process(self, source: bytes | list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        """The manifest of the dataset that a file or rows become."""
        document = self.job(self.request(source, **options))
        assert document["status"] == "SUCCEEDED", document["error"]
        answer = self.call(
            "GET",
            "/datasets/{dataset}/versions/{version}",
            dataset="test",
            version=document["result"]["version"],
        )
        assert answer.status == 200
        manifest: dict[str, Any] = answer.body
        return manifest

    def failure(self, source: bytes | list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        """The problem that a job ends with."""
        document = self.job(self.request(source, **options))
        assert document["status"] == "FAILED", document["result"]
        problem: dict[str, Any] = document["error"]
        return problem

    def request(self, source: bytes | list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        where = {"rows": source} if isinstance(source, list) else {"key": self.put(source)}
        defaults = {"dataset": "test", "task": "classification", "target": "y"}
        return {**defaults, "source": where, **options}
