"""Pretrained networks: weights read without running anything, graphs that compute with them."""

import io
import os
import pickle
import struct
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from scripts.backbones import efficientnet_lite, torch_weights
from tasks.shared.serving import onnx

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
