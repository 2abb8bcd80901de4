"""What a text classifier answers for texts that are empty, or written in another Unicode form."""

from pathlib import Path
from typing import Any, Literal
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

import tasks
from tasks import InvalidInstances
from tasks.framework.forms.words import SPACES, clean
from tasks.text_classification.options import Processing, Training
from tests.unit.tasks.samples import Made, processed, served, silent, trained
from tests.unit.tasks.splits import invocation, run
from tests.unit.tasks.tables import csv_bytes

Form = Literal["NFC", "NFD"]


@pytest.fixture(scope="module")
def model() -> tasks.Model:
    return served("text_classification", trained("text_classification"))


@pytest.fixture(scope="module")
def field() -> str:
    columns = processed("text_classification").data.schema.columns
    return next(column.name for column in columns if column.role == "feature")


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000\u200b", "\0"])
def test_an_empty_text_is_answered_with_a_warning(
    model: tasks.Model, field: str, text: str
) -> None:
    ((empty, _), warnings) = model.predict([{field: text}, {field: "warm"}])
    assert sum(empty["probabilities"].values()) == pytest.approx(1)
    (warning,) = warnings
    assert (warning.pointer, warning.code) == (f"/instances/0/{field}", "empty_text")
    assert "empty" in warning.detail
    ((alone,), _) = model.predict([{field: text}])
    assert alone["probabilities"] == pytest.approx(empty["probabilities"])


@pytest.mark.parametrize(
    ("values", "detail"),
    [
        ([None], "got null: send a text"),
        ([], "got nothing: send a text"),
        ([5], "got 5: send it in quotes"),
    ],
)
def test_what_is_no_text_is_refused_with_what_to_send(
    model: tasks.Model, field: str, values: list[Any], detail: str
) -> None:
    with pytest.raises(InvalidInstances) as caught:
        model.predict([dict(zip([field], values, strict=False))])
    (error,) = caught.value.errors
    assert error.pointer == f"/instances/0/{field}"
    assert detail in error.detail


@given(st.text())
def test_a_text_is_composed_as_unicode_has_it(text: str) -> None:
    assert clean(text) == normalize("NFC", text).strip(SPACES)


def test_half_a_surrogate_pair_is_answered(model: tasks.Model, field: str) -> None:
    assert len(model.predict([{field: "\ud800 warm"}])[0]) == 1


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_every_unicode_form_of_a_text_is_one_text(tmp_path: Path, form: Form) -> None:
    words = {"yes": ["résumé", "über", "niño"], "no": ["resume", "uber", "nino"]}
    rows = [
        [f"{normalize(form, word)} {number}", label]
        for number in range(40)
        for label, some in words.items()
        for word in some
    ]
    (tmp_path / "source").write_bytes(csv_bytes(["text", "y"], rows))
    (tmp_path / "output").mkdir()
    about = tasks.processing("text_classification").process(
        tmp_path / "source",
        Processing(target="y", text="text"),
        tmp_path / "output",
        invocation(),
        silent,
    )
    data = Made(about, tmp_path / "output", {}).data
    options = Training(candidates=["logistic_regression_char"])
    made = tasks.training("text_classification").train(data, options, run())
    model = served("text_classification", made)
    (composed_, decomposed, plain), _ = model.predict(
        [
            {"text": normalize("NFC", "über 7")},
            {"text": normalize("NFD", "über 7")},
            {"text": "uber 7"},
        ]
    )
    assert composed_ == decomposed
    assert (composed_["label"], plain["label"]) == ("yes", "no")


def test_an_object_is_taken_apart_though_training_has_plain_values_of_its_name() -> None:
    made = trained("text_classification")
    inputs = {**made.inputs, "text": "review.text", "ignored": ["review"]}
    model = served("text_classification", structs.replace(made, inputs=inputs))
    nested, _ = model.predict([{"review": {"text": "warm"}}])
    flat, warnings = model.predict([{"review.text": "warm", "review": []}])
    assert (nested, warnings) == (flat, [])


def test_two_fields_that_are_the_text_are_refused(model: tasks.Model, field: str) -> None:
    with pytest.raises(InvalidInstances) as refused:
        model.predict([{field: "warm", f"{field} ": "cold"}])
    (error,) = refused.value.errors
    assert error.pointer == f"/instances/0/{field} "
