import sys

import pytest

from scripts.beside import beside


def command(word: str, status: int) -> list[str]:
    return [sys.executable, "-c", f"import sys; print({word!r}, flush=True); sys.exit({status})"]


@pytest.mark.parametrize(("shown", "kept", "status"), [(0, 0, 0), (0, 3, 3), (2, 0, 2), (2, 3, 2)])
def test_neither_failure_nor_output_is_lost(
    capfd: pytest.CaptureFixture[str], shown: int, kept: int, status: int
) -> None:
    assert beside(command("shown", shown), command("kept", kept)) == status
    assert capfd.readouterr().out == "shown\nkept\n"
