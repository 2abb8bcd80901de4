"""Objects that are damaged or missing, and what their callers are told to do about that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.faults.operations import OPERATIONS, Attempt
from tests.faults.scene import RAW, Before, Scene
from tests.faults.world import Sender
from tests.unit.damage import DAMAGES, altered


def _flipped(body: bytes) -> bytes:
    """One bit of it is another one."""
    at = len(body) // 2
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] if body else b"\0"


HOW: Mapping[str, Callable[[bytes], bytes | None]] = {
    **DAMAGES,
    "flipped": _flipped,
    "altered": altered,
    "missing": lambda body: None,
}


def objects(before: Before) -> dict[str, str]:
    """One object of each kind that an operation may need, by the name of the kind."""
    first, second = before.datasets["d1"], before.datasets["d2"]
    live, other = before.models["v1"], before.models["v2"]

    def one(prefix: str, name: str) -> str:
        (key,) = (
            key for key in before.objects if key.startswith(prefix) and key.endswith(f"/{name}")
        )
        return key

    files = ("manifest.json", "train.arrow", "test.arrow", "train.parquet", "rejected.csv")
    return {
        "raw data": RAW["a"],
        "raw data of a new dataset": RAW["c"],
        **{f"dataset's {name}": one(f"datasets/shop/{first}/", name) for name in files},
        "latest dataset's manifest.json": one(f"datasets/shop/{second}/", "manifest.json"),
        "latest.json": "datasets/shop/latest.json",
        "dataset.json": "datasets/shop/dataset.json",
        "model.json": "models/shop/model.json",
        "alias": "models/shop/aliases/live.json",
        **{
            f"live model's {name}": one(f"models/shop/versions/{live}/", name)
            for name in ("manifest.json", "model.onnx", "model.joblib")
        },
        **{
            f"other model's {name}": one(f"models/shop/versions/{other}/", name)
            for name in ("manifest.json", "model.onnx")
        },
        "job's record": "jobs/{function}/{job_id}.json",
    }


@dataclass(frozen=True)
class Damage:
    """What has become of the object at a key; that of a job's record is done once it is queued."""

    key: str
    how: str

    def do(self, scene: Scene) -> None:
        if self.key.startswith("jobs/"):
            scene.hurt = lambda scene, job_id: self._alter(scene, _record(scene, job_id))
        else:
            self._alter(scene, self.key)
            if self._is_dangerous:
                scene.damaged.add(self.key)

    @property
    def _is_dangerous(self) -> bool:
        """Whether anybody may be stopped by it; what counts deletions only ever forbids."""
        return not self.key.endswith(("/dataset.json", "/model.json"))

    def _alter(self, scene: Scene, key: str) -> None:
        scene.altered.add(key)
        body = HOW[self.how](scene.world.s3.objects[key].body)
        if body is None:
            del scene.world.s3.objects[key]
        else:
            scene.world.s3.write(key, body)

    def repair(self, scene: Scene) -> None:
        """Does what docs/operations.md says that makes it whole, if anything does."""
        if self.key.startswith("raw/"):
            scene.world.s3.write(self.key, scene.before.objects[self.key].body)
            scene.damaged.discard(self.key)
        elif self.key.startswith("datasets/shop/"):
            self._again(scene, "processing again")
            scene.damaged.discard(self.key)
        elif self.key.endswith("/live.json"):
            self._again(scene, "promotion")
            scene.damaged.discard(self.key)

    def _again(self, scene: Scene, operation: str) -> None:
        attempt = Attempt(scene, key=f"repair {scene.tick()}")
        end = OPERATIONS[operation].run(scene, Sender(), attempt)
        needs = OPERATIONS[operation].needs(scene)
        if end == "failed" and all(map(scene.exists, needs)):
            scene.wrong(f"{self.key} cannot be repaired by {operation}: {attempt.detail}")


def _record(scene: Scene, job_id: str) -> str:
    (key,) = (key for key in scene.world.s3.objects if key.endswith(f"/{job_id}.json"))
    return key
