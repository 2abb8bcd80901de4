"""The first errors of many instances, whatever the order in which they are met."""

from hypothesis import given
from hypothesis import strategies as st

from common.problems import MAX_ERRORS
from tasks import InvalidInstances
from tasks.tables.findings import Findings

PLACES = st.tuples(st.integers(0, 60), st.integers(-1, 9))


@given(st.lists(PLACES, max_size=400))
def test_the_first_errors_are_reported_and_the_others_counted(
    places: list[tuple[int, int]],
) -> None:
    findings = Findings()
    for number, (row, position) in enumerate(places):
        findings.error(row, position, f"f{position}", str(number))
    try:
        findings.report()
        found = InvalidInstances([])
    except InvalidInstances as error:
        found = error
    numbers = sorted(range(len(places)), key=lambda number: (*places[number], number))
    assert [error.detail for error in found.errors] == list(map(str, numbers[:MAX_ERRORS]))
    assert found.others == max(0, len(places) - MAX_ERRORS)


def test_millions_of_errors_are_not_kept() -> None:
    findings = Findings()
    for position in range(3):
        for row in range(100_000):
            findings.error(row, position, "f", "wrong")
    assert len(findings._errors._heap) == MAX_ERRORS
