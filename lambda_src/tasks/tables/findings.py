"""Errors and warnings, which columns give in another order than instances do."""

import heapq
from collections.abc import Callable, Iterator
from functools import partial

from common.problems import MAX_ERRORS
from tasks.framework.answers import MAX_WARNINGS, Report

type Finding = Callable[[Report], None]
"""Adds an error or a warning to a report."""


class Findings:
    """The first errors and warnings of many instances, in the order of instances and features.

    A request may have millions of errors: those that are not reported are only counted.
    """

    def __init__(self) -> None:
        self._errors, self._warnings = _First(MAX_ERRORS), _First(MAX_WARNINGS)

    def error(self, row: int, position: int, field: str | None, detail: str) -> None:
        """position is that of a feature; what concerns the whole instance has -1."""
        if self._errors.keeps(row, position):
            error = partial(Report.error, row=row, field=field, detail=detail)
            self._errors.add(row, position, error)

    def add_error(self, row: int, position: int, error: Finding) -> None:
        if self._errors.keeps(row, position):
            self._errors.add(row, position, error)

    def warning(self, row: int, position: int, field: str, code: str, detail: str) -> None:
        if self._warnings.keeps(row, position):
            warning = partial(Report.warning, row=row, field=field, code=code, detail=detail)
            self._warnings.add(row, position, warning)

    def add_warning(self, row: int, position: int, warning: Finding) -> None:
        if self._warnings.keeps(row, position):
            self._warnings.add(row, position, warning)

    def report(self) -> Report:
        """What was found, in the order of the instances. Raises InvalidInstances."""
        report = Report()
        for finding in (*self._errors, *self._warnings):
            finding(report)
        report.others += self._errors.others
        report.check()
        return report


class _First:
    """The first findings by row and position; others counts the rest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._heap: list[tuple[int, int, int, Finding]] = []
        """The last one is its least element. Numbers are negative, and the third is unique."""
        self.others = 0

    def keeps(self, row: int, position: int) -> bool:
        """Whether a finding is among the first up to now; counts it if not."""
        if len(self._heap) < self._most or (-row, -position) > self._heap[0][:2]:
            return True
        self.others += 1
        return False

    def add(self, row: int, position: int, finding: Finding) -> None:
        self._count += 1
        entry = (-row, -position, -self._count, finding)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)
            self.others += 1

    def __iter__(self) -> Iterator[Finding]:
        return (finding for *_, finding in sorted(self._heap, reverse=True))
