"""Who is compared: the code of each, unpacked as Lambda unpacks it, and its environment."""

import hashlib
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.models import Model
from local.lambda_runtime.environment import architecture
from scripts.archive import byte_code, unzipped_bytes, write_zip
from scripts.packages import Packages

ROOT = Path(__file__).parents[2]
FLOOR, PRELOADED, OURS, BASELINE = "floor", "ours, preloaded", "ours", "baseline"


@dataclass(frozen=True)
class Contender:
    """Code in a folder, its handler, and the environment variables that a model needs."""

    name: str
    folder: Path
    handler: str
    variables: Callable[[Model], Mapping[str, str]]
    zip_bytes: int
    unzipped_bytes: int


def contenders(folder: Path, bucket: str) -> list[Contender]:
    """All of them, unpacked below folder, in which the floor finds its models, too."""
    folder.mkdir(parents=True, exist_ok=True)
    inference = ROOT / "dist" / "inference.zip"
    own = "inference.handler.handler"
    return [
        _unpacked(
            FLOOR,
            _zip("floor", "inference", "lambda_src/inference", folder),
            "handler.handler",
            lambda model: {"MODEL_FILE": str(model.file(folder))},
        ),
        _unpacked(
            PRELOADED,
            inference,
            own,
            lambda model: {"DATA_BUCKET": bucket, "PRELOAD_MODELS": model.slug},
        ),
        _unpacked(OURS, inference, own, lambda model: {"DATA_BUCKET": bucket}),
        _unpacked(
            BASELINE,
            _zip("baseline", "baseline", "benchmarks/baseline", folder),
            "handler.handler",
            # One vCPU has no use for more threads, which wait for each other by spinning.
            lambda model: {
                "MODEL_BUCKET": bucket,
                "MODEL_KEY": model.pickle_key,
                "OMP_NUM_THREADS": "1",
            },
        ),
    ]


def _unpacked(
    name: str, zipped: Path, handler: str, variables: Callable[[Model], Mapping[str, str]]
) -> Contender:
    folder = ROOT / "build" / "bench" / "code" / name.replace(", ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.unpack_archive(zipped, folder)
    size = zipped.stat().st_size
    return Contender(name, folder, handler, variables, size, unzipped_bytes(zipped))


def _zip(name: str, function: str, lock: str, folder: Path) -> Path:
    """A zip of a rival's handler and locked packages, compiled, and pruned by our own rules."""
    cache = folder / "packages"
    packages = Packages(
        function, architecture(), ROOT / lock / "requirements.txt", cache, is_shipped=False
    )
    code = (ROOT / "benchmarks" / name / "handler.py").read_bytes()
    digest = hashlib.sha256(packages.digest().encode() + code).hexdigest()
    target = folder / f"{name}-{digest[:16]}.zip"
    if target.exists():
        return target
    with zipfile.ZipFile(packages.zip()) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}
    files["handler.py"] = code
    sources = {entry: data for entry, data in files.items() if entry.endswith(".py")}
    write_zip(target, {**files, **byte_code(sources)})
    return target
