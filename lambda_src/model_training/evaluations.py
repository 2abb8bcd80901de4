"""Evaluations of candidates, stored so that a training that is repeated does not make them again.

They are an economy only: whatever goes wrong with them is logged, and the training goes on.
"""

import logging
from functools import cached_property

from common.decoding import stored
from common.logs import log
from common.seals import encoded
from common.store import Store
from tasks.framework.training.trials import Evaluation

WORTH_SECONDS = 0.5
"""Shorter evaluations are not stored: a PUT costs $0.000005, as much as 0.1 s of a function of
3 GB, and few trainings are repeated."""


class StoredEvaluations:
    """The evaluations on one version of a dataset. Their keys say all that they follow from."""

    def __init__(self, store: Store, dataset: str, version: str) -> None:
        self._store = store
        self._prefix = f"trials/{dataset}/{version}/"

    def get(self, key: str) -> Evaluation | None:
        name = self._name(key)
        if name not in self._names:
            return None
        try:
            body = self._store.get(name).body
            return stored(name, body, Evaluation, "It is made again.")
        except Exception as problem:  # a denied request is not worth a training
            log("evaluation unreadable", level=logging.WARNING, key=name, reason=str(problem))
            return None

    def put(self, key: str, evaluation: Evaluation) -> None:
        if evaluation.seconds < WORTH_SECONDS:
            return
        try:
            self._store.put(self._name(key), encoded(evaluation))
        except Exception as problem:
            log("evaluation not stored", level=logging.WARNING, reason=str(problem))

    @cached_property
    def _names(self) -> set[str]:
        """One listing, so that a training on new data does not ask for each of them."""
        try:
            return {entry.key for entry in self._store.list(self._prefix)}
        except Exception as problem:
            log("evaluations not listed", level=logging.WARNING, reason=str(problem))
            return set()

    def _name(self, key: str) -> str:
        return f"{self._prefix}{key}.json"
