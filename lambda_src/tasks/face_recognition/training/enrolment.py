"""Who is enrolled, and how near a face has to be to be taken for one of them.

A person is the mean of their faces' descriptors. The thresholds come from the enrolled images
alone: people and images are left out in turn, the people to play strangers, and a threshold is
where as large a share of images of enrolled people would be refused as of strangers let in (the
equal error rate).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

FOLDS = 5
ROUNDS, FEW_IMAGES = 5, 1000
PAIRED = 500
"""Images of a fold that are compared with each other."""


@dataclass(frozen=True)
class Projection:
    """What a descriptor is of features: (features - mean) @ matrix, made a unit vector."""

    mean: np.ndarray
    matrix: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        return unit((features - self.mean) @ self.matrix)


type Project = Callable[[np.ndarray], np.ndarray]
"""Features, shape (n_faces, n_features), to descriptors, shape (n_faces, n_values)."""

type Fit = Callable[[np.ndarray, np.ndarray], Project]
"""Learns a projection of features and the numbers of their people, shape (n_faces,)."""


@dataclass(frozen=True)
class CrossEnrolment:
    """What happened to the images that were left out.

    known has for each one of an enrolled person the similarity to that person, and whether nobody
    else was nearer; strangers the similarity to whoever was nearest; same and different hold the
    similarities of two images of one person, and of two people.
    """

    known: np.ndarray
    nearest: np.ndarray
    strangers: np.ndarray
    same: np.ndarray
    different: np.ndarray

    def threshold(self) -> float:
        """The mean of two: few photos decide on the one, and none of the extremes on the other."""
        seen = equal_error(self.known, self.strangers)
        return (seen + normal_equal_error(self.known, self.strangers)) / 2

    def pair_threshold(self) -> float:
        return equal_error(self.same, self.different)

    def score(self, metric: str) -> float:
        """The share of the known who were nearest to themselves; or, for the metric accuracy,
        the mean of the shares of the known who were also accepted, and of strangers refused."""
        if metric == "closed_set_accuracy":
            return float(self.nearest.mean())
        record = self.record()
        return (record["known_accepted"] + record["strangers_refused"]) / 2

    def record(self) -> dict[str, float]:
        at = self.threshold()
        return {
            "known_accepted": float((self.nearest & (self.known >= at)).mean()),
            "strangers_refused": float((self.strangers < at).mean()),
            "same_accepted": float((self.same >= self.pair_threshold()).mean()),
            "different_refused": float((self.different < self.pair_threshold()).mean()),
        }


def unit(vectors: np.ndarray) -> np.ndarray:
    """Each row with length 1."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: np.ndarray = vectors / np.maximum(lengths, 1e-12)
    return scaled


def means(descriptors: np.ndarray, y: np.ndarray, count: int) -> np.ndarray:
    """The mean descriptor of persons 0 to count - 1, each of length 1: float32."""
    sums = np.zeros((count, descriptors.shape[1]))
    np.add.at(sums, y, descriptors)
    return unit(sums).astype(np.float32)


def equal_error(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The threshold at which as large a share of genuine is below as of impostor is not.

    It is in the middle of a gap between similarities that were seen.
    """
    genuine, impostor = np.sort(genuine), np.sort(impostor)
    seen = np.unique(np.concatenate([genuine, impostor]))
    at = (seen[1:] + seen[:-1]) / 2 if len(seen) > 1 else seen
    refused = np.searchsorted(genuine, at) / len(genuine)
    let_in = 1 - np.searchsorted(impostor, at) / len(impostor)
    worse = np.maximum(refused, let_in)
    return float(at[worse <= worse.min() + 1e-12].mean())


def normal_equal_error(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The same for normal distributions of the same means and deviations."""
    spread, other = genuine.std() + 1e-9, impostor.std() + 1e-9
    return float((genuine.mean() * other + impostor.mean() * spread) / (spread + other))


def cross_enrol(
    x: np.ndarray, y: np.ndarray, fit: Fit, seed: int, alike: np.ndarray | None = None
) -> CrossEnrolment:
    """Enrols again and again without some people, and without some images of the others.

    x has shape (n_images, n_features), y (n_images,) holds the numbers of people from 0 on; alike
    (n_images,) is the same for near-duplicates, which are left out together and never compared.
    Few images have several rounds, lest chance decides which of them are left out with their
    people. Raises ValueError where too little is enrolled for it.
    """
    chance = np.random.default_rng(seed)
    rounds = ROUNDS if len(y) <= FEW_IMAGES else 1
    alike = np.arange(len(y)) if alike is None else alike
    every = [parts for _ in range(rounds) for parts in _round(x, y, alike, fit, chance)]
    known, nearest, strangers, same, different = map(np.concatenate, zip(*every, strict=True))
    if not (len(known) and len(strangers) and len(same) and len(different)):
        raise ValueError("nobody has two images that differ, and how much they do is unseen")
    return CrossEnrolment(known, nearest, strangers, same, different)


def _round(
    x: np.ndarray, y: np.ndarray, alike: np.ndarray, fit: Fit, chance: np.random.Generator
) -> Iterator[tuple[np.ndarray, ...]]:
    """The parts of CrossEnrolment: enrolments leave out each person once, and each image."""
    _, first, original = np.unique(alike, return_index=True, return_inverse=True)
    order = np.lexsort([chance.random(len(first)), y[first]])
    fold = np.empty(len(first), np.int64)
    fold[order] = np.arange(len(first)) % FOLDS  # a person's images are in turn, as far as they go
    fold = fold[original]
    count = int(y.max()) + 1
    group = chance.permutation(count) % min(FOLDS, count)
    for number in range(FOLDS):
        absent = group[y] == number
        enrolled = ~absent & (fold != number)
        people = np.unique(y[enrolled])
        if len(people) == 0:
            raise ValueError("nobody is left when some people and images are left out")
        places = np.searchsorted(people, y[enrolled])
        project = fit(x[enrolled], places)
        gallery = means(project(x[enrolled]), places, len(people))
        left_out = np.flatnonzero(absent | (fold == number))
        yield _left_out(project(x[left_out]), y[left_out], alike[left_out], people, gallery)


def _left_out(
    descriptors: np.ndarray,
    y: np.ndarray,
    alike: np.ndarray,
    people: np.ndarray,
    gallery: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """The parts of CrossEnrolment, of the images left out of one enrolment."""
    similarities = descriptors @ gallery.T
    known = np.isin(y, people)
    places = np.searchsorted(people, y[known])
    own = similarities[known, :][np.arange(len(places)), places]
    some, of = descriptors[:PAIRED], y[:PAIRED]
    one, other = np.triu_indices(len(some), 1)
    differ = alike[one] != alike[other]
    one, other = one[differ], other[differ]
    pairs = (some @ some.T)[one, other]
    same = of[one] == of[other]
    best = similarities.max(axis=1)
    return own, own >= best[known], best[~known], pairs[same], pairs[~same]
