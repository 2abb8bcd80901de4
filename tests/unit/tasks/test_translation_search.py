"""Beam search finds what there is to be found, whatever else is searched beside it."""

import itertools

import numpy as np
import pytest

from tasks.translation.serving.search import Translator
from tasks.translation.subwords import END
from tasks.translation.training import batches, graph, network
from tasks.translation.training.batches import Pairs
from tasks.translation.training.network import Parameters, Sizes

SOURCES = [[4, 5, 6], [7], [8, 8, 4, 5, 6, 7], [5, 4]]


def parameters(seed: int) -> Parameters:
    chance = np.random.default_rng(seed)
    weights = Parameters.random(Sizes(9, 12, 8, 8), chance)
    weights.vector += chance.normal(0, 0.5, weights.vector.shape).astype(np.float32)
    weights["target_bias"][END] += 1  # sentences come to an end
    return network.without_special_pieces(weights)


@pytest.mark.parametrize("beam", [1, 3])
def test_sentences_do_not_disturb_each_other(beam: int) -> None:
    translator = Translator(*graph.export(parameters(0)))
    together = translator.translate_all(SOURCES, beam)
    for source, found in zip(SOURCES, together, strict=True):
        (alone,) = translator.translate([source], beam)
        assert alone.pieces == found.pieces
        assert alone.log_probability == pytest.approx(found.log_probability, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_found_has_the_probability_that_the_network_gives_it(seed: int) -> None:
    weights = parameters(seed)
    for beam in (1, 4):
        found = Translator(*graph.export(weights)).translate_all(SOURCES, beam)
        ended = [(s, one) for s, one in zip(SOURCES, found, strict=True) if one.ended]
        assert ended
        pairs = Pairs([source for source, _ in ended], [one.pieces for _, one in ended])
        own = network.log_likelihoods(weights, batches.batch(pairs, range(len(ended))))
        np.testing.assert_allclose([one.log_probability for _, one in ended], own, atol=1e-4)
        assert all(0 < one.certainty <= 1 for one in found)


def test_a_wide_beam_finds_the_best_of_all_short_translations() -> None:
    weights = parameters(1)
    pieces = [list(one) for n in range(3) for one in itertools.product(range(4, 12), repeat=n)]
    source = SOURCES[0]
    pairs = Pairs([source] * len(pieces), pieces)
    scores = network.log_likelihoods(weights, batches.batch(pairs, range(len(pieces))))
    ranks = scores / np.array([(5 + len(one) + 1) / 6 for one in pieces])
    (found,) = Translator(*graph.export(weights)).translate([source], 10)
    assert len(found.pieces) > 2 or found.pieces == pieces[int(ranks.argmax())]
    assert found.log_probability / ((5 + len(found.pieces) + 1) / 6) >= ranks.max() - 1e-4


def test_a_translation_that_never_ends_is_cut_off() -> None:
    weights = parameters(0)
    weights["target_bias"][END] = network.NEVER
    (found,) = Translator(*graph.export(weights)).translate([[4]], 2)
    assert not found.ended
    assert len(found.pieces) == 14
