"""Texts as inputs of models that were trained elsewhere, and the vectors that come of them."""

import json
import time
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from tokenizers import Tokenizer

from common.problems import Unprocessable
from tasks import InvalidInstances
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.codecs.wordpiece import WordPiece
from tasks.onnx.limits import OutOfTime
from tasks.onnx.training import manifest as manifests
from tasks.onnx.training.inspection import Refused
from tests.unit.tasks.brought import Files, graph, loaded, model, spec, try_out

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [
    *"abcdefghijklmnopqrstuvwxyz0123456789.,!?'-éß我好σς",
    *(f"##{one}" for one in "abcdefghijklmnopqrstuvwxyz0123456789é\u03c3"),
    *("un", "##able", "##ing", "the", "##he", "play", "##ed", "[", "]", "cls", "HELLO"),
]
VOCABULARY = {one: number for number, one in enumerate([*SPECIAL, *PIECES])}


def piece(kind: str, name: str, segment: int = 0) -> dict[str, Any]:
    return {kind: {"id": name, "type_id": segment}}


TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [
        piece("SpecialToken", "[CLS]"),
        piece("Sequence", "A", 1),
        piece("SpecialToken", "[SEP]", 1),
    ],
    "pair": [piece("Sequence", "A"), piece("Sequence", "B")],
    "special_tokens": {
        name: {"id": name, "ids": [VOCABULARY[name]], "tokens": [name]}
        for name in ("[CLS]", "[SEP]")
    },
}


def model_of(vocabulary: dict[str, int], **more: Any) -> dict[str, Any]:
    return {
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 12, "vocab": vocabulary, **more,
    }  # fmt: skip


BERT = {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]}


def file(**changes: Any) -> dict[str, Any]:
    """A tokenizer.json."""
    normalizer = {
        "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
        "strip_accents": None, "lowercase": True,
    }  # fmt: skip
    whole: dict[str, Any] = {
        "version": "1.0",
        "truncation": {
            "direction": "Right", "max_length": 24, "strategy": "LongestFirst", "stride": 0,
        },
        "padding": None,
        "added_tokens": [
            {
                "id": number, "content": name, "single_word": False, "lstrip": False,
                "rstrip": False, "normalized": False, "special": True,
            }
            for number, name in enumerate(SPECIAL)
        ],
        "normalizer": {**normalizer, **changes.pop("how", {})},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": TEMPLATE,
        "decoder": None,
        "model": model_of(VOCABULARY),
    }  # fmt: skip
    return {**whole, **changes}


@cache
def pair(options: str) -> tuple[WordPiece, Any]:
    """Our tokenizer and the library's, of the same file with some changes."""
    content = json.dumps(file(**json.loads(options)))
    return WordPiece(content.encode()), Tokenizer.from_str(content)


# Beside these, the library knows the tables of an older Unicode than Python does.
KNOWN = "".join(chr(code) for code in range(0x1, 0x500)) + "我好\u3000\u200b\u2028\ufffd😀ﬁ½™İΣς…“"
WORDS = st.sampled_from(
    [*SPECIAL, *PIECES, "unable", "playing", "the", " ", "\n", "antidisestablish"]
)
TEXTS = st.lists(WORDS | st.text(KNOWN, max_size=6), max_size=20).map("".join)


@given(
    text=TEXTS,
    clean=st.booleans(),
    chinese=st.booleans(),
    accents=st.sampled_from([None, True, False]),
    lower=st.booleans(),
    processor=st.sampled_from([TEMPLATE, BERT, None]),
)
def test_texts_become_the_tokens_of_the_library(
    text: str, clean: bool, chinese: bool, accents: bool | None, lower: bool, processor: Any
) -> None:
    how = {
        "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents,
        "lowercase": lower,
    }  # fmt: skip
    ours, theirs = pair(json.dumps({"how": how, "post_processor": processor}))
    mine, other = ours.encode(text), theirs.encode(text)
    assert mine.token_ids == other.ids
    assert mine.attention_mask == other.attention_mask
    assert mine.token_type_ids == other.type_ids


@given(text=TEXTS, length=st.integers(3, 40))
def test_texts_are_cut_and_padded_as_by_the_library(text: str, length: int) -> None:
    ours, _ = pair("{}")
    theirs = Tokenizer.from_str(json.dumps(file()))
    theirs.enable_truncation(length)
    theirs.enable_padding(length=length)
    mine, other = ours.encode(text, length), theirs.encode(text)
    assert (mine.token_ids, mine.attention_mask) == (other.ids, other.attention_mask)
    assert mine.token_type_ids == other.type_ids
    assert len(mine.token_ids) == length


ADDED = ["a", "ab", "abb", "ba", "bab", "b[", "[a", "好", "a]^-\\\\"]


@given(
    text=st.lists(st.sampled_from([*ADDED, *"ab[ 好-"]), max_size=30).map("".join),
    added=st.sets(st.sampled_from(ADDED)),
)
def test_added_tokens_are_found_as_by_the_library(text: str, added: set[str]) -> None:
    numbers = enumerate(sorted(added), len(VOCABULARY))
    vocabulary = {"[UNK]": 1} | {one: number for number, one in numbers}
    tokens = [
        {
            "id": number, "content": one, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True,
        }
        for one, number in vocabulary.items()
    ]  # fmt: skip
    content = json.dumps(file(added_tokens=tokens, post_processor=None, model=model_of(vocabulary)))
    theirs = Tokenizer.from_str(content).encode(text)
    assert WordPiece(content.encode()).encode(text).token_ids == theirs.ids


# Texts that take their time


def timed(tokenizer: WordPiece, text: str, seconds: float) -> tuple[bool, float]:
    """Whether a text's tokens came by a deadline, and when that was known."""
    started = time.monotonic()
    try:
        tokenizer.encode(text, None, started + seconds)
    except OutOfTime:
        return False, time.monotonic() - started
    return True, time.monotonic() - started


def hostile(**changes: Any) -> WordPiece:
    slow = model_of({"[UNK]": 0, "a": 1, "##a": 2, "c" * 200: 3}, max_input_chars_per_word=200)
    whole = file(model=slow, truncation={"max_length": 100_000}, **changes)
    return WordPiece(json.dumps(whole).encode())


def test_a_thousand_added_tokens_that_nearly_match_take_no_time() -> None:
    """10,000 characters took 17 s."""
    nearly = [{"id": number, "content": "a" * 196 + f"{number:03d}x"} for number in range(998)]
    came, seconds = timed(hostile(added_tokens=nearly), "a" * 20_000, 60)
    assert came
    assert seconds < 3


@pytest.mark.parametrize(
    "text",
    [
        ("a" * 199 + "b ") * 20_000,
        ("a" * 199 + "b\t") * 20_000,
        "".join(chr(0x3000 + number % 40_000) for number in range(2_000_000)),
        "!" * 3_000_000,
        "[" * 4_000_000,
    ],
    ids=["words", "one stretch of words", "many characters", "punctuation", "beginnings"],
)
def test_encoding_ends_at_the_deadline(text: str) -> None:
    came, seconds = timed(hostile(), text, 0.1)
    assert not came
    assert seconds < 3


def test_instances_are_encoded_until_the_deadline_even_beside_bad_ones() -> None:
    outputs = [{"name": "states", "codec": "embedding", "pooling": "mean"}]
    brought = loaded(embedder(), more=TOKENIZER, inputs=inputs(*PARTS), outputs=outputs)
    with pytest.raises(InvalidInstances) as caught:
        brought.infer([{}] + [{"text": "a " * 1000}] * 10_000, time.monotonic() + 0.2)
    first, late = caught.value.errors
    assert first.pointer == "/instances/0/text"
    assert late.pointer.startswith("/instances/")
    assert "did not answer this in time" in late.detail


# What is no tokenizer that is served


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"type": "BPE", "vocab": {}, "merges": []}}, "the model 'BPE'"),
        ({"model": {"type": "Unigram", "vocab": []}}, "the model 'Unigram'"),
        ({"model": {"type": "WordPiece", "vocab": {"a": 0}}}, "unknown token '[UNK]'"),
        (
            {"model": {"type": "WordPiece", "vocab": {"[UNK]": 1 << 40}}},
            "tokenizer.json /model/vocab/[UNK]: Expected `int` <= 2147483647",
        ),
        ({"pre_tokenizer": {"type": "ByteLevel"}}, "the pre_tokenizer 'ByteLevel'"),
        ({"normalizer": {"type": "NFKC"}}, "the normalizer 'NFKC'"),
        ({"post_processor": {"type": "RobertaProcessing"}}, "BertProcessing or TemplateProcessing"),
        ({"padding": {"direction": "Left", "strategy": "BatchLongest"}}, "direction"),
        ({"added_tokens": [{"id": 1, "content": "x", "lstrip": True}]}, "added token 'x'"),
        (
            {"model": model_of({"[UNK]": 0}, max_input_chars_per_word=1 << 40)},
            "/model/max_input_chars_per_word: Expected `int` <= 200",
        ),
        (
            {"added_tokens": [{"id": 1, "content": "x"}] * 1001},
            "/added_tokens: Expected `array` of length <= 1000",
        ),
        (
            {"added_tokens": [{"id": 1, "content": "x" * 201}]},
            "/added_tokens/0/content: Expected `str` of length <= 200",
        ),
        ({"post_processor": {**TEMPLATE, "single": []}}, "one place for the text"),
        ({"post_processor": {**TEMPLATE, "special_tokens": {}}}, "special_tokens"),
    ],
)
def test_other_tokenizers_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Unfit) as caught:
        WordPiece(json.dumps(file(**changes)).encode())
    assert message in str(caught.value)
    assert "$" not in str(caught.value)  # as msgspec names paths


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"{}", b'{"model": 7}', b"\xff"])
def test_what_is_no_tokenizer_is_refused(content: bytes) -> None:
    with pytest.raises(Unfit, match=r"tokenizer\.json"):
        WordPiece(content)


# Models of texts


def inputs(*parts: str, shape: int | None = None) -> list[dict[str, Any]]:
    return [
        {"name": part, "codec": "text", "part": part, "dtype": "int64", "shape": [shape]}
        for part in parts
    ]


def embedder() -> Any:
    """A vector for each token: its number, 1 where it is no padding, and 1."""
    values = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("token_ids", "attention_mask")
    ]
    states = helper.make_tensor_value_info("states", TensorProto.FLOAT, ["batch", "tokens", 2])
    nodes = [
        helper.make_node("Unsqueeze", ["token_ids", "last"], ["ids"]),
        helper.make_node("Unsqueeze", ["attention_mask", "last"], ["mask"]),
        helper.make_node("Concat", ["ids", "mask"], ["both"], axis=2),
        helper.make_node("Cast", ["both"], ["states"], to=TensorProto.FLOAT),
    ]
    return model(graph(nodes, values, [states], {"last": np.array([2], np.int64)}))


TOKENIZER: Files = {"tokenizer.json": json.dumps(file()).encode()}
PARTS = ("token_ids", "attention_mask")
A, B = VOCABULARY["a"], VOCABULARY["b"]


def embedded(texts: list[str], shape: int | None = None, **output: Any) -> list[Any]:
    outputs = [{"name": "states", "codec": "embedding", **output}]
    brought = loaded(
        embedder(), more=TOKENIZER, inputs=inputs(*PARTS, shape=shape), outputs=outputs
    )
    answers, _ = brought.predict([{"text": text} for text in texts])
    return [answer["embedding"] for answer in answers]


@pytest.mark.parametrize("shape", [None, 12])
def test_vectors_of_tokens_become_one_without_the_padding(shape: int | None) -> None:
    means = embedded(["a b", "a"], shape, pooling="mean")
    assert means == [[(2 + A + B + 3) / 4, 1.0], [(2 + A + 3) / 3, 1.0]]
    assert embedded(["a b"], shape, pooling="cls") == [[2.0, 1.0]]
    (one,) = embedded(["a b"], shape, pooling="cls", normalise=True)
    assert one == pytest.approx([2 / np.sqrt(5), 1 / np.sqrt(5)])


def test_a_model_of_texts_is_taken() -> None:
    states = [[2, 1], [A, 1], [3, 1]]
    changes: dict[str, Any] = {
        "inputs": inputs(*PARTS),
        "outputs": [{"name": "states", "codec": "embedding", "pooling": "mean"}],
        "examples": [{"instance": {"text": "A"}, "outputs": {"states": states}}],
    }
    verdict = try_out(embedder(), TOKENIZER, **changes)
    assert (verdict.refused, verdict.batched) == (None, True)
    unpooled = [{"name": "states", "codec": "embedding"}]
    with pytest.raises(Refused, match="one vector"):
        try_out(embedder(), TOKENIZER, **{**changes, "outputs": unpooled})
    for whole, message in (
        (file(model={"type": "BPE"}), "the model 'BPE'"),
        (file(truncation=None), "no truncation"),
    ):
        with pytest.raises(Refused, match=message):
            try_out(embedder(), {"tokenizer.json": json.dumps(whole).encode()}, **changes)
    with pytest.raises(Refused, match=r"tokenizer\.json is not JSON: it ends at line 1, column 2"):
        try_out(embedder(), {"tokenizer.json": b"{"}, **changes)


def test_what_is_no_text_is_told_once() -> None:
    outputs = [{"name": "states", "codec": "embedding", "pooling": "mean"}]
    brought = loaded(embedder(), more=TOKENIZER, inputs=inputs(*PARTS), outputs=outputs)
    with pytest.raises(InvalidInstances) as caught:
        brought.predict([{"text": 7}, {}, {"text": "a"}])
    pointers = [one.pointer for one in caught.value.errors]
    assert pointers == ["/instances/0/text", "/instances/1/text"]


def test_a_text_without_tokens_is_told() -> None:
    bare: Files = {"tokenizer.json": json.dumps(file(post_processor=None)).encode()}
    outputs = [{"name": "states", "codec": "embedding", "pooling": "mean"}]
    brought = loaded(embedder(), more=bare, inputs=inputs(*PARTS), outputs=outputs)
    with pytest.raises(InvalidInstances, match="1 bad field"):
        brought.predict([{"text": " "}])


def test_a_tokenizer_comes_with_texts_and_with_nothing_else() -> None:
    texts = spec(inputs=inputs(*PARTS))
    manifests.check_tokenizer(texts, there=True)
    manifests.check_tokenizer(spec(), there=False)
    with pytest.raises(Unprocessable, match=r"lacks tokenizer\.json"):
        manifests.check_tokenizer(texts, there=False)
    with pytest.raises(Unprocessable, match="no input has the codec text"):
        manifests.check_tokenizer(spec(), there=True)


def test_manifests_that_do_not_fit_texts_are_told_where() -> None:
    with pytest.raises(Unprocessable, match="the same shape"):
        spec(inputs=[*inputs("token_ids", shape=8), *inputs("attention_mask")])
    with pytest.raises(Unprocessable, match="/inputs/0/dtype"):
        spec(inputs=[{**inputs("token_ids")[0], "dtype": "float32"}])


def test_a_tokenizer_is_read_as_it_is_written() -> None:
    """What the library itself saves is taken."""
    saved = Tokenizer.from_str(json.dumps(file())).to_str()
    assert (
        WordPiece(saved.encode()).encode("unable").token_ids
        == WordPiece(msgspec.json.encode(file())).encode("unable").token_ids
    )
