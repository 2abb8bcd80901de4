"""Native threads that do not eat the processor they wait for.

OpenMP's threads spin while they wait for each other. Where fewer processors are free than
threads run, as with Lambda's shares of a vCPU, a fit of gradient boosting on 500 rows took 52 s
instead of 0.2 s. So they wait asleep (`OMP_WAIT_POLICY`, set before scikit-learn is loaded by
`tasks.training`), and there is only one while the data is small.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import threadpoolctl

MANY_ROWS = 20_000
"""From here on, a second thread computes more than it costs to wake."""


@contextmanager
def limited(rows: int | None, threads: int) -> Iterator[None]:
    """Bounds the threads of OpenMP and BLAS by the rows of a fit; None leaves them as they are."""
    if rows is None:
        yield
        return
    with threadpoolctl.threadpool_limits(limits=threads if rows >= MANY_ROWS else 1):
        yield
