"""What a notebook does with model.joblib, which has scikit-learn, numpy and pandas alone."""

import io
import pickletools
from collections.abc import Mapping, Sequence
from typing import Any

import joblib
import numpy as np
import pandas as pd

from tasks import Trained
from tasks.framework.training.parity import TOLERANCE

PARTS = ("sklearn", "numpy", "scipy")
BUILTINS = {("builtins", "slice")}
"""What else the pickles of scikit-learn's own estimators name."""


def loaded(made: Trained) -> Any:
    return joblib.load(io.BytesIO(made.files["model.joblib"]))


def assert_answers(
    made: Trained, instances: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]
) -> None:
    """Compares the answers of model.joblib to rows with those that were served."""
    estimator, frame = loaded(made), pd.DataFrame(instances)
    rows = frame[made.inputs["text"]] if "text" in made.inputs else frame
    if made.labels:
        assert list(estimator.classes_) == list(made.labels)
        probabilities = [list(answer["probabilities"].values()) for answer in answers]
        np.testing.assert_allclose(estimator.predict_proba(rows), probabilities, atol=TOLERANCE)
        best = estimator.predict(rows)
        for label, answer in zip(best, answers, strict=True):
            assert answer["probability"] - answer["probabilities"][label] <= TOLERANCE
    else:
        expected = np.array([answer["value"] for answer in answers])
        atol = TOLERANCE * made.inputs["target"]["scale"]
        np.testing.assert_allclose(estimator.predict(rows), expected, rtol=0, atol=atol)


def foreign_parts(content: bytes) -> set[tuple[str, str]]:
    """What a pickle names, read as scanners read it, that is not of PARTS or BUILTINS.

    Reads all operations up to the last byte: the file is one pickle and nothing else.
    """
    stream = io.BytesIO(content)
    names = set(_names(stream))
    assert stream.read() == b""
    return {name for name in names if name[0].split(".")[0] not in PARTS} - BUILTINS


def _names(stream: io.BytesIO) -> Sequence[tuple[str, str]]:
    """Module and name of all that a pickle imports."""
    found: list[tuple[str, str]] = []
    memo: list[Any] = []
    texts: list[str] = []
    last: Any = None
    argument: Any
    for operation, argument, _ in pickletools.genops(stream):
        if operation.name.endswith("UNICODE"):
            texts.append(argument)
        elif operation.name == "MEMOIZE":
            memo.append(last)
        elif operation.name in ("BINGET", "LONG_BINGET"):
            argument = memo[argument]
            if isinstance(argument, str):
                texts.append(argument)
        elif operation.name == "STACK_GLOBAL":
            found.append((texts[-2], texts[-1]))
        assert operation.name not in ("GLOBAL", "INST", "PUT", "BINPUT", "LONG_BINPUT")
        last = argument if operation.name.endswith("UNICODE") else None
    return found
