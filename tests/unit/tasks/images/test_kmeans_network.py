"""The graph computes what Coates and Ng describe."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tasks.framework import onnx as serving
from tasks.framework.training.trials import Skipped
from tasks.image_classification.kmeans_network import CONTRAST, Geometry, learn


def test_features_are_pooled_triangle_activations_of_whitened_patches() -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 14, 14, 3), dtype=np.uint8)
    geometry = Geometry(14, 3, patch=6, padding=2, grid=3)
    graph = learn(images, geometry, seed=0)
    (features,) = serving.session(graph).run(["features"], {"images": images[:2]})

    named = {one.name: numpy_helper.to_array(one) for one in
             onnx.load_model_from_string(graph).graph.initializer}  # fmt: skip
    axes = named["whiten"].shape[0]
    whiten = named["whiten"].reshape(axes, -1).T.astype(float)
    shift = named["whitened_mean"].reshape(-1)
    centres = named["centres"].reshape(len(named["centres"]), axes) / -2
    padded = np.pad(images[:2].astype(float), ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    places, pool = geometry.places, geometry.places // 3
    activation = np.zeros((2, len(centres), places, places))
    for image in range(2):
        for row in range(places):
            for column in range(places):
                patch = padded[image, row : row + 6, column : column + 6].transpose(2, 0, 1)
                equal = (patch - patch.mean()) / np.sqrt(patch.var() + CONTRAST)
                distance = np.linalg.norm(equal.reshape(-1) @ whiten - shift - centres, axis=1)
                activation[image, :, row, column] = np.maximum(0, distance.mean() - distance)
    window = places - 2 * pool
    expected = np.stack(
        [
            activation[:, :, r : r + window, c : c + window].mean(axis=(2, 3))
            for r in range(0, 3 * pool, pool)
            for c in range(0, 3 * pool, pool)
        ],
        axis=-1,
    )
    np.testing.assert_allclose(features, expected.reshape(2, -1), atol=2e-3)


def test_images_of_one_even_colour_each_teach_it_nothing() -> None:
    colours = np.arange(0, 240, 12, dtype=np.uint8).reshape(-1, 1, 1, 1)
    images = np.broadcast_to(colours, (20, 14, 14, 1))
    with pytest.raises(Skipped, match="even colour"):
        learn(images, Geometry.of(14, 1), seed=0)
