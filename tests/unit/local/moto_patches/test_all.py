from pathlib import Path

from local.moto_patches import all_patches


def test_every_patch_is_tested_and_says_why() -> None:
    patches = all_patches(lambda *arguments: (200, {}, b""))
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))

    for one in patches:
        made_by = one.replacement.__qualname__.partition(".")[0]
        assert f"def test_{made_by}(" in tests
        assert len(one.reason) > 25
