"""Texts become pieces and come back as they were, in every script."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from tasks.translation import subwords
from tasks.translation.subwords import SPECIAL, UNKNOWN, normal, words

TEXTS = [
    "A man, smiling.",
    "A man (old) is smiling at two men!",
    "Zwei Männer lächeln.",
    "两个男人在微笑。",
    "नमस्ते दुनिया",
    "don't 3.5% ▁",
]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5), st.integers(0, 60))
def test_pieces_give_the_text_back(texts: list[str], more: int) -> None:
    plain = [normal(text) for text in texts]
    characters = len(set("".join(plain))) + 1
    learned = subwords.learn(plain, len(SPECIAL) + 2 * characters + more)
    for text in plain:
        ids = learned.encode(text)
        if UNKNOWN not in ids:
            assert learned.decode(ids) == text


@given(st.text())
def test_normal_is_stable_and_has_no_control_characters(text: str) -> None:
    once = normal(text)
    assert normal(once) == once
    assert once == once.strip()
    assert "  " not in once
    assert not any(unicodedata.category(one) == "Cc" for one in once)


def test_words_and_their_spaces() -> None:
    assert words("A man, 'here'.") == ["▁A", "▁man", ",", "▁'", "here", "'", "."]
    assert "".join(words("x" * 250)) == "▁" + "x" * 250


def test_frequent_words_become_one_piece() -> None:
    learned = subwords.learn([normal(text) for text in TEXTS] * 3, 200)
    ids = learned.encode("A man")
    assert [learned.pieces[one] for one in ids] == ["▁A", "▁man"]


def test_the_vocabulary_is_bounded_and_the_rarest_characters_are_unknown() -> None:
    texts = ["a b c"] * 100 + ["".join(chr(0x4E00 + at) for at in range(300))]
    learned = subwords.learn(texts, 50)
    assert len(learned) <= 50
    assert UNKNOWN in learned.encode(chr(0x4E00 + 299))
    assert UNKNOWN not in learned.encode("a b c")


def test_learning_again_gives_the_same_pieces() -> None:
    one, other = (subwords.learn(order, 80) for order in (TEXTS, TEXTS[::-1]))
    assert (one.pieces, one.merges) == (other.pieces, other.merges)


def test_spoken_counts_characters_where_there_are_no_spaces() -> None:
    assert subwords.spoken("Two men, 两个人。") == ["two", "men", "两", "个", "人"]
