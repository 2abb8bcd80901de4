"""The local cloud as a whole: Terraform, the real zips, the command line."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.cloud import LocalCloud
from local.errors import LocalCloudError
from local.terraform import REPOSITORY


def test_quickstart_is_served_and_needs_no_change(cloud: LocalCloud) -> None:
    answer = cloud.api("GET", "/models")

    assert answer.status == 200
    assert cloud.changes() is False


def test_gateway_errors_are_problems(cloud: LocalCloud) -> None:
    answer = cloud.api("GET", "/nowhere")

    assert answer.status == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["title"] == "Forbidden"
    assert answer.body["request_id"] == answer.headers["X-Request-Id"]


def test_functions_run_from_the_uploaded_zips(cloud: LocalCloud) -> None:
    name = cloud.function_names["inference"]
    cloud.api("GET", "/models")

    log = cloud.logs(name)

    assert re.search(r"REPORT RequestId: \S+\tDuration: [\d.]+ ms", log)
    assert "Memory Size: 1024 MB" in log


def test_a_function_that_only_reads_has_no_right_to_write(cloud: LocalCloud) -> None:
    name = cloud.function_names["inference"]
    function = cloud.boto3("lambda").get_function_configuration(FunctionName=name)
    role = function["Role"].rpartition("/")[2]

    policy = cloud.boto3("iam").get_role_policy(RoleName=role, PolicyName="inference")

    assert "s3:GetObject" in str(policy["PolicyDocument"])
    assert "s3:PutObject" not in str(policy["PolicyDocument"])


def test_the_env_file_is_for_this_user_only_and_points_clients_here(cloud: LocalCloud) -> None:
    path = cloud.folder.with_suffix(".env")

    names = "$API_URL $OPEN_API_URL $AWS_ENDPOINT_URL $DATA_BUCKET $ARTIFACTS_BUCKET"
    script = f". {path} && printf '%s\\n' {names}"
    output = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout

    api_url, open_url, endpoint, data, artifacts = output.split()
    assert (api_url, open_url, endpoint, data) == (
        cloud.api_url,
        cloud.open_url(cloud.outputs["api_url"]),
        cloud.endpoint_url,
        cloud.outputs["data_bucket"],
    )
    assert "artifacts" in artifacts
    assert path.stat().st_mode & 0o077 == 0


def test_the_example_stays_clean_and_gets_the_provider_that_it_locks(cloud: LocalCloud) -> None:
    example = REPOSITORY / "examples" / "quickstart"
    lock = ".terraform.lock.hcl"

    assert {path.name for path in example.iterdir() if path.suffix not in {".tf", ".md"}} == {lock}
    (used,) = cloud.folder.rglob(lock)
    assert used.read_text() == (example / lock).read_text()


def test_a_second_cloud_in_the_same_folder_is_refused(cloud: LocalCloud) -> None:
    with pytest.raises(LocalCloudError, match="already running"), LocalCloud(folder=cloud.folder):
        pass


def test_a_taken_port_is_named(cloud: LocalCloud, tmp_path: Path) -> None:
    port = int(cloud.endpoint_url.rsplit(":", 1)[1])

    with (
        pytest.raises(LocalCloudError, match=f"127.0.0.1:{port}"),
        LocalCloud(port=port, folder=REPOSITORY / "build" / "test-second"),
    ):
        pass


@pytest.mark.parametrize("arguments", ["--port 70000", "--port -1", "--folder VERSION"])
def test_a_start_that_cannot_be_is_one_line(arguments: str) -> None:
    command = [sys.executable, "-m", "local", *arguments.split()]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"local cloud: [^\n]+\n", done.stderr)


def test_no_room_for_files_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    def limited() -> None:
        """Writing to any file fails beyond 100 bytes, as on a full disk."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    done = subprocess.run(
        [sys.executable, "-B", "-m", "local", "--folder", str(tmp_path / "made" / "cloud")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )

    assert done.returncode == 1
    assert re.fullmatch(r"local cloud: [^\n]+: File too large[^\n]*\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_terraform_is_one_line(
    cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from local.terraform import Terraform

    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(LocalCloudError, match=r"^terraform is not on the PATH: [^\n]+$"):
        Terraform("quickstart", tmp_path, {})


def test_missing_zips_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from local import terraform

    monkeypatch.setattr(terraform, "REPOSITORY", tmp_path)

    with pytest.raises(LocalCloudError, match=r"^dist/data_processing.zip is missing: run `make"):
        terraform.Terraform("quickstart", tmp_path, {})


SERVE = """\
import signal, sys, threading
from pathlib import Path
from local.cloud import LocalCloud
from tests.system.tiny import deploy
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
with LocalCloud(folder=Path(sys.argv[1])) as cloud:
    function = deploy(cloud, "import os, time\\ndef handler(e, c):\\n  print(os.getpid())\\n"
                             "  time.sleep(600)", Timeout=600)
    cloud.boto3("lambda").invoke(FunctionName=function.name, InvocationType="Event")
    while "START" not in (log := cloud.logs(function.name)) or len(log.splitlines()) < 3:
        pass
    print(log.splitlines()[2], flush=True)
    threading.Event().wait()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_functions_end_with_the_cloud(how: signal.Signals) -> None:
    folder = REPOSITORY / "build" / "test-killed"
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(folder)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        function = int(process.stdout.readline())
        assert alive(function)
        process.send_signal(how)

    give_up = time.monotonic() + 10
    while alive(function) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not alive(function)


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_the_command_serves_until_it_is_asked_to_stop(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local", "--port", "0", "--folder", "build/test-command"]
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                process.send_signal(signal.SIGTERM)
        output = "".join(lines)

    assert process.returncode == 0, output
    assert "/_aws/execute-api/" in output
    assert "curl --aws-sigv4" in output
    assert output.rstrip().endswith("Stopped.")
