"""Words are aligned, phrases collected, scored, tuned and searched as the papers say."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.framework.training.context import Budget, TrainingContext
from tasks.translation.serving.phrases import PhraseTranslator, known_as, tokens
from tasks.translation.serving.phrases.language_model import END, START, UNKNOWN, WORDS
from tasks.translation.serving.phrases.table import LONGEST_PHRASE
from tasks.translation.subwords import MARK, normal
from tasks.translation.training import phrases
from tasks.translation.training.bitext import Texts
from tasks.translation.training.phrases import alignment, extraction, language_model, tuning
from tasks.translation.training.phrases.alignment import Corpus, Links
from tasks.translation.training.phrases.tuning import Lists
from tasks.translation.training.scores import bleu_counts

NOUNS = {"dog": "Hund", "man": "Mann", "boy": "Junge", "bird": "Vogel", "horse": "Fisch"}
ADJECTIVES = {"red": "rote", "old": "alte", "big": "dicke", "small": "kleine"}
VERBS = {"sees": "gesehen", "hears": "gehört", "finds": "gefunden"}


def made(count: int, seed: int = 0) -> Texts:
    """The dog sees a man. Der Hund hat den Mann gesehen: the verb stands at the end."""
    chance = np.random.default_rng(seed)

    def one(of: dict[str, str]) -> str:
        return list(of)[chance.integers(len(of))]

    sources, targets = [], []
    for _ in range(count):
        noun, adjective, verb, other = one(NOUNS), one(ADJECTIVES), one(VERBS), one(NOUNS)
        sources.append(f"The {adjective} {noun} {verb} a {other}.")
        targets.append(
            f"Der {ADJECTIVES[adjective]} {NOUNS[noun]} hat den {NOUNS[other]} {VERBS[verb]}."
        )
    return Texts(sources, targets)


def context(seconds: float = 60) -> TrainingContext:
    return TrainingContext(budget=Budget(seconds))


@pytest.fixture(scope="module")
def model() -> PhraseTranslator:
    return phrases.learn(made(150), made(30, seed=1), bleu_counts, context())


def translated(model: PhraseTranslator, *texts: str, beam: int = 4) -> list[str]:
    return [one.text for one in model.translate([model.read(text) for text in texts], beam)]


def test_a_dictionary_is_found_in_sentences() -> None:
    corpus = made(60)
    sides = [[[known_as(t) for t in tokens(text)] for text in side] for side in corpus]
    words = sorted({word for side in sides for sentence in side for word in sentence})
    ids = [[np.array([words.index(w) for w in one]) for one in side] for side in sides]
    pairs = Corpus.of(*ids)
    links = alignment.align(pairs)
    found = {
        (words[pairs.sources[s]], words[pairs.targets[t]])
        for s, t in zip(links.source, links.target, strict=True)
    }
    dictionary = NOUNS | ADJECTIVES | VERBS
    assert {(one, other.lower()) for one, other in dictionary.items()} <= found
    assert {pair[1] for pair in found if pair[0] == "dog"} == {"hund"}


@given(st.data())
def test_phrases_are_linked_to_each_other_and_to_nothing_else(data: st.DataObject) -> None:
    lengths = st.integers(1, 5)
    sizes = data.draw(st.lists(st.tuples(lengths, lengths), min_size=1, max_size=3))
    corpus = Corpus.of([np.arange(n) for n, _ in sizes], [np.arange(m) for _, m in sizes])
    points: list[tuple[int, int]] = []
    for number, (n, m) in enumerate(sizes):
        s, t = corpus.source_starts[number], corpus.target_starts[number]
        pairs = st.tuples(st.integers(s, s + n - 1), st.integers(t, t + m - 1))
        points += sorted(data.draw(st.sets(pairs, max_size=6)), key=lambda one: one[::-1])
    links = Links(*np.array(points, np.int64).reshape(-1, 2).T)
    expected = {
        (a, c, b, d)
        for (s, n), (t, m) in zip(
            zip(corpus.source_starts, [n for n, _ in sizes], strict=False),
            zip(corpus.target_starts, [m for _, m in sizes], strict=False),
            strict=True,
        )
        for a, b in itertools.product(range(s, s + n), range(t, t + m))
        for c, d in itertools.product(range(1, s + n - a + 1), range(1, t + m - b + 1))
        if max(c, d) <= LONGEST_PHRASE and _consistent(points, range(a, a + c), range(b, b + d))
    }
    found = extraction.extracted(corpus, links)
    rows = zip(found.source, found.source_length, found.target, found.target_length, strict=True)
    listed = [tuple(map(int, row)) for row in rows]
    assert len(listed) == len(set(listed))
    assert set(listed) == expected


def _consistent(points: Sequence[tuple[int, int]], source: range, target: range) -> bool:
    inside = [s in source and t in target for s, t in points]
    touched = [s in source or t in target for s, t in points]
    return any(inside) and inside == touched


sentences = st.lists(st.lists(st.integers(WORDS, 8), min_size=1, max_size=6), min_size=1)


@given(sentences)
def test_what_may_follow_any_two_words_has_probabilities_that_sum_to_one(
    texts: list[list[int]],
) -> None:
    size = 9
    model = language_model.estimate([np.array(text) for text in texts], size)
    following = np.array([word for word in range(size) if word != START])
    contexts = [(-1, word) for word in range(size) if word != END]
    contexts += [(at, int(key % size)) for at, key in enumerate(model.bigrams)]
    for bigram, last in contexts:
        if last == END:
            continue
        scores, _ = model.score(
            np.full(len(following), bigram), np.full(len(following), last), following
        )
        assert np.exp(scores.astype(float)).sum() == pytest.approx(1, abs=1e-4)


def test_verbs_move_across_what_is_between(model: PhraseTranslator) -> None:
    asked = made(20, seed=2)
    assert translated(model, *asked.sources) == list(asked.targets)


def test_unknown_words_are_copied_as_they_are_written(model: PhraseTranslator) -> None:
    (found,) = translated(model, "The old McGregor sees a dog.")
    assert found == "Der alte McGregor hat den Hund gesehen."
    assert translated(model, "Xyzzy 42!") == ["Xyzzy 42!"]
    assert not model.knows("mcgregor")
    assert model.knows("dog")


def test_sentences_do_not_disturb_each_other(model: PhraseTranslator) -> None:
    asked = [model.read(text) for text in [*made(12, seed=3).sources, "Dog", "? ?", "a " * 60]]
    together = model.translate(asked, 2)
    assert together == [one for text in asked for one in model.translate([text], 2)]
    assert all(0 < one.certainty <= 1 for one in together)


def test_a_wider_beam_finds_no_worse_translation(model: PhraseTranslator) -> None:
    asked = [model.read(text) for text in made(8, seed=4).sources]
    scores = [[one.score for (one,) in model.derivations(asked, size)] for size in (1, 8, 64)]
    assert all(
        a <= b + 1e-9
        for few, many in itertools.pairwise(scores)
        for a, b in zip(few, many, strict=True)
    )


def test_the_best_translations_are_different_and_in_order(model: PhraseTranslator) -> None:
    (found,) = model.derivations([model.read("The red dog sees a man.")], 30, 20)
    assert len(found) == 20
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert len({str(one.phrases) for one in found}) == 20
    for one in found:
        places = [at for start, n, _ in one.phrases for at in range(start, start + n)]
        assert sorted(places) == list(range(7))


def test_what_is_served_has_the_score_that_was_learned(model: PhraseTranslator) -> None:
    parity = phrases.compared(model, [*made(10, seed=5).sources, "Nothing of this is known"])
    assert parity.rows == 11
    assert parity.max_difference < 1e-9


def test_a_file_gives_the_translator_back(model: PhraseTranslator) -> None:
    content = model.encode()
    assert content == model.encode()
    again = PhraseTranslator.decode(content)
    assert again.encode() == content
    text = "A horse hears the big bird"
    assert translated(again, text) == translated(model, text)


def test_tuning_prefers_the_feature_that_right_translations_have() -> None:
    chance = np.random.default_rng(0)
    features = chance.normal(size=(200, 3))
    counts = np.tile(np.array([5, 5, 5, 4, 3, 2, 0, 0, 0, 0]), (200, 1))
    right = features[:, 1] > 0
    counts[right, 6:] = [5, 4, 3, 2]
    lists = Lists(np.repeat(np.arange(20), 10), features, counts)
    before = np.array([2.0, 0.5, 1.5])
    after = tuning.better(lists, before)
    assert after[1] / np.abs(after).sum() > 0.5
    assert tuning.expected_bleu(lists, after)[0] > tuning.expected_bleu(lists, before)[0]


@given(st.integers(0, 100))
def test_the_gradient_of_expected_bleu_is_that_of_finite_differences(seed: int) -> None:
    chance = np.random.default_rng(seed)
    said = chance.integers(1, 9, (12, 4))
    counts = np.column_stack([said[:, 0], chance.integers(1, 9, 12), said, said // 2])
    lists = Lists(np.sort(chance.integers(0, 3, 12)), chance.normal(size=(12, 3)), counts)
    at = chance.normal(size=3)
    _, slope = tuning.expected_bleu(lists, at)
    for axis in range(3):
        step = np.eye(3)[axis] * 1e-6
        up, down = (tuning.expected_bleu(lists, at + sign * step)[0] for sign in (1, -1))
        assert slope[axis] == pytest.approx((up - down) / 2e-6, abs=1e-4)


@given(st.text(max_size=60))
def test_tokens_give_a_text_back(text: str) -> None:
    plain = normal(text)
    assert "".join(tokens(plain)).replace(MARK, " ").strip() == plain


def test_scripts_without_spaces_are_translated_by_characters() -> None:
    words = {"狗": "dog", "猫": "cat", "鱼": "fish", "鸟": "bird"}
    pairs = [(a + "看" + b, f"The {words[a]} sees the {words[b]}") for a in words for b in words]
    model = phrases.learn(
        Texts(*zip(*pairs, strict=True)), Texts(*zip(*pairs, strict=True)), bleu_counts, context()
    )
    assert translated(model, "狗看猫") == ["The dog sees the cat"]
    (back,) = translated(model, "狼看猫")
    assert "狼" in back


def test_sentences_that_are_too_long_to_be_aligned_teach_nothing() -> None:
    long = "a " * 100
    with pytest.raises(extraction.TooLittle, match="up to 80 words"):
        phrases.learn(Texts([long], [long]), Texts([], []), bleu_counts, context())


def test_time_bounds_what_is_aligned() -> None:
    corpus = made(20)
    model = phrases.learn(corpus, Texts([], []), bleu_counts, context(1e-3))
    assert {UNKNOWN} == set(model.table.words[:, 0]) or len(model.table.words) < 200
