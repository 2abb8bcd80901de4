"""Texts are cut in serving exactly as scikit-learn cuts them in training."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from tasks.shared.serving.ngrams import Vocabulary, analyzer, characters, words
from tasks.text_classification import grams as text_grams
from tasks.text_classification.grams import CharacterGrams

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


@given(st.lists(TEXTS, max_size=5))
def test_counts_are_those_of_the_vectorizers(texts: list[str]) -> None:
    vectorizers = [
        CountVectorizer(ngram_range=(1, 2)),
        CountVectorizer(analyzer="char_wb", ngram_range=(1, 3)),
    ]
    known = ["good food", "bad food", "好吃 的 菜"]
    for vectorizer in vectorizers:
        vectorizer.fit(known)
    names = [vectorizer.get_feature_names_out().tolist() for vectorizer in vectorizers]
    vocabulary = Vocabulary(
        [(analyzer("word", 1, 2), names[0]), (analyzer("char_wb", 1, 3), names[1])]
    )
    ids, counts, segments = vocabulary.count(texts)
    found = np.zeros((len(texts), len(names[0]) + len(names[1])))
    found[segments // 2, ids] = counts
    theirs = [v.transform(texts).toarray() for v in vectorizers] if texts else [found]
    np.testing.assert_array_equal(found, np.hstack(theirs))


@pytest.mark.parametrize("cut", [words, characters])
def test_an_empty_text_has_no_ngrams(cut: Callable[[str, int, int], list[str]]) -> None:
    assert cut("", 1, 4) == []
    assert cut(" \n ", 1, 4) == []


@given(st.lists(TEXTS.filter(str.strip), min_size=2, max_size=6, unique=True))
def test_no_ngram_holds_a_line_end(texts: list[str]) -> None:
    """The vocabulary is kept a line each."""
    for settings in ({"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (1, 4)}):
        try:
            names = TfidfVectorizer(**settings).fit(texts).get_feature_names_out()
        except ValueError:  # nothing in these texts is a word
            continue
        assert "\n".join(names).split("\n") == names.tolist()


@given(st.lists(TEXTS, max_size=4), st.lists(TEXTS, max_size=2), st.integers(1, 40))
def test_counts_of_many_texts_are_those_of_serving(
    texts: list[str], others: list[str], chunk: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_grams, "CHUNK", chunk)
        learnt = CharacterGrams.learn(texts)
        names = learnt.names()
        counts = learnt.count([*texts, *others]).toarray()
    cut = [Counter(characters(text, *text_grams.CHARACTERS)) for text in [*texts, *others]]
    holders = Counter(gram for grams in cut[: len(texts)] for gram in grams)
    assert set(names) == {gram for gram, rows in holders.items() if rows > 1}
    assert counts.tolist() == [[grams[name] for name in names] for grams in cut]


def test_more_characters_than_fit_leave_the_rarest_out() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_grams, "MAX_ALPHABET", 3)
        learnt = CharacterGrams.learn(["aab", "aab", "ac", "ac"])
    assert "aa" in learnt.names()
    assert not any("c" in name or ("b" in name and "c" in name) for name in learnt.names())
