"""How a model that was trained elsewhere is taken in: unpacked, inspected, tried on its examples.

Whatever reads the stranger's graph runs in a process of its own, without credentials, with bounds
on memory and time, so that a hostile file can harm nobody but itself.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from common.problems import Unprocessable
from tasks import Trained
from tasks.onnx.spec import TOKENIZER
from tasks.onnx.training import manifest
from tasks.onnx.training.archive import unpack

MEMORY_SHARE = 0.7
"""The part of the function's memory that the trial may fill."""

TRIAL_SECONDS = 120.0


class Verdict(msgspec.Struct, omit_defaults=True):
    """What the trial found: why the model is refused, or what is known of it."""

    refused: str | None = None
    batched: bool = False
    opset: int = 0
    producer: str = ""
    operators: dict[str, int] = {}
    examples: int = 0
    max_difference: float = 0.0
    milliseconds: float = 0.0


def import_model(archive: Path, folder: Path, memory_mb: int, seconds: float) -> Trained:
    """The model of a zip with model.onnx and manifest.json, checked and tried.

    Raises Unprocessable with the reason for which it is refused.
    """
    unpack(archive, folder)
    spec = manifest.read((folder / "manifest.json").read_bytes())
    manifest.check_tokenizer(spec, (folder / TOKENIZER).exists())
    verdict = _tried(folder, memory_mb, min(TRIAL_SECONDS, seconds))
    if verdict.refused is not None:
        raise Unprocessable(verdict.refused)
    plain: dict[str, Any] = msgspec.to_builtins(spec)
    return Trained(
        metric="parity",
        inputs={
            "inputs": plain["inputs"],
            "outputs": plain["outputs"],
            "batched": verdict.batched,
        },
        labels=spec.labels,
        selected="imported",
        candidates=[{"name": "imported", "status": "ok", "score": None}],
        metrics={},
        baseline={},
        details={
            "graph": {
                "opset": verdict.opset,
                "producer": verdict.producer,
                "operators": verdict.operators,
                "milliseconds": verdict.milliseconds,
            }
        },
        parity={
            "rows": verdict.examples,
            "max_difference": verdict.max_difference,
            "tolerance": spec.tolerance,
        },
        files=served_files(folder),
    )


def served_files(folder: Path) -> dict[str, bytes]:
    """What serving needs beside the manifest."""
    names = ("model.onnx", TOKENIZER)
    return {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}


def _tried(folder: Path, memory_mb: int, seconds: float) -> Verdict:
    command = [sys.executable, "-P", "-m", "tasks.onnx.training.trial", str(folder)]
    environment = {
        "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path),
        "PATH": os.environ.get("PATH", ""),
        "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
        "TRIAL_BYTES": str(int(memory_mb * 1_000_000 * MEMORY_SHARE)),
    }
    try:
        done = subprocess.run(
            command, capture_output=True, env=environment, timeout=seconds, check=False, cwd=folder
        )
    except subprocess.TimeoutExpired:
        raise Unprocessable(
            f"The model did not answer its examples within {seconds:.0f} s: it is too large for "
            "a function, or never ends."
        ) from None
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise Unprocessable(f"The model ended the process that tried it ({name}).")
    try:
        return msgspec.json.decode(done.stdout, type=Verdict)
    except msgspec.DecodeError:
        said = ChildProcessError(done.stderr[-500:].decode(errors="replace").strip())
        raise Unprocessable("The model could not be tried: its trial broke off.") from said
