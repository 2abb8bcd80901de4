"""The arithmetic of the serving benchmark; its times are nobody's to assert."""

import pytest

from benchmarks.serving import cost
from benchmarks.serving.report import with_section
from benchmarks.serving.tables import Summary


def test_the_price_is_that_of_the_public_formula() -> None:
    # A million requests of 1 s at 1,024 MB are a million GB-seconds.
    at_one_vcpu = cost.per_million(1769, cold_cpu=9.0, warm_cpu=1.0, cold_share=0.0)
    assert at_one_vcpu == pytest.approx(1769 / 1024 * 16.6667 + 0.20)
    # Half the memory is half a vCPU: twice the time at half the price.
    assert cost.per_million(884, 9.0, 1.0, 0.0) == pytest.approx(at_one_vcpu, rel=1e-3)


def test_the_shortest_request_is_billed_for_a_millisecond() -> None:
    tiny = cost.per_million(1024, cold_cpu=0.0, warm_cpu=1e-7, cold_share=0.0)
    assert tiny == pytest.approx(0.0166667 + 0.20)


def test_cold_requests_are_billed_for_their_start() -> None:
    none, all_of_them = (cost.per_million(1769, 1.0, 0.001, share) for share in (0.0, 1.0))
    assert cost.per_million(1769, 1.0, 0.001, 0.1) == pytest.approx(0.9 * none + 0.1 * all_of_them)


@pytest.mark.parametrize(("peak", "setting"), [(1, 128), (128 * 2**20, 128), (150e6, 192)])
def test_memory_comes_in_steps(peak: float, setting: int) -> None:
    assert cost.memory_setting(peak) == setting


def test_samples_become_a_median_with_quartiles() -> None:
    assert Summary.of([3, 1, 2, 5, 4]) == Summary(3, 2, 4)
    assert Summary.of([1, 5]) == Summary(3, 2, 4)
    assert Summary.of([7]) == Summary(7, 7, 7)


def test_a_section_is_replaced_between_its_marks() -> None:
    before = "a\n<!-- serving -->\nold\n<!-- /serving -->\nb"
    after = with_section(before, "new")
    assert after == "a\n<!-- serving -->\nnew\n<!-- /serving -->\nb"
    assert with_section(after, "new") == after
    with pytest.raises(ValueError, match="no marks"):
        with_section("nothing", "new")
