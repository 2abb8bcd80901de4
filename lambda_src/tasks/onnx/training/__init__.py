"""How a model that was trained elsewhere is taken in: unpacked, inspected, tried on its examples.

Whatever reads the stranger's graph runs in a process of its own, without credentials, with bounds
on memory and time, so that a hostile file can harm nobody but itself.
"""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from common.logs import log
from common.problems import Unprocessable
from tasks import Trained
from tasks.onnx.spec import TOKENIZER
from tasks.onnx.training import manifest
from tasks.onnx.training.archive import unpack

MEMORY_SHARE = 0.7
"""The part of the function's memory that the trial may fill."""

TRIAL_SECONDS = 120.0

VERDICT = "verdict.json"
VERDICT_BYTES = 1_000_000
"""Of all that the trial may write."""

_LONGEST = 1000
"""Characters of the reason for which a model is refused: names in the graph may have millions."""


class Verdict(msgspec.Struct, omit_defaults=True):
    """What the trial found: why the model is refused, or what is known of it."""

    refused: str | None = None
    batched: bool = False
    divides: bool = False
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
        raise Unprocessable(f"{verdict.refused:.{_LONGEST}}")
    plain: dict[str, Any] = msgspec.to_builtins(spec)
    return Trained(
        metric="parity",
        inputs={
            "inputs": plain["inputs"],
            "outputs": plain["outputs"],
            "batched": verdict.batched,
            "divides": verdict.divides,
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
        "TRIAL_SECONDS": str(seconds),
    }
    output = folder / "output"
    try:
        with output.open("wb") as file:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment,
                timeout=seconds,
                check=False,
                cwd=folder,
            )
    except subprocess.TimeoutExpired:
        raise Unprocessable(
            f"The model did not answer its examples within {seconds:.0f} s: it is too large for "
            "a function, or never ends."
        ) from None
    try:
        return msgspec.json.decode((folder / VERDICT).read_bytes(), type=Verdict)
    except (FileNotFoundError, msgspec.DecodeError):
        printed = output.read_bytes()[-_LONGEST:].decode(errors="replace")
        log("trial broke off", level=logging.WARNING, status=done.returncode, output=printed)
        signals = {one.value: one.name for one in signal.Signals}
        how = signals.get(-done.returncode, f"status {done.returncode}")
        raise Unprocessable(f"The model ended the process that tried it ({how}).") from None
