"""Pretrained networks: weights read without running anything, graphs that compute with them."""

import io
import json
import os
import pickle
import struct
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from scripts.backbones import (
    efficientnet_lite,
    face_embedding,
    face_finding,
    tfjs_weights,
    torch_weights,
)
from scripts.backbones.tfjs_weights import Weights
from tasks.framework import onnx
from tasks.images.training import pretrained

MAGIC = 0x1950A86A20F9469CFC6C


class Reference:
    """What pickle writes where PyTorch would refer to a function or a storage."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


# The one in Python can be taught names that do not exist here.
Base: Any = pickle._Pickler


class Pickler(Base):  # type: ignore[misc]
    def persistent_id(self, value: Any) -> Any:
        return value if isinstance(value, tuple) and value[:1] == ("storage",) else None

    def save_reference(self, value: Reference) -> None:
        self.write(b"c" + f"{value.module}\n{value.name}\n".encode())

    dispatch = {**Base.dispatch, Reference: save_reference}  # noqa: RUF012


class Tensor:
    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __reduce__(self) -> Any:
        return (_rebuild, self.arguments)


def _rebuild(*arguments: Any) -> None:
    """Stands for PyTorch's function, whose name Pickler writes."""


def checkpoint(
    tensors: dict[str, tuple[np.ndarray, int, tuple[int, ...], tuple[int, ...]]],
) -> bytes:
    """A checkpoint of the format before 1.6; every tensor has a storage of its own."""
    file = io.BytesIO()
    for value in (MAGIC, 1001, {"little_endian": True}):
        pickle.dump(value, file, protocol=2)
    objects = OrderedDict(
        (
            name,
            Tensor(
                ("storage", Reference("torch", "FloatStorage"), name, "cpu", values.size, None),
                offset,
                shape,
                strides,
                False,
                OrderedDict(),
            ),
        )
        for name, (values, offset, shape, strides) in tensors.items()
    )
    written = io.BytesIO()
    Pickler(written, protocol=2).dump(objects)
    own = f"c{_rebuild.__module__}\n_rebuild\n".encode()
    assert own in written.getvalue()
    file.write(written.getvalue().replace(own, b"ctorch._utils\n_rebuild_tensor_v2\n"))
    pickle.dump(list(tensors), file, protocol=2)
    for values, *_ in tensors.values():
        file.write(struct.pack("<q", values.size) + values.astype("<f4").tobytes())
    return file.getvalue()


def test_tensors_are_read_with_offset_and_strides() -> None:
    values = np.arange(12, dtype=np.float32)
    found = torch_weights.read(
        checkpoint(
            {
                "whole": (values, 0, (3, 4), (4, 1)),
                "turned": (values, 2, (2, 3), (1, 2)),
                "one": (values[:1], 0, (), ()),
            }
        )
    )
    assert np.array_equal(found["whole"], values.reshape(3, 4))
    assert np.array_equal(found["turned"], [[2, 4, 6], [3, 5, 7]])
    assert found["one"] == 0


def test_a_checkpoint_can_run_nothing() -> None:
    file = io.BytesIO()
    head: list[Any] = [MAGIC, 1001, {}]
    for value in head:
        pickle.dump(value, file, protocol=2)

    class Evil:
        def __reduce__(self) -> Any:
            return os.system, ("exit 1",)

    pickle.dump(Evil(), file, protocol=2)
    with pytest.raises(ValueError, match=r"does not hold posix\.system"):
        torch_weights.read(file.getvalue())
    with pytest.raises(ValueError, match="not a PyTorch checkpoint"):
        torch_weights.read(pickle.dumps(1, protocol=2))


def random_weights() -> dict[str, np.ndarray]:
    """Weights of the network's shapes that keep values of a size."""
    chance = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}

    def layer(name: str, norm: str, outputs: int, inputs: int, kernel: int) -> None:
        scale = (inputs * kernel * kernel) ** -0.5
        shape = (outputs, inputs, kernel, kernel)
        weights[f"{name}.weight"] = chance.standard_normal(shape, np.float32) * scale
        for part in ("weight", "running_var"):
            weights[f"{norm}.{part}"] = chance.uniform(0.8, 1.2, outputs)
        for part in ("bias", "running_mean"):
            weights[f"{norm}.{part}"] = chance.uniform(-0.1, 0.1, outputs)

    layer("_conv_stem", "_bn0", 32, 3, 3)
    for block in efficientnet_lite.blocks():
        prefix, width = f"_blocks.{block.number}.", block.inputs * block.expansion
        if block.expansion > 1:
            layer(f"{prefix}_expand_conv", f"{prefix}_bn0", width, block.inputs, 1)
        layer(f"{prefix}_depthwise_conv", f"{prefix}_bn1", width, 1, block.kernel)
        layer(f"{prefix}_project_conv", f"{prefix}_bn2", block.outputs, width, 1)
    layer("_conv_head", "_bn1", 1280, 320, 1)
    return weights


def test_efficientnet_gives_maps_of_two_strides_and_the_mean_of_the_last() -> None:
    graph = efficientnet_lite.export(random_weights())
    images = np.random.default_rng(1).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    names = ["features", "stride_16", "stride_32"]
    features, middle, last = onnx.session(graph).run(names, {"images": images})
    assert middle.shape == (2, 112, 4, 6)
    assert last.shape == (2, 1280, 2, 3)
    assert 0 <= last.min() < last.max() <= 6
    np.testing.assert_allclose(features, last.mean(axis=(2, 3)), atol=1e-5)


def test_a_bit_of_a_network_that_was_changed_is_found_out() -> None:
    graph = efficientnet_lite.export(random_weights())
    content = pretrained.sealed(graph)
    assert onnx.session(content).get_inputs()[0].name == "images"
    assert pretrained.unsealed(content) == pretrained.unsealed(graph) == graph
    for at in (0, len(graph) // 2, len(graph) - 1, len(content) - 1):
        altered = bytearray(content)
        altered[at] ^= 1
        with pytest.raises(ValueError, match="its sha256 is not the one"):
            pretrained.unsealed(bytes(altered))


def tfjs(*tensors: dict[str, Any]) -> bytes:
    return json.dumps([{"paths": ["a.bin"], "weights": list(tensors)}]).encode()


def test_tensors_of_tensorflow_js_are_read_whether_quantised_or_not() -> None:
    quantization = {"dtype": "uint8", "scale": 0.5, "min": -1.5}
    manifest = tfjs(
        {"name": "bytes", "shape": [2, 2], "dtype": "float32", "quantization": quantization},
        {"name": "floats", "shape": [2], "dtype": "float32"},
    )
    values = bytes([0, 3, 5, 255]) + np.array([0.25, -8], "<f4").tobytes()
    found = tfjs_weights.read(manifest, values)
    assert found["bytes"].stored.dtype == np.uint8
    assert np.array_equal(found["bytes"].floats(), [[-1.5, 0.0], [1.0, 126.0]])
    assert np.array_equal(found["floats"].floats(), [0.25, -8])


@pytest.mark.parametrize("count", [3, 5])
def test_tensors_that_are_not_those_of_the_manifest_are_refused(count: int) -> None:
    manifest = tfjs({"name": "floats", "shape": [1], "dtype": "float32"})
    with pytest.raises(ValueError, match=r"end before those of floats|1 bytes are left"):
        tfjs_weights.read(manifest, bytes(count))


class Made(dict[str, Weights]):
    """Weights that are made as they are asked for, of the shapes that a network has."""

    def __init__(self, shape_of: dict[str, tuple[int, ...]]) -> None:
        chance = np.random.default_rng(0)
        for name, shape in shape_of.items():
            stored = chance.integers(0, 256, shape, dtype=np.uint8)
            inputs = int(np.prod(shape[:-1])) if name.endswith("filters") else 16
            self[name] = Weights(stored, 0.02 / inputs**0.5, 128.0)


def detector_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"conv0/filters": (3, 3, 3, 16), "conv0/bias": (16,)}
    for layer in range(1, 6):
        inputs, outputs = 2 ** (layer + 3), 2 ** (layer + 4)
        shapes[f"conv{layer}/depthwise_filter"] = (3, 3, inputs, 1)
        shapes[f"conv{layer}/pointwise_filter"] = (1, 1, inputs, outputs)
        shapes[f"conv{layer}/bias"] = (outputs,)
    return {**shapes, "conv8/filters": (1, 1, 512, 25), "conv8/bias": (25,)}


def test_the_detector_answers_with_boxes_of_its_anchors_that_hardly_overlap() -> None:
    weights = Made(detector_shapes())
    # Whatever is seen: only the first anchor is certain, and its box is as the anchor has it.
    zeros = np.zeros((1, 1, 512, 25), np.uint8)
    bias = np.array([0, 0, 0, 0, 200, *[0, 0, 0, 0, 56] * 4], np.float32)
    weights["conv8/filters"] = Weights(zeros, 1.0, 0.0)
    weights["conv8/bias"] = Weights(bias - np.where(bias == 56, 100, 0), 1.0, 0.0)
    graph = onnx.session(face_finding.detector(weights))
    (faces,) = graph.run(["faces"], {"images": np.zeros((1, 416, 416, 3), np.uint8)})
    width, height = np.array(face_finding.ANCHORS[0]) * 32
    np.testing.assert_allclose(faces[:, 2] - faces[:, 0], width, rtol=1e-5)
    np.testing.assert_allclose(faces[:, 3] - faces[:, 1], height, rtol=1e-5)
    np.testing.assert_allclose(faces[:, 4], 1.0)
    centres = (faces[:, :2] + faces[:, 2:4]) / 2
    np.testing.assert_allclose(centres % 32, 16, rtol=1e-4)
    one, other = np.triu_indices(len(faces), 1)
    shared = np.maximum(0, np.array([width, height]) - abs(centres[one] - centres[other]))
    common = shared.prod(axis=1)
    assert len(faces) > 1
    assert (common / (2 * width * height - common)).max() <= face_finding.OVERLAP


def test_landmarks_are_pixels_of_the_crop() -> None:
    shapes: dict[str, tuple[int, ...]] = {"dense0/conv0/filters": (3, 3, 3, 32)}
    for block, width in enumerate((32, 64, 128)):
        for layer in range(3):
            name = f"dense{block}/conv{layer}"
            inputs = width // 2 if layer == 0 and block else width
            shapes[f"{name}/depthwise_filter"] = (3, 3, inputs, 1)
            shapes[f"{name}/pointwise_filter"] = (1, 1, inputs, width)
            shapes[f"{name}/bias"] = (width,)
    weights = Made({**shapes, "fc/weights": (128, 136)})
    weights["fc/weights"] = Weights(np.zeros((128, 136), np.uint8), 1.0, 0.0)
    weights["fc/bias"] = Weights(np.linspace(0, 1, 136, dtype=np.float32), 1.0, 0.0)
    graph = onnx.session(face_finding.landmarks(weights))
    (points,) = graph.run(["points"], {"images": np.zeros((2, 112, 112, 3), np.uint8)})
    assert points.shape == (2, 68, 2)
    np.testing.assert_allclose(points[1].ravel(), np.linspace(0, 112, 136), rtol=1e-4)


def embedding_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"fc": (256, 128)}

    def layer(name: str, kernel: int, inputs: int, outputs: int) -> None:
        shapes[f"{name}/conv/filters"] = (kernel, kernel, inputs, outputs)
        for part in ("conv/bias", "scale/weights", "scale/biases"):
            shapes[f"{name}/{part}"] = (outputs,)

    layer("conv32_down", 7, 3, 32)
    before = 32
    for width, blocks, down in face_embedding.STAGES:
        if down:
            layer(f"{down}/conv1", 3, before, width)
            layer(f"{down}/conv2", 3, width, width)
        for block in range(1, blocks + 1):
            layer(f"conv{width}_{block}/conv1", 3, width, width)
            layer(f"conv{width}_{block}/conv2", 3, width, width)
        before = width
    return shapes


def test_the_embedding_keeps_weights_as_bytes_and_computes_with_what_they_stand_for() -> None:
    weights = Made(embedding_shapes())
    floats = {name: Weights(one.floats(), 1.0, 0.0) for name, one in weights.items()}
    small, large = (face_embedding.embedding(some) for some in (weights, floats))
    assert len(small) < 0.3 * len(large)
    images = np.random.default_rng(1).integers(0, 256, (2, 150, 150, 3), dtype=np.uint8)
    one, other = (onnx.session(graph).run(None, {"images": images})[0] for graph in (small, large))
    assert one.shape == (2, 128)
    assert np.abs(one).max() > 1e-4
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)
