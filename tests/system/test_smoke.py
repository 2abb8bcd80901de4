"""The smoke test of AWS, on the local cloud."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from local.cloud import LocalCloud
from local.terraform import REPOSITORY

ASKING = ("callers are let in", "others are kept out")
WORK = ("upload", "process", "train", "predict")
MOVES = ("train another", "promote", "roll back")
SEEN = ("logs", "metrics", "plan has no changes", "destroy", "nothing is left")

type Interfere = Callable[[subprocess.Popen[str], str], None]
"""Gets the process and the prefix of its names."""


def smoke(
    cloud: LocalCloud, root: str, after: str = "", interfere: Interfere | None = None
) -> tuple[int, dict[str, str]]:
    """The exit status and how each step ended, with an interference after a line with a text."""
    command = [sys.executable, "-m", "scripts.smoke", "--yes", "--regions", cloud.region]
    lines, prefix = [], ""
    with subprocess.Popen(
        [*command, "--roots", root],
        cwd=REPOSITORY,
        env={**os.environ, **cloud.variables},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if found := re.search(r"smoke-\w{4}", line):
                prefix = found[0]
            if interfere and after in line:
                interfere(process, prefix)
                interfere = None
    steps = re.findall(rf"^{cloud.region} {root} +(.+?) {{2,}}(.+)$", "".join(lines), re.MULTILINE)
    assert prefix not in str(cloud.boto3("lambda").list_functions()["Functions"])
    assert prefix not in str(cloud.boto3("s3").list_buckets()["Buckets"])
    return process.returncode, dict(steps)


def test_every_step_passes_or_is_reported_as_not_here(bare_cloud: LocalCloud) -> None:
    status, steps = smoke(bare_cloud, "public")

    assert tuple(steps) == ("apply", *ASKING, *WORK, *MOVES, *SEEN)
    skipped = {name for name, end in steps.items() if end.startswith("not here: ")}
    assert skipped == {"metrics"}
    assert all(re.fullmatch(r"[\d.]+ s", steps[name]) for name in steps.keys() - skipped)
    assert status == 0


def test_a_failure_in_the_middle_destroys_everything(bare_cloud: LocalCloud) -> None:
    def throttle(process: subprocess.Popen[str], prefix: str) -> None:
        bare_cloud.boto3("lambda").put_function_concurrency(
            FunctionName=f"{prefix}-1-inference", ReservedConcurrentExecutions=0
        )

    status, steps = smoke(bare_cloud, "private", " apply ", throttle)

    assert tuple(steps) == ("apply", *ASKING, *WORK, "destroy", "nothing is left")
    assert steps["others are kept out"].startswith("not here: ")
    assert "FAILED: TooManyRequestsException" in steps["predict"]
    assert all(re.fullmatch(r"[\d.]+ s", steps[name]) for name in ("train", "nothing is left"))
    assert status == 1


def test_an_interrupted_apply_is_destroyed(bare_cloud: LocalCloud) -> None:
    def interrupt(process: subprocess.Popen[str], prefix: str) -> None:
        give_up = time.monotonic() + 600
        while prefix not in str(bare_cloud.boto3("iam").list_roles()["Roles"]):
            assert time.monotonic() < give_up
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)

    status, steps = smoke(bare_cloud, "quickstart", "names begin with", interrupt)

    assert tuple(steps) == ("apply", "destroy", "nothing is left")
    assert steps["apply"].endswith("INTERRUPTED")
    assert re.fullmatch(r"[\d.]+ s", steps["nothing is left"])
    assert status == 1
