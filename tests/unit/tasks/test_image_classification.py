"""Which images a classifier of images is judged on while it is chosen."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.image_classification import training

images = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), min_size=4, max_size=90)
"""The class and the group of near-duplicates of each."""


@given(images, st.integers(0, 9))
def test_near_duplicates_are_on_one_side_of_every_fold_and_classes_on_both(
    images: list[tuple[int, int]], seed: int
) -> None:
    _, y = np.unique([one for one, _ in images], return_inverse=True)
    groups = [group for _, group in images]
    folds = training._folds(y, groups, seed)
    for learn, judge in folds or ():
        assert not {groups[row] for row in learn} & {groups[row] for row in judge}
        assert set(y[learn]) == set(y)
    judged = [row for _, judge in folds or () for row in judge]
    assert folds is None or sorted(judged) == list(range(len(y)))


def test_many_images_without_near_duplicates_are_judged_in_groups_of_one() -> None:
    folds = training._folds(np.arange(60) % 3, range(60), seed=0)
    assert folds is not None
    assert len(folds) == training.FOLDS
