"""What a function loads reports to nobody."""

import os
import subprocess
import sys

from local.terraform import REPOSITORY

LOADED = "import os, tasks.framework.onnx; print(len(os.listdir('/proc/self/task')))"


def test_onnxruntime_starts_no_thread_that_reports_its_use() -> None:
    environment = {
        name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"
    }
    code = {"PYTHONPATH": str(REPOSITORY / "lambda_src"), "OPENBLAS_NUM_THREADS": "1"}
    threads = subprocess.check_output(
        [sys.executable, "-c", LOADED], env=environment | code, text=True
    )
    assert int(threads) == 1


def test_onnxruntime_is_loaded_in_one_place() -> None:
    """Elsewhere it could be loaded before it has been told not to report."""
    code = REPOSITORY / "lambda_src"
    found = [
        path.relative_to(code).as_posix()
        for path in code.rglob("*.py")
        if "import onnxruntime" in path.read_text()
    ]
    assert found == ["tasks/framework/onnx.py"]
