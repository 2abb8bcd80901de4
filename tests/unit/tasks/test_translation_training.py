"""Which candidates are evaluated, which one is published, and what another invocation is left."""

import msgspec
import pytest

from tasks import Unfinished
from tasks.translation import training
from tasks.translation.options import Training
from tests.unit.tasks.samples import processed
from tests.unit.tasks.splits import run


def test_the_candidate_that_is_better_on_the_validation_split_is_published() -> None:
    data = processed("translation").data
    made = training.train(data, Training(epochs=1, beam=1), run(60))
    assert [one["name"] for one in made.candidates] == ["phrase_based", "recurrent_network"]
    assert made.candidates[0]["score"] > made.candidates[1]["score"]
    assert made.selected == "phrase_based"
    assert set(made.files) == {"phrases.npz"}


def test_one_that_can_not_be_tried_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.translation.training.phrases.LONGEST_SENTENCE", 1)
    made = training.train(processed("translation").data, Training(epochs=1, beam=1), run(60))
    (skipped,) = [one for one in made.candidates if one["name"] == "phrase_based"]
    assert (skipped["status"], skipped["score"]) == ("skipped", None)
    assert "of up to 1 words" in skipped["reason"]
    assert made.selected == "recurrent_network"


def test_another_invocation_goes_on_with_the_network_alone() -> None:
    data = processed("translation").data
    options = Training(epochs=500, beam=1, max_invocations=2)
    with pytest.raises(Unfinished) as caught:
        training.train(data, options, run(5))  # on a busy machine one second may be all
    again = msgspec.structs.replace(data, checkpoint=caught.value.checkpoint)
    made = training.train(again, options, run(1))
    found = {one["name"]: one for one in made.candidates}
    assert found["recurrent_network"]["parameters"]["invocations"] == 2
    assert found["phrase_based"]["status"] == "ok"
    assert caught.value.checkpoint.count(b"phrases.npz") == 1
