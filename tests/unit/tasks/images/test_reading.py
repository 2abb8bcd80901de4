"""Rows of images are read within the bounds of a function's memory."""

from tasks.images.training import reading
from tests.unit.tasks.samples import processed


def test_a_limit_takes_the_first_rows_of_each_side_by_its_share() -> None:
    source = processed("image_classification").data
    total = source.rows["train"] + source.rows["validation"]
    some = reading.limited(source, total // 2)
    for split in ("train", "validation"):
        targets = reading.targets(some, (split,))
        assert targets == reading.targets(source, (split,))[: len(targets)]
        assert len(targets) == some.rows[split] == round(source.rows[split] * (total // 2) / total)
        assert len(list(reading.pictures(some, (split,), 64))) == len(targets)
    assert reading.targets(some, ("test",)) == reading.targets(source, ("test",))
    assert reading.limited(source, 10 * total) == source
