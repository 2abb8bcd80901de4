"""Models as releases have published them, each with instances and what it answered to them.

<release>-<task>.zip holds manifest.json, the files that serve, and expected.json. A release that
changes what is published adds its own:

    PYTHONPATH=lambda_src python -m tests.unit.tasks.stored 0.5.0 classification regression
"""

import hashlib
import json
import zipfile
from pathlib import Path

import msgspec

from common.registry import File, encode_manifest
from tests.unit.tasks.samples import manifest, processed, sample, served, train

FOLDER = Path(__file__).parent
INSTANCES = 3
_AT = (2026, 1, 1, 0, 0, 0)


def files(name: str) -> dict[str, bytes]:
    """The files of a stored model, by their names."""
    with zipfile.ZipFile(FOLDER / f"{name}.zip") as archive:
        return {one: archive.read(one) for one in archive.namelist()}


def write(release: str, task: str) -> Path:
    """Stores the model that training makes of a task's sample now."""
    made = train(task)
    stored = {name: body for name, body in made.files.items() if name != "model.joblib"}
    about = {
        name: File(hashlib.sha256(body).hexdigest(), len(body)) for name, body in stored.items()
    }
    instances = list(sample(task).instances(processed(task).data))[:INSTANCES]
    instances = json.loads(json.dumps(instances))
    predictions, _ = served(task, made).predict(instances)
    document = msgspec.structs.replace(
        manifest(task, made), files=about, model=task, created_at="2026-01-01T00:00:00Z"
    )
    path = FOLDER / f"{release}-{task}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        contents = {
            "manifest.json": encode_manifest(document),
            **stored,
            "expected.json": msgspec.json.encode(
                {"instances": instances, "predictions": predictions}
            ),
        }
        for name, body in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _AT), body, zipfile.ZIP_DEFLATED)
    return path
