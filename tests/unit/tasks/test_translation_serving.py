"""What a translator answers, warns of, and refuses."""

from typing import Any, get_args

import pytest

import tasks
from tasks import InvalidInstances
from tasks.translation.options import Candidate, Training
from tasks.translation.serving import MAX_CHARACTERS, MAX_INSTANCES, TranslationModel
from tests.unit.tasks.samples import processed, served
from tests.unit.tasks.splits import run


@pytest.fixture(scope="module", params=get_args(Candidate))
def model(request: pytest.FixtureRequest) -> TranslationModel:
    options = Training(candidates=[request.param], epochs=24, beam=2)
    made = tasks.training("translation").train(processed("translation").data, options, run())
    assert made.selected == request.param
    found = served("translation", made)
    assert isinstance(found, TranslationModel)
    return found


def test_an_answer_has_a_translation_its_score_and_the_share_of_unknown_words(
    model: TranslationModel,
) -> None:
    (known, strange), warnings = model.predict([{"text": "4 2 7"}, {"text": "4 apples 7 pears"}])
    assert set(known) == {"translation", "score", "unknown_share"}
    assert set(known["translation"].split()) & {"four", "two", "seven"}
    assert 0 < known["score"] <= 1
    assert (known["unknown_share"], strange["unknown_share"]) == (0.0, 0.5)
    assert ("/instances/1/text", "unknown_words") in [(w.pointer, w.code) for w in warnings]


def test_control_characters_and_odd_spaces_change_nothing(model: TranslationModel) -> None:
    (plain, odd), _ = model.predict([{"text": "4 2 7"}, {"text": "\u0000 4\t2\u2028 7\u0007\n"}])
    assert plain == odd


@pytest.mark.parametrize("text", ["", " \u0000 ", "\u3000\u200b\n"])
def test_an_empty_text_is_answered_with_a_warning(model: TranslationModel, text: str) -> None:
    answers, warnings = model.predict(
        [{"text": text}, {"text": "4 2 7"}, {"text": text, "beam": 1}]
    )
    empty = {"translation": "", "score": 0.0, "unknown_share": 0.0}
    assert (answers[0], answers[2]) == (empty, empty)
    assert answers[1] == model.predict([{"text": "4 2 7"}])[0][0]
    assert [(one.pointer, one.code) for one in warnings] == [
        ("/instances/0/text", "empty_text"),
        ("/instances/2/text", "empty_text"),
    ]
    assert model.predict([{"text": text}])[0] == [empty]


@pytest.mark.parametrize(("instance", "got"), [({}, "nothing"), ({"text": None}, "null")])
def test_a_missing_text_is_refused_with_what_to_send(
    model: TranslationModel, instance: dict[str, Any], got: str
) -> None:
    with pytest.raises(InvalidInstances) as caught:
        model.predict([instance])
    assert [one.detail for one in caught.value.errors] == [
        f"Expected a text, got {got}: send a text, or leave the instance out."
    ]


def test_each_instance_may_have_a_beam_of_its_own(model: TranslationModel) -> None:
    asked = [{"text": "1 2 3", "beam": beam} for beam in (1, 10, 1)]
    together, _ = model.predict(asked)
    for instance, answer in zip(asked, together, strict=True):
        assert model.predict([instance])[0][0]["translation"] == answer["translation"]


@pytest.mark.parametrize(
    ("instances", "detail"),
    [
        ([{"text": "1"}] * (MAX_INSTANCES + 1), "501 instances"),
        ([{"text": "1 " * 250}] * (MAX_CHARACTERS // 500 + 1), "50,500 characters"),
        ([{"text": "1 " * 249, "beam": 10}] * 100, "pieces of words times the beam"),
    ],
)
def test_work_is_bounded(model: TranslationModel, instances: list[Any], detail: str) -> None:
    with pytest.raises(InvalidInstances) as caught:
        model.predict(instances)
    (error,) = caught.value.errors
    assert error.pointer == "/instances"
    assert detail in error.detail
