"""docs/warnings.md has every warning that the code gives."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
GIVEN = re.compile(r'\bcode="([a-z_]+)"')


def test_every_warning_is_documented() -> None:
    documented = (REPOSITORY / "docs" / "warnings.md").read_text()
    sources = (REPOSITORY / "lambda_src").rglob("*.py")
    codes = {code for source in sources for code in GIVEN.findall(source.read_text())}
    assert len(codes) > 30
    assert {code for code in codes if f"`{code}`" not in documented} == set()
