"""Texts are cut in serving exactly as scikit-learn cuts them in training."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from tasks.text_classification import grams as text_grams
from tasks.text_classification.grams import CharacterGrams, Grams
from tasks.text_classification.ngrams import Vocabulary, analyzer, characters, runs, words

RANGES = st.tuples(st.integers(1, 5), st.integers(0, 3)).map(lambda pair: (pair[0], sum(pair)))
SPICE = st.sampled_from(
    [
        *("it's", "İstanbul", "straße", "ﬁn", "你好。世界", "नमस्ते", "مرحبا", "e\u0301"),
        *("👩\u200d👩\u200d👧", "a\u200bb", "_", "x_1", "\ud800", "\x00"),
        *("  ", "\t\n", "\x1c", "\x85", "\u3000"),
    ]
)
TEXTS = st.lists(st.one_of(st.text(max_size=20), SPICE), max_size=8).map("".join)


@given(TEXTS, RANGES)
def test_words_are_scikit_learns(text: str, sizes: tuple[int, int]) -> None:
    theirs = CountVectorizer(ngram_range=sizes).build_analyzer()
    assert Counter(words(text, *sizes)) == Counter(theirs(text))


@given(TEXTS, RANGES)
def test_characters_are_scikit_learns(text: str, sizes: tuple[int, int]) -> None:
    theirs = CountVectorizer(analyzer="char_wb", ngram_range=sizes).build_analyzer()
    assert Counter(characters(text, *sizes)) == Counter(theirs(text))


@given(TEXTS, RANGES)
def test_runs_are_scikit_learns(text: str, sizes: tuple[int, int]) -> None:
    theirs = CountVectorizer(analyzer="char", ngram_range=sizes).build_analyzer()
    assert Counter(runs(text, *sizes)) == Counter(theirs(text))


@given(st.lists(TEXTS, max_size=5))
def test_counts_are_those_of_the_vectorizers(texts: list[str]) -> None:
    blocks = [("word", 1, 2), ("char_wb", 1, 3), ("char", 1, 3), ("char", 2, 3)]
    vectorizers = [
        CountVectorizer(analyzer=name, ngram_range=(shortest, longest))
        for name, shortest, longest in blocks
    ]
    known = ["good food", "bad food", "好吃 的 菜"]
    for vectorizer in vectorizers:
        vectorizer.fit(known)
    names = [vectorizer.get_feature_names_out().tolist() for vectorizer in vectorizers]
    vocabulary = Vocabulary([(*block, grams) for block, grams in zip(blocks, names, strict=True)])
    ids, counts, segments = vocabulary.count(texts)
    found = np.zeros((len(texts), sum(map(len, names))))
    found[segments // len(blocks), ids] = counts
    theirs = [v.transform(texts).toarray() for v in vectorizers] if texts else [found]
    np.testing.assert_array_equal(found, np.hstack(theirs))


@pytest.mark.parametrize("cut", [words, characters, runs])
def test_an_empty_text_has_no_ngrams(cut: Callable[[str, int, int], list[str]]) -> None:
    assert cut("", 1, 4) == []


@pytest.mark.parametrize("cut", [words, characters])
def test_white_space_holds_no_words(cut: Callable[[str, int, int], list[str]]) -> None:
    assert cut(" \n ", 1, 4) == []


@given(st.lists(TEXTS, min_size=2, max_size=6))
def test_no_ngram_holds_a_line_end(texts: list[str]) -> None:
    """The vocabulary is kept a line each."""
    for names in Grams([*texts, *texts]).names.values():
        assert "\n".join(names).split("\n") == (names or [""])


@given(
    st.lists(TEXTS, max_size=4),
    st.lists(TEXTS, max_size=2),
    st.integers(1, 40),
    st.sampled_from(["char_wb", "char"]),
)
def test_counts_of_many_texts_are_those_of_serving(
    texts: list[str], others: list[str], chunk: int, name: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_grams, "CHUNK", chunk)
        learnt = CharacterGrams.learn(texts, name)
        names = learnt.names()
        counts = learnt.count([*texts, *others]).toarray()
    cut = analyzer(name, *text_grams.RANGES[name])
    held = [Counter(cut(text)) for text in [*texts, *others]]
    holders = Counter(gram for grams in held[: len(texts)] for gram in grams)
    common = {gram for gram, rows in holders.items() if rows > 1}
    assert set(names) == {gram for gram in common if "\n" not in gram}
    assert counts.tolist() == [[grams[name] for name in names] for grams in held]


def test_more_characters_than_fit_leave_the_rarest_out() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(text_grams.MAX_ALPHABET, "char_wb", 3)
        learnt = CharacterGrams.learn(["aab", "aab", "ac", "ac"], "char_wb")
    assert "aa" in learnt.names()
    assert not any("c" in name or ("b" in name and "c" in name) for name in learnt.names())
