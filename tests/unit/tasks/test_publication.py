"""Which candidate is published, and what becomes of those that cannot be."""

from typing import Any

import pytest

from common.problems import Unprocessable
from tasks.framework.training.parity import Parity, ParityFailed
from tasks.framework.training.publication import NOT_EXPORTED, first_faithful
from tasks.framework.training.selection import Outcome

PARITY = Parity(rows=1, max_difference=0.0, labels_differ=0)


def candidates(*names: str) -> list[Outcome]:
    return [Outcome(name, "ok", 1.0, score=1.0) for name in names]


def raising(name: str, error: Exception) -> Any:
    """What raises for a candidate of a name, and else returns its name."""

    def action(one: Any, *_: Any) -> Any:
        if (one.name if isinstance(one, Outcome) else one) == name:
            raise error
        return one.name if isinstance(one, Outcome) else b"graph"

    return action


def fit_again(outcome: Outcome) -> str:
    return outcome.name


def exported(fitted: str) -> bytes:
    return fitted.encode()


def compare(fitted: str, graph: bytes) -> Parity:
    return PARITY


def test_the_first_that_passes_is_published() -> None:
    found = candidates("a", "b")
    published = first_faithful(found, fit_again, exported, compare)
    assert (published.outcome.name, published.graph) == ("a", b"a")
    assert [one.status for one in found] == ["ok", "ok"]


def test_a_converter_that_fails_is_no_parity() -> None:
    found = candidates("a", "b")
    unknown = raising("a", RuntimeError("no converter"))
    assert first_faithful(found, fit_again, unknown, compare).outcome.name == "b"
    assert (found[0].status, found[0].reason) == ("parity_failed", NOT_EXPORTED)


def test_a_graph_that_answers_otherwise_is_no_parity() -> None:
    found = candidates("a", "b")
    differing = raising("a", ParityFailed("it differs by 0.1"))
    assert first_faithful(found, fit_again, exported, differing).outcome.name == "b"
    assert (found[0].status, found[0].reason) == ("parity_failed", "it differs by 0.1")


@pytest.mark.parametrize("step", [0, 2], ids=["fit", "compare"])
def test_another_error_is_reported_as_what_it_is(step: int) -> None:
    steps: list[Any] = [fit_again, exported, compare]
    steps[step] = raising("a", ValueError("a bug\nwith a trace"))
    found = candidates("a", "b")
    assert first_faithful(found, *steps).outcome.name == "b"
    assert (found[0].status, found[0].reason) == ("failed", "a bug")


@pytest.mark.parametrize("step", [0, 1, 2], ids=["fit", "export", "compare"])
def test_lack_of_memory_is_no_matter_of_a_candidate(step: int) -> None:
    steps: list[Any] = [fit_again, exported, compare]
    steps[step] = raising("a", MemoryError())
    with pytest.raises(MemoryError):
        first_faithful(candidates("a", "b"), *steps)


def test_where_none_passes_all_reasons_are_given() -> None:
    with pytest.raises(Unprocessable, match=r"a: it differs; b: it differs"):
        first_faithful(
            candidates("a", "b"),
            fit_again,
            exported,
            lambda fitted, graph: (_ for _ in ()).throw(ParityFailed("it differs")),
        )
