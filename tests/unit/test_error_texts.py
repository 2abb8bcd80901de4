"""No text of a library's error reaches callers: it is logged, as the cause of a problem."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.problems import Unavailable, cause_of
from tests.unit.plain import assert_plain

SOURCES = Path(__file__).parents[2] / "lambda_src"

TREES = {
    str(path.relative_to(SOURCES)): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(SOURCES.rglob("*.py"))
}
OWN = {
    node.name
    for tree in TREES.values()
    for node in ast.walk(tree)
    if isinstance(node, ast.ClassDef)
}
"""Errors that are defined here, whose texts are for callers, are among these."""

ALLOWED = {
    "common/mismatch.py": "msgspec's words about a caller's field, with its pointer",
    "face_recognition/training/__init__.py": "our own words about too few photos",
    "inference/images.py": "our own words about a key",
    "object_detection/processing/annotations.py": "our own words about a file of boxes",
    "images/training/extraction.py": "our own words about a file of a network",
}
"""Files that quote an error all the same, and whose words it has."""

READERS = {"search", "log", "note"}
"""Functions that a text may be given to: to look something up in it, or for the log."""


def quotes(tree: ast.AST) -> Iterator[ast.AST]:
    """Where handlers put the text of an error that is not our own into another text."""
    for handler in ast.walk(tree):
        if isinstance(handler, ast.ExceptHandler) and handler.name and not _is_own(handler.type):
            for statement in handler.body:
                yield from _quoted(statement, handler.name)


def _is_own(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return all(isinstance(one, ast.Name) and one.id in OWN for one in kinds)


def _quoted(node: ast.AST, name: str) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        return
    if isinstance(node, ast.Call):
        called = node.func
        word = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if word in READERS:
            return
        if word in ("str", "repr") and _names(node.args, name):
            yield node
    if isinstance(node, ast.FormattedValue) and _names([node.value], name):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _quoted(child, name)


def _names(values: list[ast.expr], name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in values)


def test_no_handler_quotes_the_error_of_a_library() -> None:
    found = {
        path: [getattr(node, "lineno", 0) for node in quoted]
        for path, tree in TREES.items()
        if (quoted := list(quotes(tree)))
    }
    allowed = {path for path in found if path.removeprefix("tasks/") in ALLOWED}
    assert {path: lines for path, lines in found.items() if path not in allowed} == {}
    assert {path.removeprefix("tasks/") for path in allowed} == ALLOWED.keys()


def test_the_scan_finds_what_it_looks_for() -> None:
    source = """
try:
    read()
except (KeyError, ParityFailed) as error:
    if "disk" in str(error):
        raise
    raise Unprocessable(f"cannot be read ({error!r:.200})") from error
except ParityFailed as error:
    raise Unprocessable(str(error))
"""
    assert [getattr(node, "lineno", 0) for node in quotes(ast.parse(source))] == [7]


def test_the_cause_of_a_problem_is_what_the_library_said() -> None:
    problem = Unavailable("S3 cannot be read.")
    assert cause_of(problem) is None
    problem.__cause__ = ValueError("bucket ml-data-111122223333")
    assert cause_of(problem) == "ValueError: bucket ml-data-111122223333"


@pytest.mark.parametrize(
    "text",
    [
        "S3 failed (An error occurred (AccessDenied) when calling the PutObject operation)"
        " at https://ml-data-111122223333.s3.amazonaws.com",
        "ml-data-111122223333",
        'Malformed JSON in file "/tmp/processing-1/source"',
        "cannot identify <_io.BytesIO object at 0x7f0123456789>",
        "ValueError: no",
    ],
)
def test_internals_are_told_from_words(text: str) -> None:
    with pytest.raises(AssertionError):
        assert_plain({"detail": text})
    assert_plain({"detail": "The file has 123,456 bytes: 'a,b' is in line 12 of 344."})
