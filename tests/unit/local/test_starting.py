"""A local cloud that cannot start, or has no room, says why in one line and leaves nothing."""

import errno
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import create_environ, run_wsgi_app

from local import aws, cloud, errors
from local.cloud import LocalCloud
from local.errors import LocalCloudError
from local.lambda_runtime import code
from local.lambda_runtime.code import CodeStore
from local.lambda_runtime.models import Credentials
from local.lambda_runtime.pool import Pool
from local.s3_bodies.intact import IntactBodies
from local.signature import Claim, Verified
from local.wsgi import Environ, StartResponse


def refusal(folder: Path, port: int = 0) -> str:
    with pytest.raises(LocalCloudError) as caught, LocalCloud(port, folder):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("port", [-1, 65_536, 10**20])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: int) -> None:
    assert refusal(tmp_path / "a" / "b", port).startswith(f"{port} is not a port: name one from 1")
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert f"cannot listen on 127.0.0.1:{port}" in refusal(tmp_path / "a" / "b", port)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")

    assert refusal(file) == f"{file} is a file: name a folder with --folder"
    below = file / "below"
    assert refusal(below).startswith(f"cannot use the folder {below}: Not a directory")
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["lock", "logs", "scratch", "../cloud.env"])
def test_what_stands_in_its_way_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(cloud, "runtime_python", lambda root: Path("python"))
    folder = tmp_path / "cloud"
    folder.mkdir()
    obstacle = folder / name
    if name in ("logs", "scratch"):
        obstacle.write_text("mine")
    else:
        obstacle.mkdir()

    assert refusal(folder).startswith(f"cannot use the folder {folder}: ")
    assert obstacle.exists()


def test_a_start_that_fails_removes_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(root: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cloud, "runtime_python", full)
    old = tmp_path / "old"
    old.mkdir()
    (old / "mine").touch()

    expected = "cannot use the folder {}: No space left on device"
    assert refusal(tmp_path / "a" / "b") == expected.format(tmp_path / "a" / "b")
    assert refusal(old) == expected.format(old)
    assert list(tmp_path.iterdir()) == [old]
    assert (old / "mine").exists()


def test_code_for_which_there_is_no_room_leaves_no_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(content: bytes, folder: Path) -> None:
        (folder / "part").write_bytes(content)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(code, "_unzip", full)
    store = CodeStore(tmp_path / "code")

    with pytest.raises(OSError, match="No space left"):
        store.folder(b"zip", "AAAA")
    assert list((tmp_path / "code").iterdir()) == []


def test_an_environment_that_cannot_be_made_does_not_keep_the_one_that_gave_way() -> None:
    class Idle:
        """An environment at rest, of another function."""

        usable, stopped = True, False
        config: Any = None
        last_used = float("inf")

        def stop(self) -> None:
            self.stopped = True

    def fails() -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    def configured(name: str) -> Any:
        return type("Config", (), {"name": name})()

    pool, idle = Pool(1), Idle()
    other: Any = idle
    with pool.environment(configured("other"), None, lambda: other):
        pass
    with pytest.raises(OSError, match="No space"), pool.environment(configured("f"), None, fails):
        pass
    assert idle.stopped
    with pool.environment(configured("f"), None, lambda: other):  # there is room for it again
        pass
    pool.close()


def test_an_object_for_which_there_is_no_room_is_an_error_of_s3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(errors, "_complaints", set())
    claim = Claim("", "", "", "s3", [], "", "", "", "", "UNSIGNED-PAYLOAD")
    caller = Verified(Credentials("", "", "", ""), claim)

    for _ in range(2):
        environ = create_environ("/bucket/key", method="PUT", data=b"x")
        environ["local.caller"] = caller
        body, status, _ = run_wsgi_app(IntactBodies(full), environ)
        assert status.startswith("500")
        assert b"<Code>InternalError</Code>" in b"".join(body)
    assert capsys.readouterr().err == (
        "local cloud: cannot keep /bucket/key: No space left on device\n"
    )


@pytest.fixture
def no_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that comes beyond the folder ends there."""

    def ends(root: Path) -> Path:
        raise LocalCloudError("the folder will do")

    monkeypatch.setattr(cloud, "runtime_python", ends)


@pytest.mark.usefixtures("no_python")
@pytest.mark.parametrize("name", ["logs/2019.log", "scratch/thesis.tex", "code/a", "lock"])
def test_a_folder_of_others_is_refused_and_stays(tmp_path: Path, name: str) -> None:
    mine = tmp_path / "mine" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")

    assert refusal(tmp_path / "mine") == (
        f"cannot use the folder {tmp_path / 'mine'}: no local cloud has made what is there "
        f"({name.partition('/')[0]}); name another one with --folder"
    )
    assert mine.read_text() == "mine"


@pytest.mark.usefixtures("no_python")
def test_a_file_of_variables_of_others_stays(tmp_path: Path) -> None:
    env = tmp_path / "mine.env"
    env.write_text("DB_PASSWORD=x")

    assert f"no local cloud has made {env}" in refusal(tmp_path / "mine")
    assert list(tmp_path.iterdir()) == [env]
    env.write_text("export API_URL='http://127.0.0.1:4566/...'\n")
    assert refusal(tmp_path / "mine") == "the folder will do"


@pytest.mark.usefixtures("no_python")
def test_a_folder_in_which_a_local_cloud_was_will_do(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "lock").touch()

    assert refusal(tmp_path) == "the folder will do"


@pytest.mark.usefixtures("no_python")
def test_the_root_of_all_folders_is_refused() -> None:
    assert refusal(Path("/")).startswith("cannot use the folder /: it has no name; name another")


def test_objects_are_forgotten_while_others_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy:
        left = 3

        def reset(self) -> None:
            self.left -= 1
            if self.left:
                raise RuntimeError("dictionary changed size during iteration")

    busy = Busy()
    monkeypatch.setattr(aws, "s3_backends", {"account": {"aws": busy}})
    aws.forget_objects()
    assert busy.left == 0
