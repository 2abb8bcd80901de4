"""BLEU and chrF are sacrebleu's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from tasks.translation.training import scores

WORDS = st.sampled_from(
    ["a", "B", "c-d", "3.5", "1,000", "x.", "(y)", "&amp;", "don't", "两个", "-"]
)
SENTENCE = st.lists(WORDS, max_size=8).map(" ".join)
PAIRS = st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=6)


@given(PAIRS)
def test_bleu(pairs: list[tuple[str, str]]) -> None:
    answers, references = (list(side) for side in zip(*pairs, strict=True))
    for tokens in ("13a", "char"):
        for name, lowercase in (("bleu", False), ("bleu_lowercase", True)):
            measure = scores.measures(tokens)[name]
            reference = BLEU(lowercase=lowercase, tokenize=tokens)
            wanted = reference.corpus_score(answers, [references]).score
            assert measure(answers, references) == pytest.approx(wanted)
            assert str(reference.get_signature()).startswith(measure.signature)


@given(PAIRS)
def test_chrf(pairs: list[tuple[str, str]]) -> None:
    answers, references = (list(side) for side in zip(*pairs, strict=True))
    measure, reference = scores.measures("13a")["chrf"], CHRF()
    wanted = reference.corpus_score(answers, [references]).score
    assert measure(answers, references) == pytest.approx(wanted)
    assert str(reference.get_signature()).startswith(measure.signature)


def test_counts_of_some_sentences_score_those_alone() -> None:
    answers = ["the cat sat on the mat", "two dogs run", "a man"]
    references = ["the cat sat on a mat", "two dogs run fast", "a woman"]
    some = np.array([0, 0, 2])
    for measure in scores.measures("13a").values():
        alone = measure([answers[at] for at in some], [references[at] for at in some])
        assert measure.of_counts(measure.counts(answers, references)[some]) == alone


def test_texts_without_spaces_are_judged_by_character() -> None:
    assert scores.tokens_of(["两个男人在微笑。", "OK"]) == "char"
    assert scores.tokens_of(["Zwei Männer lächeln.", "好"]) == "13a"
