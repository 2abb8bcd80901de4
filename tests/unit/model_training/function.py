"""model_training, with datasets to learn from."""

import hashlib
import random
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec

import tasks
from common import registry
from common.datasets import (
    SPLITS,
    DatasetManifest,
    Latest,
    SplitInfo,
    StoredFile,
    latest_key,
    manifest_key,
    version_prefix,
)
from common.registry import ModelManifest, decode_manifest
from common.registry_writer import RegistryWriter
from common.store import Store
from common.warnings import Warning
from model_training import handler
from tests.unit.function import BUCKET, Function
from tests.unit.tasks.splits import Row, training_data

TYPES = {"price": "number", "colour": "category", "buys": "category"}


def rows(count: int, seed: int, noise: float, upside_down: bool) -> list[Row]:
    """Customers who buy below 50 (or above it); a share of them decides at random."""
    chance = random.Random(seed)
    made: list[Row] = []
    for _ in range(count):
        price = chance.randint(1, 100)
        buys = chance.random() < 0.5 if chance.random() < noise else (price < 50) != upside_down
        colour = chance.choice(["red", "blue"])
        made.append({"price": price, "colour": colour, "buys": "yes" if buys else "no"})
    return made


class ModelTraining(Function):
    """model_training with an empty bucket."""

    entry: ClassVar[Any] = handler

    @property
    def store(self) -> Store:
        return Store(BUCKET)

    @property
    def registry(self) -> RegistryWriter:
        return RegistryWriter(self.store)

    def dataset(
        self,
        version: str = "v1",
        noise: float = 0.0,
        upside_down: bool = False,
        renamed: Mapping[str, str] = MappingProxyType({}),
        test_rows: int = 60,
        warnings: Sequence[Warning] = (),
        task: str = "classification",
    ) -> DatasetManifest:
        """Writes a version of the dataset "shop", whose columns may be renamed.

        noise is the share of training rows that tell nothing; the test rows never have any.
        """
        sizes = [(200, noise), (40, noise), (test_rows, 0.0)]
        sides = [rows(n, seed, share, upside_down) for seed, (n, share) in enumerate(sizes)]
        named = [[{renamed.get(k, k): v for k, v in row.items()} for row in side] for side in sides]
        types = {renamed.get(name, name): kind for name, kind in TYPES.items()}
        with tempfile.TemporaryDirectory() as folder:
            target = renamed.get("buys", "buys") if tasks.task(task).is_supervised else None
            data = training_data(Path(folder), types, target, named)
            splits = {}
            for split, file in data.files.items():
                key = f"{version_prefix('shop', version)}{split}.arrow"
                body = file.read_bytes()
                self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
                stored = StoredFile(
                    key=key, bytes=len(body), sha256=hashlib.sha256(body).hexdigest()
                )
                side = sides[SPLITS.index(split)]
                splits[split] = SplitInfo(
                    rows=data.rows[split],
                    arrow=stored,
                    parquet=stored,
                    target=dict(Counter(row["buys"] for row in side)) if target else None,
                )
        manifest = DatasetManifest(
            dataset="shop",
            version=version,
            created_at="2026-01-01T00:00:00.000Z",
            task=task,
            target=data.target,
            options={},
            source={},
            schema=data.schema,
            rows={},
            rejected={},
            splits=splits,
            profile={},
            warnings=list(warnings),
            lineage={},
        )
        self.store.put(manifest_key("shop", version), msgspec.json.encode(manifest))
        latest = msgspec.json.encode(Latest(version, manifest.created_at))
        self.store.put(latest_key("shop"), latest)
        return manifest

    def train(self, **options: Any) -> dict[str, Any]:
        """The result of a training of a decision tree."""
        job = self.job(request(**options))
        assert job["status"] == "SUCCEEDED", job["error"]
        result: dict[str, Any] = job["result"]
        return result

    def failure(self, seconds: float = 900.0, **options: Any) -> dict[str, Any]:
        """The problem that a training ends with."""
        job = self.job(request(**options), seconds)
        assert job["status"] == "FAILED", job["result"]
        problem: dict[str, Any] = job["error"]
        return problem

    def manifest(self, version: str) -> ModelManifest:
        return decode_manifest(self.registry.manifest("shop", version))

    def model_key(self, version: str, name: str) -> str:
        if name == "manifest.json":
            return registry.manifest_key("shop", version)
        key = self.manifest(version).files[name].key
        assert key is not None
        return key

    def live(self) -> list[str]:
        """Every version that the alias has pointed at, the newest last."""
        alias = self.registry.alias("shop", "live")
        return (
            []
            if alias is None
            else [move.version for move in alias.history if move.version is not None]
        )


def request(**options: Any) -> dict[str, Any]:
    return {"model": "shop", "dataset": "shop", "candidates": ["decision_tree"], **options}
