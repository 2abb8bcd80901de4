"""Logs keep what is new, say what they lose, and hold on to nothing else."""

import time
from pathlib import Path

import pytest
from moto import mock_aws
from moto.logs.models import logs_backends

from local import errors
from local.lambda_runtime.functions import ACCOUNT_ID, KEPT_STREAMS, put_log_events
from local.lambda_runtime.logs import KEPT_EVENTS, LogStream
from local.line_file import LineFile


def test_a_log_group_keeps_the_newest_events_of_the_newest_streams() -> None:
    with mock_aws():
        backend = logs_backends[ACCOUNT_ID]["us-east-1"]
        backend.create_log_group("group", {})
        now = int(time.time() * 1000)
        for number in range(KEPT_STREAMS + 5):
            put_log_events("us-east-1", "group", f"{number}", [(now, "old")])
        newest = f"{KEPT_STREAMS + 4}"
        for number in range(KEPT_EVENTS + 10):
            put_log_events("us-east-1", "group", newest, [(now, f"line {number}")])

        streams = backend.groups["group"].streams
        assert list(streams) == [f"{number}" for number in range(5, KEPT_STREAMS + 5)]
        messages = [event.message for event in streams[newest].events]
        assert messages == [f"line {number}" for number in range(10, KEPT_EVENTS + 10)]


def test_an_event_that_logs_without_end_holds_its_newest_lines(tmp_path: Path) -> None:
    put: list[tuple[int, str]] = []
    log = LogStream(tmp_path / "f.log", "1", lambda stream, events: put.extend(events))

    for number in range(3 * KEPT_EVENTS):
        log.write(f"line {number}")
    log.close()

    assert [line for _, line in put] == [
        f"line {number}" for number in range(2 * KEPT_EVENTS, 3 * KEPT_EVENTS)
    ]
    assert len((tmp_path / "f.log").read_text().splitlines()) == 3 * KEPT_EVENTS


def test_a_full_disk_costs_lines_and_says_so_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errors, "_complaints", set())
    log = LogStream(Path("/dev/full"), "1", lambda stream, events: None)

    for _ in range(3):
        log.write("line")
    log.close()

    assert log.tail == "line\n" * 3
    assert capsys.readouterr().err == (
        "local cloud: cannot write /dev/full: No space left on device\n"
    )


def test_lines_of_several_writers_and_of_any_text_stay_whole(tmp_path: Path) -> None:
    files = [LineFile(tmp_path / "a" / "lines") for _ in range(2)]
    texts = ["é", "\ud800", ""]

    for text in texts:
        for file in files:
            file.write(text)
    for file in files:
        file.close()
    files[0].write("late")

    assert (tmp_path / "a" / "lines").read_bytes() == "é\né\n\\ud800\n\\ud800\n\n\n".encode()
    LineFile(tmp_path / "a" / "lines", fresh=True).close()
    assert (tmp_path / "a" / "lines").read_bytes() == b""
