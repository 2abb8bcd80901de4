"""Tensors of a PyTorch checkpoint, read without PyTorch and without running what it holds.

The format before PyTorch 1.6: five pickles one after another (a magic number, a version, facts
of the machine, the object with references in place of storages, the storages' names), then of
each storage its length and its values.
"""

import io
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_TYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True)
class _Storage:
    name: str
    type: np.dtype[Any]


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(checkpoint: bytes) -> dict[str, np.ndarray]:
    """The tensors by name. Raises ValueError for what is no such checkpoint."""
    file = io.BytesIO(checkpoint)
    if _Unpickler(file).load() != _MAGIC:
        raise ValueError("not a PyTorch checkpoint of the format before 1.6")
    for _ in ("version", "facts of the machine"):
        _Unpickler(file).load()
    tensors: dict[str, _Tensor] = _Unpickler(file).load()
    types = {tensor.storage.name: tensor.storage.type for tensor in tensors.values()}
    values = {}
    for name in _Unpickler(file).load():
        (length,) = struct.unpack("<q", file.read(8))
        values[name] = np.frombuffer(file.read(length * types[name].itemsize), types[name])
    return {name: _array(tensor, values) for name, tensor in tensors.items()}


def _array(tensor: _Tensor, values: dict[str, np.ndarray]) -> np.ndarray:
    flat = values[tensor.storage.name][tensor.offset :]
    strides = [stride * flat.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, strides).copy()


class _Unpickler(pickle.Unpickler):
    """Knows the few names of a checkpoint of tensors, and refuses all others."""

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "collections", "OrderedDict":
                return OrderedDict
            case "torch._utils", "_rebuild_tensor_v2":
                return _rebuild_tensor
            case "torch", _ if name in _TYPES:
                return name
        raise ValueError(f"a checkpoint of tensors does not hold {module}.{name}")

    def persistent_load(self, reference: Any) -> _Storage:
        kind, type_name, name, *_ = reference
        if kind != "storage":
            raise ValueError(f"unknown reference {kind!r}")
        return _Storage(name, _TYPES[type_name])


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)
