"""From ranked candidates to the one that is published: refitted, exported, compared."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from common.problems import Unprocessable
from tasks.framework.training.engine import Learner, failure
from tasks.framework.training.exported import pickled
from tasks.framework.training.parity import Parity, ParityFailed
from tasks.framework.training.trials import CandidateResult, Evaluation, Trial, results

NOT_EXPORTED = "it cannot be exported to ONNX; the function's log has the reason"


@dataclass(frozen=True)
class Comparison[A]:
    """How served predictions compare with the fitted model's, and the served ones themselves."""

    parity: Parity
    served: A


@dataclass(frozen=True)
class Published[F, A]:
    """The first of the ranked candidates whose export answers as it does.

    results are those of all candidates, with what became of the ones before.
    """

    trial: Trial
    fitted: F
    graph: bytes
    parity: Parity
    served: A
    results: Sequence[CandidateResult]

    @property
    def selected(self) -> str:
        return self.trial.candidate

    def candidates(self) -> list[dict[str, Any]]:
        """All candidates as the manifest keeps them."""
        return [result.record() for result in self.results]

    def files(self, estimator: Any) -> dict[str, bytes]:
        """model.onnx, and as model.joblib an estimator that answers as it, for notebooks."""
        return {"model.onnx": self.graph, "model.joblib": pickled(estimator)}


def best_first(candidates: Iterable[CandidateResult]) -> list[CandidateResult]:
    """The results with the best first; those without a score come last.

    Raises Unprocessable when none has a score.
    """
    ranked = sorted(candidates, key=CandidateResult.rank)
    if ranked[0].score is None:
        raise Unprocessable(f"No candidate could be trained: {_reasons(ranked)}.")
    return ranked


def to_export(learner: Learner, evaluations: Sequence[Evaluation]) -> list[CandidateResult]:
    """The results of a learner's candidates, best first; reports that the best one is exported.

    Raises Unprocessable when none has a score.
    """
    ranked = best_first(results(learner.plan, evaluations))
    message = f"Exporting {ranked[0].name} and comparing it with its origin."
    learner.context.progress("exporting", 75, message)
    return ranked


def first_faithful[F, A](
    ranked: Sequence[CandidateResult],
    refit: Callable[[Trial], F],
    export: Callable[[F], bytes],
    compare: Callable[[F, bytes], Comparison[A]],
) -> Published[F, A]:
    """Refits, exports and compares from the best down, until one passes.

    A candidate that cannot be exported, or whose graph answers otherwise, is parity_failed; one
    that another error ends is failed. Raises Unprocessable when none passes, and MemoryError.
    """
    after = list(ranked)
    for index, result in enumerate(ranked):
        if result.status != "ok":
            continue
        try:
            fitted = refit(result.trial)
            graph = _exported(export, fitted)
            comparison = compare(fitted, graph)
        except MemoryError:  # the next candidate would hardly find more
            logging.getLogger("ml").exception("%s needs more memory", result.name)
            raise
        except ParityFailed as error:
            after[index] = replace(result, status="parity_failed", reason=str(error))
        except Exception as error:
            logging.getLogger("ml").exception("%s cannot be published", result.name)
            after[index] = replace(result, status="failed", reason=failure(error))
        else:
            parity, served = comparison.parity, comparison.served
            return Published(result.trial, fitted, graph, parity, served, after)
    reasons = _reasons(after)
    raise Unprocessable(f"No candidate could be trained and exported faithfully: {reasons}.")


def _exported[F](export: Callable[[F], bytes], fitted: F) -> bytes:
    """The graph. Raises ParityFailed for whatever a converter raises, and MemoryError."""
    try:
        return export(fitted)
    except MemoryError:
        raise
    except Exception as error:
        logging.getLogger("ml").exception("A candidate is not exported")
        raise ParityFailed(NOT_EXPORTED) from error


def _reasons(candidates: Iterable[CandidateResult]) -> str:
    return "; ".join(f"{result.name}: {result.reason}" for result in candidates)
