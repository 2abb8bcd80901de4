"""From ranked candidates to the one that is published: refitted, exported, compared."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from common.problems import Unprocessable
from tasks.framework.training.estimators import pickled
from tasks.framework.training.parity import Parity, ParityFailed
from tasks.framework.training.selection import Outcome, failure

NOT_EXPORTED = "it cannot be exported to ONNX; the function's log has the reason"


@dataclass(frozen=True)
class Published:
    """The first of the ranked candidates whose export answers as it does."""

    outcome: Outcome
    fitted: Any
    graph: bytes
    parity: Parity

    def files(self, estimator: Any) -> dict[str, bytes]:
        """model.onnx, and as model.joblib an estimator that answers as it, for notebooks."""
        return {"model.onnx": self.graph, "model.joblib": pickled(estimator)}


def best_first[O: Outcome](outcomes: Iterable[O]) -> list[O]:
    """Those with the best score first. Raises Unprocessable when none has a score."""
    ranked = sorted(outcomes, key=Outcome.rank)
    if ranked[0].score is None:
        raise Unprocessable(f"No candidate could be trained: {_reasons(ranked)}.")
    return ranked


def first_faithful(
    outcomes: Sequence[Outcome],
    fit_again: Callable[[Outcome], Any],
    exported: Callable[[Any], bytes],
    compare: Callable[[Any, bytes], Parity],
) -> Published:
    """Refits, exports and compares from the best down; marks those that do not pass.

    A candidate that cannot be exported, or whose graph answers otherwise, is parity_failed; one
    that another error ends is failed. Raises Unprocessable when none passes, and MemoryError.
    """
    for outcome in outcomes:
        if outcome.status != "ok":
            continue
        try:
            fitted = fit_again(outcome)
            graph = _exported(exported, fitted)
            return Published(outcome, fitted, graph, compare(fitted, graph))
        except MemoryError:  # the next candidate would hardly find more
            raise
        except ParityFailed as error:
            outcome.status, outcome.reason = "parity_failed", str(error)
        except Exception as error:
            logging.getLogger("ml").exception("%s cannot be published", outcome.name)
            outcome.status, outcome.reason = "failed", failure(error)
    reasons = _reasons(outcomes)
    raise Unprocessable(f"No candidate could be trained and exported faithfully: {reasons}.")


def _exported(exported: Callable[[Any], bytes], fitted: Any) -> bytes:
    """The graph. Raises ParityFailed for whatever a converter raises, and MemoryError."""
    try:
        return exported(fitted)
    except MemoryError:
        raise
    except Exception as error:
        logging.getLogger("ml").exception("A candidate is not exported")
        raise ParityFailed(NOT_EXPORTED) from error


def _reasons(outcomes: Iterable[Outcome]) -> str:
    return "; ".join(f"{outcome.name}: {outcome.reason}" for outcome in outcomes)
