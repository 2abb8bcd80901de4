"""The form of a pretrained network's file: an ONNX model, and behind it the sha256 of its bytes.

The sha256 is an entry of the model's metadata, so that the file is still an ONNX model.
"""

import hashlib

import onnx

from tasks.framework.onnx import session

_DIGITS = 2 * hashlib.sha256().digest_size


def sealed(graph: bytes) -> bytes:
    """The content of a file that holds a network."""
    return graph + _seal(graph)


def unsealed(content: bytes) -> bytes:
    """The network that a file holds.

    One without a sha256, which is older or made by others, is only loaded. Raises ValueError with
    what is wrong with it.
    """
    size = len(_seal(b""))
    graph, seal = content[:-size], content[-size:]
    if seal.startswith(_seal(b"")[:-_DIGITS]):
        if seal != _seal(graph):
            raise ValueError("its sha256 is not the one that it ends with")
        return graph
    try:
        session(content)
    except Exception as error:  # onnxruntime's own, which have no common base
        raise ValueError("it is no ONNX model") from error
    return content


def _seal(graph: bytes) -> bytes:
    """What is behind a network: fields of a model may follow one another in any order."""
    digest = hashlib.sha256(graph).hexdigest()
    entry = onnx.StringStringEntryProto(key="sha256", value=digest)
    seal: bytes = onnx.ModelProto(metadata_props=[entry]).SerializeToString()
    return seal
