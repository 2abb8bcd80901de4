"""The attack is one: it reaches every field, and answers that are wrong are found."""

import random
from itertools import islice
from typing import Any

import pytest

from tests.unit.function import Answer
from tests.unit.hostile.cases import Case, cases, complaints, fields
from tests.unit.hostile.values import DEPTH

BASE = {"dataset": "test", "source": {"key": "raw/a"}, "task": "regression", "target": "y"}


def test_every_field_of_the_contract_gets_bad_values_of_every_kind() -> None:
    made = list(islice(cases("ProcessingRequest", BASE, random.Random(1)), 4000))
    assert {path for path, _ in fields("ProcessingRequest") if path} <= {
        path for case in made for path in case.paths
    }
    assert 0.4 < sum(case.forbidden for case in made) / len(made) < 0.9
    text = "\n".join(case.body for case in made)
    for kind in (
        str(2**127),
        str(10**400),
        "NaN",
        "\\ud800",
        "\\u0000",
        "[" * DEPTH,
        '"": ',
        "null",
    ):
        assert kind in text


def test_the_same_seed_gives_the_same_cases() -> None:
    once, again = (
        list(islice(cases("ProcessingRequest", BASE, random.Random(1)), 3000)) for _ in "12"
    )
    assert once == again


def problem(status: int, *pointers: str, **more: Any) -> Answer:
    body = {
        "type": "about:blank",
        "title": "Unprocessable content",
        "status": status,
        "detail": "It does not fit.",
        "request_id": "r",
        "errors": [{"pointer": one, "detail": "It does not fit."} for one in pointers],
    }
    return Answer(status, {**body, **more}, {"Content-Type": "application/problem+json"})


@pytest.mark.parametrize(
    ("forbidden", "answer", "complaint"),
    [
        (True, problem(422, "/split/train"), None),
        (True, problem(422, "/split"), None),
        (True, problem(422), "points nowhere"),
        (True, problem(422, "/target"), "points at"),
        (True, problem(422, "/split", detail=1), "not of type"),
        (True, problem(418), "not in the contract"),
        (True, problem(500), "500"),
        (True, Answer(202, {}, {"Content-Type": "application/json"}), "202"),
        (False, problem(422, "/split/train"), None),
        (False, problem(422, "/split/train/x"), "the contract does not say so"),
    ],
)
def test_wrong_answers_are_found(forbidden: bool, answer: Answer, complaint: str | None) -> None:
    case = Case("{}", [("split", "train")], forbidden)
    found = list(complaints("startProcessing", case, answer))
    assert (complaint is None) == (found == [])
    assert complaint is None or complaint in found[0]
