"""The options of tasks are in the contract as the types of the code have them."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
import yaml

from scripts.docs import REPOSITORY
from scripts.options import Parts, properties, schema, with_options

Colour = Literal["red", "blue"]


class Split(msgspec.Struct, frozen=True):
    """How rows
    are split."""

    column: Annotated[str, msgspec.Meta(max_length=9, pattern="^a\\Z")] | None = None
    """Column."""


class TimeSplit(Split, frozen=True):
    """By time."""

    by: Colour | None = None
    """By what."""


class Images(msgspec.Struct):
    colour: Colour
    """Colour of images."""

    colours: Annotated[list[Colour], msgspec.Meta(max_length=2)] = []
    """Some colours."""

    side: int = 320
    """Longest
    side."""

    split: Split = Split()


class Faces(Images):
    side: int = 640


class Sounds(msgspec.Struct):
    colours: Annotated[list[Literal["pink", "blue"]], msgspec.Meta(max_length=2)] = []
    """Some colours."""

    split: TimeSplit = TimeSplit()
    loud: bool | None = None
    """Whether it is loud."""


def test_the_contract_is_up_to_date() -> None:
    contract = (REPOSITORY / "modules/rest_api/openapi.yaml").read_text()
    assert contract.count("# BEGIN_OPTIONS ") == contract.count("# END_OPTIONS\n") == 3
    assert with_options(contract) == contract


def test_what_is_between_the_markers_is_replaced() -> None:
    before = "a:\n  # BEGIN_OPTIONS training\n  stale: 1\n  # END_OPTIONS\n  last: 2\n"
    made = yaml.safe_load(with_options(before))["a"]
    assert made.keys() >= {"candidates", "metric", "last"}
    assert "stale" not in made


def test_a_field_of_several_tasks_is_one_property() -> None:
    parts: Parts = {}
    made = properties({"images": Images, "faces": Faces, "sounds": Sounds}, parts)
    assert made == {
        "colour": {
            "type": "string",
            "enum": ["blue", "red"],
            "description": "Colour of images. For images and faces.",
        },
        "colours": {
            "type": "array",
            "items": {"type": "string", "enum": ["blue", "pink", "red"]},
            "maxItems": 2,
            "description": "Some colours. By task: images, faces: blue and red; "
            "sounds: blue and pink.",
        },
        "side": {
            "type": "integer",
            "description": "Longest side. By default 320 or 640, by the task. "
            "For images and faces.",
        },
        "split": {"$ref": "#/components/schemas/Split"},
        "loud": {
            "type": "boolean",
            "nullable": True,
            "description": "Whether it is loud. For sounds.",
        },
    }
    assert parts == {"Split": {"images": Split, "faces": Split, "sounds": TimeSplit}}
    assert properties(parts["Split"], {})["by"]["description"] == "By what. For sounds."


def test_a_type_is_in_the_words_of_api_gateway() -> None:
    assert schema(Annotated[str, msgspec.Meta(pattern="^a\\Z")] | None) == {
        "type": "string",
        "pattern": "^a$",
        "nullable": True,
    }
    assert schema(Annotated[float, msgspec.Meta(gt=0, lt=1)]) == {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
    }
    assert schema(dict[str, Colour]) == {"type": "object"}


def test_a_field_without_a_docstring_is_refused() -> None:
    with pytest.raises(ValueError, match=r"test_options.Plain: write a docstring under width"):
        properties({"images": Plain}, {})


class Plain(msgspec.Struct):
    width: int = 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("side", str),
        ("colour", Annotated[str, msgspec.Meta(max_length=9)]),
        ("colour", Colour | None),
        ("colours", list[Colour]),
        ("split", str),
    ],
)
def test_a_field_that_tasks_give_other_types_is_refused(name: str, kind: Any) -> None:
    with pytest.raises(ValueError, match="give the options one type"):
        properties({"images": Images, "other": msgspec.defstruct("Of", [(name, kind)])}, {})
