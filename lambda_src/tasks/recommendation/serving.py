"""A user's id or any list of items in, the items most worth recommending out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated, Any

import msgspec
import numpy as np

from common.decoding import MAX_TEXT, convert
from common.problems import FieldError, Unprocessable, pointer
from tasks import FieldWarning, InvalidInstances, Model
from tasks.framework import onnx
from tasks.framework.answers import Report, short
from tasks.framework.forms.words import clean
from tasks.framework.predictions import Inference, Objects
from tasks.recommendation.catalogue import Catalogue

CELLS = 4_000_000
"""float32 values that a graph may hold at once: histories are scored in batches of so many."""

DEFAULT_K = 10

MAX_WORK = 400_000_000
"""Values that a graph visits for a whole request: some five to eight seconds where it gathers them
one by one, as those of many items do, which are the slowest."""

_ITEM_WORK = 10
"""What an item costs at least where it is scored, by products of matrices, and put in order."""

_ITEM_BYTES = len('{"item":"","score":0.0},')
_ANSWER_BYTES = len('{"items":[],"source":"model"},')
"""The least that an item, and what is around the items, takes in an answer."""

Id = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)] | int
"""Whole numbers are taken for the strings that they are written as."""


class Request(msgspec.Struct, frozen=True):
    """One instance: for whom, or for what, how many, and whether also what they have already."""

    user: Id | None = None
    items: Annotated[list[Any], msgspec.Meta(max_length=10_000)] | None = None
    similar_items: Id | None = None
    k: Annotated[int, msgspec.Meta(ge=1, le=1000)] = DEFAULT_K
    exclude_seen: bool = True


@dataclass(frozen=True)
class Query:
    """What is asked of the graph: a history, and the places that the answer must not have."""

    places: np.ndarray
    weights: np.ndarray
    hidden: np.ndarray
    k: int


class Recommender(Model):
    """A recommender in memory."""

    def __init__(self, inputs: Mapping[str, Any], catalogue: Catalogue, graph: bytes) -> None:
        self._catalogue = catalogue
        self._modelled = int(inputs["items"])
        cells = int(inputs["cells_per_history"])
        self._batch = max(1, CELLS // cells)
        self._work = max(cells, self._modelled * _ITEM_WORK)
        self._personal = bool(inputs["personal"])
        self._session = onnx.session(graph)

    def least_bytes(self, instances: Sequence[Any]) -> int:
        """The least that the answer has as JSON, whoever asks and has seen most."""
        items = len(self._catalogue.items) - self._catalogue.longest_history
        wanted = (one.get("k", DEFAULT_K) for one in instances if isinstance(one, dict))
        listed = sum(max(0, min(k, items)) for k in wanted if isinstance(k, int))
        return listed * _ITEM_BYTES + len(instances) * _ANSWER_BYTES

    def infer(self, instances: Sequence[Any], deadline: float = math.inf) -> Inference:
        """One list of items per instance, in order. Raises InvalidInstances."""
        queries, warnings = self._read(instances)
        self._bound(queries)
        return Inference(Objects(self._answers(queries)), warnings)

    def recommend(self, instances: Sequence[Any]) -> list[dict[str, Any]]:
        """What predict answers, also to more instances than a request may have."""
        return self._answers(self._read(instances)[0])

    def _read(self, instances: Sequence[Any]) -> tuple[list[Query], list[FieldWarning]]:
        report = Report()
        requests = [_request(row, instance, report) for row, instance in enumerate(instances)]
        report.check()
        queries = [
            self._query(row, request, report)
            for row, request in enumerate(requests)
            if request is not None
        ]
        return queries, report.warnings

    def _bound(self, queries: Sequence[Query]) -> None:
        """Raises InvalidInstances for a request that would take too long."""
        each = [
            (self._work if self._is_scored(query) else _ITEM_WORK * query.k) + len(query.hidden)
            for query in queries
        ]
        if sum(each) > MAX_WORK:
            fit = sum(work <= MAX_WORK for work in accumulate(each))
            detail = (
                f"The request has {len(each):,} instances, and for the first {fit:,} of them alone "
                f"there is time: send {fit:,} at once at most."
            )
            raise InvalidInstances([FieldError(pointer("instances"), detail)])

    def _answers(self, queries: Sequence[Query]) -> list[dict[str, Any]]:
        scores = self._scores([query for query in queries if self._is_scored(query)])
        return [
            self._best(query, next(scores)) if self._is_scored(query) else self._popular(query)
            for query in queries
        ]

    def _query(self, row: int, request: Request, report: Report) -> Query:
        catalogue = self._catalogue
        if request.user is not None:
            user = catalogue.row_of.get(_id(request.user))
            if user is None:
                detail = "Not seen in training: answered with what is popular."
                report.warning(row, "user", "unknown_user", detail)
                return _query([], [], request.k)
            places, weights = catalogue.history(user)
            return Query(places, weights, places[: len(places) * request.exclude_seen], request.k)
        if request.similar_items is not None:
            place = catalogue.place_of.get(_id(request.similar_items))
            if place is None:
                detail = "Not seen in training: answered with what is popular."
                report.warning(row, "similar_items", "unknown_item", detail)
            known = [] if place is None else [place]
            return _query(known, known, request.k)
        known = self._known(row, request.items or [], report)
        return _query(known, known if request.exclude_seen else [], request.k)

    def _known(self, row: int, items: Sequence[Id], report: Report) -> list[int]:
        known: dict[int, None] = {}
        for index, item in enumerate(items):
            place = self._catalogue.place_of.get(_id(item))
            if place is None:
                at = pointer("instances", row, "items", index)
                detail = "Not seen in training: it says nothing of what else to recommend."
                report.add_warning(FieldWarning(at, "unknown_item", detail))
            else:
                known[place] = None
        return list(known)

    def _is_scored(self, query: Query) -> bool:
        """Whether there is something to score by."""
        return self._personal and bool(query.weights[query.places < self._modelled].any())

    def _scores(self, queries: Sequence[Query]) -> Iterator[np.ndarray]:
        """The scores of every query's items."""
        for start in range(0, len(queries), self._batch):
            batch = queries[start : start + self._batch]
            x = np.zeros((len(batch), self._modelled), np.float32)
            for row, query in enumerate(batch):
                used = query.places < self._modelled
                x[row, query.places[used]] = query.weights[used]
            (scores,) = self._session.run(["scores"], {"x": x})
            yield from scores

    def _best(self, query: Query, scores: np.ndarray) -> dict[str, Any]:
        scores[query.hidden[query.hidden < self._modelled]] = -np.inf
        places = best(scores, query.k)
        return self._answer(places[np.isfinite(scores[places])], scores, "model")

    def _popular(self, query: Query) -> dict[str, Any]:
        count = min(len(self._catalogue.items), query.k + len(query.hidden))
        shown = np.ones(count, bool)
        shown[query.hidden[query.hidden < count]] = False
        places = np.flatnonzero(shown)[: query.k]
        return self._answer(places, self._catalogue.popularity, "popularity")

    def _answer(self, places: np.ndarray, scores: np.ndarray, source: str) -> dict[str, Any]:
        items = self._catalogue.items
        found = zip(places.tolist(), scores[places].tolist(), strict=True)
        listed = [{"item": items[place], "score": score} for place, score in found]
        return {"items": listed, "source": source}


def best(scores: np.ndarray, k: int) -> np.ndarray:
    """The places of the k highest scores, highest first, without putting all in order.

    Of equal scores the more popular item, which has the lower place, comes first.

    >>> best(np.array([1.0, 3.0, 2.0, 3.0, 2.0]), 3).tolist()
    [1, 3, 2]
    """
    falling = -scores
    near = np.arange(len(falling))
    if k < len(falling):
        near = near[~(falling > np.partition(falling, k - 1)[k - 1])]  # with what is no number
    return near[np.argsort(falling[near], kind="stable")[:k]]


def _id(given: Id) -> str:
    """An id as processing reads it of a file."""
    return clean(str(given))


def _query(places: Sequence[int], hidden: Sequence[int], k: int) -> Query:
    at = np.array(places, np.int64)
    return Query(at, np.ones(len(at), np.float32), np.array(hidden, np.int64), k)


def _request(row: int, instance: Any, report: Report) -> Request | None:
    try:
        request = convert(instance, Request)
    except Unprocessable as problem:
        at = pointer("instances", row)
        for error in problem.errors:
            report.add_error(FieldError(at + error.pointer, error.detail))
        report.others += problem.others
        return None
    for index, item in enumerate(request.items or ()):
        if type(item) not in (str, int):
            at = pointer("instances", row, "items", index)
            report.add_error(FieldError(at, f"Expected an id, got {short(item)}."))
    chosen = [
        name for name in ("user", "items", "similar_items") if getattr(request, name) is not None
    ]
    if len(chosen) != 1:
        given = " and ".join(chosen) or "none"
        report.error(row, None, f"Expected one of user, items and similar_items, got {given}.")
    report.unknown(row, instance, set(Request.__struct_fields__))
    return request


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> Recommender:
    return Recommender(inputs, Catalogue.decode(files["catalogue.npz"]), files["model.onnx"])
