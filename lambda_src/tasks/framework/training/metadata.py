"""What model.onnx says of itself, so that it can be used with onnxruntime alone.

These properties of the graph are texts. signature, labels, encoding, libraries and left_out are
JSON:

- task, model, version, target: what the manifest has under these names;
- signature: the fields of instances and of predictions;
- labels: what the columns of probabilities are of;
- encoding: how instances become the graph's inputs, and its outputs answers;
- libraries: the versions that the model was fitted and exported with;
- left_out: what is too large and is in the manifest only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from common.signature import Signature

FILE = "model.onnx"

MOST_BYTES = 1_000_000
"""Of all properties together; a column of 10,000 categories takes about 150,000."""


def described(
    files: Mapping[str, bytes],
    names: Mapping[str, str | None],
    signature: Signature,
    encoding: Mapping[str, Any],
    labels: Sequence[str] | None,
    libraries: Mapping[str, str],
) -> dict[str, bytes]:
    """The files of a version, of which model.onnx has its description as metadata.

    names are task, model, version and target; encoding is that of tasks.encoding.
    """
    if FILE not in files:
        return dict(files)
    from onnx import ModelProto, StringStringEntryProto  # not loaded for any other request

    texts = properties(names, signature, encoding, labels, libraries)
    entries = [StringStringEntryProto(key=name, value=text) for name, text in texts.items()]
    # A model's fields may follow one another in any order: the graph need not be parsed.
    behind: bytes = ModelProto(metadata_props=entries).SerializeToString()
    return {**files, FILE: files[FILE] + behind}


def properties(
    names: Mapping[str, str | None],
    signature: Signature,
    encoding: Mapping[str, Any],
    labels: Sequence[str] | None,
    libraries: Mapping[str, str],
) -> dict[str, str]:
    """The properties of a model, of MOST_BYTES at most."""
    fields: dict[str, Any] = {
        "libraries": dict(libraries),
        "encoding": dict(encoding),
        "signature": msgspec.to_builtins(signature),
    }
    if labels is not None:
        fields["labels"] = list(labels)
    plain = {name: text for name, text in names.items() if text is not None}
    return plain | {name: _json(field) for name, field in _bounded(fields).items()}


def _bounded(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields without the longest lists of categories, then without whole fields."""
    left_out: list[str] = []
    columns = [column for column in fields["signature"]["inputs"] if column.get("categories")]
    columns.sort(key=lambda column: len(_json(column["categories"])))
    while columns and _size(fields) > MOST_BYTES:
        column = columns.pop()
        del column["categories"]
        left_out.append(f"categories of {column['name']}")
    for name in ("labels", "encoding", "signature"):
        if name in fields and _size(fields) > MOST_BYTES:
            del fields[name]
            left_out.append(name)
    return {**fields, "left_out": left_out} if left_out else fields


def _size(fields: Mapping[str, Any]) -> int:
    return sum(len(_json(field).encode()) for field in fields.values())


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
