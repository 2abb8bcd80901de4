"""A file that is one model as ONNX and another in onnxruntime's own format.

ONNX is protobuf, which keeps fields that nobody knows. The other format is a flatbuffer: where
it begins is in its first four bytes, and in the next four that it is one. These eight bytes are
read as fields of protobuf, the flatbuffer is within a long field, and the ONNX model follows.
"""

import struct
from pathlib import Path

import onnx
import onnxruntime

_HEAD = bytes([0x08, 10, 0x12, 1]) + b"ORTM" + bytes(83)
"""ir_version = 10, producer_name = "O", and the unknown field 10 with "M" and 83 zero bytes."""

_DOC_STRING = b"\x32"


def polyglot(shown: onnx.ModelProto, hidden: onnx.ModelProto, folder: Path) -> bytes:
    """18 MB that ONNX reads as one model and onnxruntime, left to guess, as the other."""
    flat = _ort_format(hidden, folder)
    root = _number(flat, 0)
    vtable = root - _number(flat, root, "<i")
    slots, size = _number(flat, vtable, "<H"), _number(flat, vtable + 2, "<H")
    start = _number(_HEAD, 0)
    inner = (start + size + 15) // 16 * 16
    content = bytearray(inner + len(flat))
    content[inner:] = flat
    # A copy of the root, whose distances to what it refers to are from its new place.
    content[start - slots : start] = flat[vtable : vtable + slots]
    content[start : start + size] = flat[root : root + size]
    struct.pack_into("<i", content, start, slots)
    for slot in range(4, slots, 2):
        if field := _number(flat, vtable + slot, "<H"):
            target = root + field + _number(flat, root + field)
            struct.pack_into("<I", content, start + field, inner + target - (start + field))
    content[: len(_HEAD)] = _HEAD
    length = _varint(len(content) - len(_HEAD) - 1 - len(_varint(len(content))))
    content[len(_HEAD) : len(_HEAD) + 1 + len(length)] = _DOC_STRING + length
    shown.ClearField("ir_version")
    shown.ClearField("producer_name")
    content += shown.SerializeToString()
    return bytes(content)


def _ort_format(model: onnx.ModelProto, folder: Path) -> bytes:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(folder / "hidden")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(model.SerializeToString(), options)
    content: bytes = (folder / "hidden").read_bytes()
    return content


def _number(content: bytes, at: int, form: str = "<I") -> int:
    found: int = struct.unpack_from(form, content, at)[0]
    return found


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])
