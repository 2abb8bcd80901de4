"""A fitted model of texts as one estimator that takes a list or a series of texts."""

from collections.abc import Sequence

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array

from tasks.framework.forms.words import SPACES
from tasks.framework.training.exported import chained, function, labelled


def classifier(fitted: Pipeline, labels: Sequence[str]) -> Pipeline:
    """The classifier of raw texts; fitted takes clean ones and answers numbers of labels.

    None and NaN are refused, which numpy would make the words "None" and "nan" of. Unicode's form
    C is left to the caller: none of numpy's functions makes it.
    """
    texts = chained(
        function(np.asarray, dtype="object"),
        function(np.expand_dims, axis=1),
        function(check_array, dtype=None, input_name="of texts"),
        function(np.ravel),
        # Texts of any length, each in the memory that it takes.
        function(np.asarray, dtype="T"),
        function(np.strings.strip, chars=SPACES),
    )
    return Pipeline([("texts", texts), *labelled(fitted, labels).steps])
