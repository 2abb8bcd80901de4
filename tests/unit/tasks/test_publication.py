"""Which candidate is published, and what becomes of those that cannot be."""

from typing import Any

import pytest

from common.problems import Unprocessable
from tasks.framework.training.parity import Parity, ParityFailed
from tasks.framework.training.publication import NOT_EXPORTED, Comparison, first_faithful
from tasks.framework.training.trials import CandidateResult, Trial

PARITY = Parity(rows=1, max_difference=0.0, labels_differ=0)


def candidates(*names: str) -> list[CandidateResult]:
    return [CandidateResult(Trial(name), "ok", 1.0, score=1.0) for name in names]


def raising(name: str, error: Exception) -> Any:
    """What raises for a candidate of a name, and else returns its name."""

    def action(one: Any, *_: Any) -> Any:
        if (one.candidate if isinstance(one, Trial) else one) == name:
            raise error
        return one.candidate if isinstance(one, Trial) else b"graph"

    return action


def refit(trial: Trial) -> str:
    return trial.candidate


def export(fitted: str) -> bytes:
    return fitted.encode()


def compare(fitted: str, graph: bytes) -> Comparison[list[str]]:
    return Comparison(PARITY, [fitted])


def failing(step: int, error: Exception) -> list[Any]:
    """The steps, of which one raises an error for the candidate a."""
    steps: list[Any] = [refit, export, compare]
    step_before, raises = steps[step], raising("a", error)

    def action(one: Any, *others: Any) -> Any:
        raises(one)
        return step_before(one, *others)

    steps[step] = action
    return steps


def test_the_first_that_passes_is_published() -> None:
    published = first_faithful(candidates("a", "b"), refit, export, compare)
    assert (published.selected, published.graph, published.served) == ("a", b"a", ["a"])
    assert [one["status"] for one in published.candidates()] == ["ok", "ok"]


def test_a_converter_that_fails_is_no_parity() -> None:
    unknown = raising("a", RuntimeError("no converter"))
    published = first_faithful(candidates("a", "b"), refit, unknown, compare)
    assert published.selected == "b"
    failed = published.results[0]
    assert (failed.status, failed.reason) == ("parity_failed", NOT_EXPORTED)


def test_a_graph_that_answers_otherwise_is_no_parity() -> None:
    differing = raising("a", ParityFailed("it differs by 0.1"))
    published = first_faithful(
        candidates("a", "b"),
        refit,
        export,
        lambda fitted, graph: differing(fitted) and compare(fitted, graph),
    )
    assert published.selected == "b"
    failed = published.results[0]
    assert (failed.status, failed.reason) == ("parity_failed", "it differs by 0.1")


@pytest.mark.parametrize("step", [0, 2], ids=["fit", "compare"])
def test_another_error_is_reported_as_what_it_is(step: int) -> None:
    steps = failing(step, ValueError("a bug\nwith a trace"))
    published = first_faithful(candidates("a", "b"), *steps)
    assert published.selected == "b"
    failed = published.results[0]
    assert (failed.status, failed.reason) == ("failed", "a bug")


@pytest.mark.parametrize("step", [0, 1, 2], ids=["fit", "export", "compare"])
def test_lack_of_memory_is_no_matter_of_a_candidate(step: int) -> None:
    with pytest.raises(MemoryError):
        first_faithful(candidates("a", "b"), *failing(step, MemoryError()))


def test_where_none_passes_all_reasons_are_given() -> None:
    with pytest.raises(Unprocessable, match=r"a: it differs; b: it differs"):
        first_faithful(
            candidates("a", "b"),
            refit,
            export,
            lambda fitted, graph: (_ for _ in ()).throw(ParityFailed("it differs")),
        )
