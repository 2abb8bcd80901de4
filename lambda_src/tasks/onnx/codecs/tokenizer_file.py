"""tokenizer.json of Hugging Face, as far as BERT's tokenizer needs it; other kinds are refused."""

from typing import Annotated, Any, Literal

import msgspec

from common.decoding import convert
from common.problems import Unprocessable
from tasks.framework.answers import short
from tasks.onnx.codecs.unfit import Unfit

MOST_TOKENS = 100_000
MOST_WORD = 200
"""Characters of a word that is cut into tokens; BERT's files say 100. The time for a word grows
with its square, at worst, and a longer one is an unknown token."""

MOST_ADDED = 1000
"""Added tokens: all of them are looked for at every character that one begins with."""

MOST_SPECIAL = 20
"""Tokens around a text, and numbers of each."""

type Id = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""The number of a token, or of a segment."""

_SERVED: dict[str, tuple[str | None, ...]] = {
    "model": ("WordPiece",),
    "pre_tokenizer": ("BertPreTokenizer",),
    "normalizer": ("BertNormalizer", None),
    "post_processor": ("BertProcessing", "TemplateProcessing", None),
}

type Typed = list[tuple[int, int]]
"""Numbers of tokens, and of the segments that they are of."""


class Added(msgspec.Struct, frozen=True):
    id: Id
    content: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_WORD)]
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False


class Normalizer(msgspec.Struct, frozen=True):
    type: Literal["BertNormalizer"]
    clean_text: bool = True
    handle_chinese_chars: bool = True
    strip_accents: bool | None = None
    lowercase: bool = True


class PreTokenizer(msgspec.Struct, frozen=True):
    type: Literal["BertPreTokenizer"]


class Model(msgspec.Struct, frozen=True):
    type: Literal["WordPiece"]
    vocab: dict[str, Id]
    unk_token: str = "[UNK]"
    continuing_subword_prefix: str = "##"
    max_input_chars_per_word: Annotated[int, msgspec.Meta(ge=1, le=MOST_WORD)] = 100


class Truncation(msgspec.Struct, frozen=True):
    max_length: Annotated[int, msgspec.Meta(ge=1, le=MOST_TOKENS)]
    direction: Literal["Right"] = "Right"


class Padding(msgspec.Struct, frozen=True):
    direction: Literal["Right"] = "Right"
    pad_id: Id = 0
    pad_type_id: Id = 0


class Bert(msgspec.Struct, frozen=True, tag="BertProcessing"):
    cls: tuple[str, Id]
    sep: tuple[str, Id]


class Named(msgspec.Struct, frozen=True):
    id: str
    type_id: Id = 0


class Piece(msgspec.Struct, frozen=True):
    token: Named | None = msgspec.field(default=None, name="SpecialToken")
    text: Named | None = msgspec.field(default=None, name="Sequence")


class Ids(msgspec.Struct, frozen=True):
    ids: Annotated[list[Id], msgspec.Meta(max_length=MOST_SPECIAL)]


class Template(msgspec.Struct, frozen=True, tag="TemplateProcessing"):
    single: Annotated[list[Piece], msgspec.Meta(max_length=MOST_SPECIAL)]
    special_tokens: dict[str, Ids]


class File(msgspec.Struct, frozen=True):
    """What is needed of tokenizer.json."""

    model: Model
    normalizer: Normalizer | None
    pre_tokenizer: PreTokenizer
    post_processor: Bert | Template | None = None
    truncation: Truncation | None = None
    padding: Padding | None = None
    added_tokens: Annotated[list[Added], msgspec.Meta(max_length=MOST_ADDED)] = []


def read(content: bytes) -> File:
    """Raises Unfit for what is no tokenizer of this kind."""
    try:
        whole: Any = {"post_processor": None} | msgspec.json.decode(content)
        for part, served in _SERVED.items():
            kind = None if whole[part] is None else whole[part].get("type")
            if kind not in served:
                raise Unfit(
                    f"tokenizer.json has the {part} {short(kind)}, and "
                    f"{' or '.join(filter(None, served))} is served: tokenize on your side and "
                    "send numbers, or bring a graph that tokenizes"
                )
        file = convert(whole, File)
    except (UnicodeDecodeError, RecursionError) as error:
        raise Unfit("tokenizer.json is not UTF-8, or is nested too deep") from error
    except Unprocessable as problem:
        raise Unfit(f"tokenizer.json {problem.detail}") from None
    except msgspec.DecodeError as error:
        from common.malformed import fault  # what is JSON has no need of it

        raise Unfit(f"tokenizer.json {fault(content)}") from error
    except (KeyError, TypeError, AttributeError):
        raise Unfit("tokenizer.json lacks its model, normalizer or pre_tokenizer") from None
    if file.model.unk_token not in file.model.vocab:
        raise Unfit(f"tokenizer.json lacks its own unknown token {file.model.unk_token!r}")
    for one in file.added_tokens:
        if one.single_word or one.lstrip or one.rstrip or one.normalized:
            raise Unfit(
                f"tokenizer.json has the added token {one.content!r} with single_word, lstrip, "
                "rstrip or normalized, which are not served"
            )
    return file


def surroundings(how: Bert | Template | None) -> tuple[Typed, Typed, int]:
    """The tokens before and after a text, and the segment that it is. Raises Unfit."""
    if how is None:
        return [], [], 0
    if isinstance(how, Bert):
        return [(how.cls[1], 0)], [(how.sep[1], 0)], 0
    sides: list[Typed] = [[]]
    segment = 0
    for piece in how.single:
        if piece.text is not None:
            segment = piece.text.type_id
            sides.append([])
        elif piece.token is not None:
            name = piece.token.id
            if name not in how.special_tokens:
                raise Unfit(f"tokenizer.json lacks {name!r} among its special_tokens")
            sides[-1] += [(number, piece.token.type_id) for number in how.special_tokens[name].ids]
    if len(sides) != 2:
        raise Unfit("tokenizer.json has a post_processor without one place for the text")
    return sides[0], sides[1], segment
