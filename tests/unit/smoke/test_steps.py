"""Steps: what is reported, and what has failed first."""

import pytest

from scripts.smoke import steps as module
from scripts.smoke.steps import StepFailed, Steps, Unexpected, wait_until


def test_a_step_is_a_line_with_its_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    steps.title = "us-east-1 quickstart"
    with steps("upload"):
        pass
    steps.skip("metrics", "there are none")

    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["us-east-1", "quickstart", "upload", "0.0", "s"]
    assert second.endswith("metrics              not here: there are none")
    assert steps.failed == []


def test_failed_steps_are_kept_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    steps.title = "us-east-1 quickstart"
    with pytest.raises(StepFailed), steps("train"):
        raise Unexpected("no version")
    with pytest.raises(KeyboardInterrupt), steps("destroy"):
        raise KeyboardInterrupt

    assert steps.failed == ["us-east-1 quickstart: train", "us-east-1 quickstart: destroy"]
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("s  FAILED: Unexpected: no version")
    assert second.endswith("s  INTERRUPTED")


def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.001)
    answers = iter([False, False, True])
    wait_until(lambda: next(answers), "it holds", seconds=60)

    with pytest.raises(Unexpected, match="still not: it holds"):
        wait_until(lambda: False, "it holds", seconds=0.01)
