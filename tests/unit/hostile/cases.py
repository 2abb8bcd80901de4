"""Requests with fields that are not what they should be, and what must hold of their answers."""

import json
import os
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from openapi_schema_validator import OAS30Validator

from common.problems import pointer
from tests.unit.function import Answer
from tests.unit.hostile.values import any_value, decoded, encoded, hostile
from tests.unit.test_openapi import DOCUMENT, resolve

CASES = int(os.environ.get("HOSTILE_CASES", "8000"))
SEED = int(os.environ.get("HOSTILE_SEED", "0"))

type Path = tuple[str | int, ...]

DOCUMENTED = [
    (r"/\w+", "one that the task does not have is refused"),
    (r"/\w+", "one that the dataset's task does not have is refused"),
    (r"/source", "Either key or rows"),
    (r"/source/key", "It has to be there, and its key has 1,024 bytes at most"),
    (r"/source/rows/\d+(/.*)?", "whose names have 1,000 characters at most"),
    (r"/types(/.*)?", "each one of number, boolean, category, datetime and text"),
    (r"/split(/\w+)?", "Shares above 0 and below 1, all three or none, that sum to 1"),
    (r"/split/by", "One of random and time. For recommendation"),
    (r"/split/column", "time and group need the column, features and rows take none"),
    (r"/csv", "Delimiter and quote are no ends of lines, nor NUL, and not the same"),
    (r"/format", "One of coco, csv, voc and yolo. For object_detection"),
    (r"/target", "Tables and texts need it"),
    (r"/filename", "It begins with a letter or a digit"),
    (r"/dataset|/import", "Either dataset, to learn from, or import"),
    (r"/import/key", "in the data bucket below raw/"),
    (r"/candidates(/.*)?|/metric", "By task: classification"),
    (r"/extends", "Version of the model to add people to"),
    (r"", "People to leave out of the version that extends names"),
    (r"", "It takes no candidates"),
    (r"/version", "Version to answer from, in place of an alias"),
    (r"/instances.*", "docs/tasks/ has each task's fields"),
]
"""Where values are refused that schemas allow, and the contract's words for it."""


@dataclass(frozen=True)
class Case:
    """A request with bad fields, each named by its path."""

    body: str
    paths: Sequence[Path]
    forbidden: bool
    """Whether the contract forbids it; if not, it may be refused for what words say."""

    def __str__(self) -> str:
        return f"{list(self.paths)}: {self.body[:300]}"


COMPONENTS = json.loads(json.dumps(DOCUMENT["components"]).replace('}$"', '}\\\\Z"'))
"""With patterns that end as JavaScript's do: Python's $ lets a line end follow."""


@cache
def validator(name: str) -> OAS30Validator:
    return OAS30Validator({"$ref": f"#/components/schemas/{name}", "components": COMPONENTS})


def fields(name: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The fields of a schema of the contract, with their paths; of lists, the first item."""
    yield from _fields({"$ref": f"#/components/schemas/{name}"}, ())


def _fields(schema: dict[str, Any], path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    schema = resolve(schema)
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _fields(inner, (*path, name))
    if "items" in schema:
        yield from _fields(schema["items"], (*path, 0))


def with_value(body: Any, path: Path, value: Any) -> Any:
    """A copy of a body with a value at a path, and all that leads there."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        items = list(body) if isinstance(body, list) else []
        return [with_value(items[0] if items else None, rest, value), *items[1:]]
    members = dict(body) if isinstance(body, dict) else {}
    return {**members, step: with_value(members.get(step), rest, value)}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


def cases(name: str, base: dict[str, Any], chance: random.Random) -> Iterator[Case]:
    """Requests like a good one of a schema: first every field in turn, then without end by chance.

    A training has either dataset or import: of those, only the one of the good request.
    """
    other = {"import": "dataset", "dataset": "import"}

    def case(body: Any, *paths: Path) -> Case:
        text = encoded(body)
        return Case(text, paths, not allowed(name, text))

    for text in ("", "{", "[]", "5", "null", '"text"', "{}", "[" * 9999, '{"a": 1} x', "\ud800"):
        yield Case(text, [()], True)
    for field in base:
        yield case(without(base, field), (field,))
    for unknown in ("unknown", "", "a.b", "`", "x" * 5000, "\0", "__class__"):
        yield case({**base, unknown: 1}, (unknown,))
    waiting = [
        (path, iter(hostile(schema, chance)))
        for path, schema in fields(name)
        if path and other.get(str(path[0])) not in base
    ]
    known = [path for path, _ in waiting]
    while waiting:
        for path, values in list(waiting):
            try:
                yield case(with_value(base, path, next(values)), path)
            except StopIteration:
                waiting.remove((path, values))
    while True:
        body = base
        paths = chance.sample(known, chance.randint(1, 3))
        for path in paths:
            body = with_value(body, path, any_value(chance))
        yield case(body, *paths)


def allowed(name: str, text: str) -> bool:
    """Whether the contract allows a body, its words about unknown fields included."""
    try:
        body = decoded(text)
        valid = validator(name).is_valid(body)
    except (ValueError, RecursionError):
        return False
    return valid and not _unknown({"$ref": f"#/components/schemas/{name}"}, body)


def _unknown(schema: dict[str, Any], value: Any) -> bool:
    schema = resolve(schema)
    inner = schema.get("properties")
    if inner and isinstance(value, dict):
        return any(name not in inner or _unknown(inner[name], value[name]) for name in value)
    return False


type Send = Callable[[Case], Answer]


def failures(
    operation: str, send: Send, name: str, base: dict[str, Any], count: int, salt: str
) -> list[str]:
    """What is wrong with the answers to so many requests like a good one of a schema."""
    made = islice(cases(name, base, random.Random(f"{SEED} {salt}")), count)
    return answered_wrongly(operation, send, made)


def answered_wrongly(operation: str, send: Send, of: Iterable[Case]) -> list[str]:
    found = []
    for case in of:
        try:
            answer = send(case)
            reasons = list(complaints(operation, case, answer))
        except Exception as error:
            reasons = [f"raised {error!r:.500}"]
        found += [f"{reason} | {case}" for reason in reasons]
    return found


def complaints(operation: str, case: Case, answer: Answer) -> Iterator[str]:
    """What does not hold of an answer."""
    status = answer.status
    if status >= 500 or (case.forbidden and status < 400):
        yield f"{status} {json.dumps(answer.body)[:300]}"
        return
    reason = not_as_described(operation, answer)
    if reason:
        yield reason
    if status != 422:
        return
    errors = answer.body.get("errors", ())
    pointers = [error["pointer"] for error in errors]
    if not all(any(is_near(one, path, case.forbidden) for path in case.paths) for one in pointers):
        yield f"points at {pointers}"
    if not pointers:
        yield f"points nowhere: {answer.body['detail']:.200}"
    if not case.forbidden:
        for one in errors:
            if not is_documented(one["pointer"], one["detail"]):
                yield f"{one} is refused, and the contract does not say so"


def is_documented(at: str, detail: str) -> bool:
    """Whether the contract has words for a refusal; most are about one field."""
    general = "unknown field" in detail
    return any(re.fullmatch(where, at) and (general or where != r"/\w+") for where, _ in DOCUMENTED)


@cache
def _answers(operation: str) -> dict[str, Any]:
    (responses,) = [
        one["responses"]
        for methods in DOCUMENT["paths"].values()
        for one in methods.values()
        if one["operationId"] == operation
    ]
    return {status: resolve(one)["content"] for status, one in responses.items()}


@cache
def _answer_validator(operation: str, status: str, kind: str) -> OAS30Validator:
    schema = _answers(operation)[status][kind]["schema"]
    return OAS30Validator({**schema, "components": DOCUMENT["components"]})


def not_as_described(operation: str, answer: Answer) -> str | None:
    """How an answer differs from what the contract says of it."""
    status, kind = str(answer.status), answer.headers["Content-Type"]
    if kind not in _answers(operation).get(status, ()):
        return f"{status} {kind} is not in the contract"
    faults = _answer_validator(operation, status, kind).iter_errors(answer.body)
    return next((f"{status}: {fault.message:.300}" for fault in faults), None)


def is_near(at: str, path: Path, forbidden: bool) -> bool:
    """Whether a pointer is at a path, above or below it; or, where words forbid, beside it."""
    wanted = pointer(*path)
    if at == wanted or wanted.startswith(f"{at}/") or at.startswith(f"{wanted}/"):
        return True
    return not forbidden and at.rpartition("/")[0] == wanted.rpartition("/")[0]
