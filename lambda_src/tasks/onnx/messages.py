"""What onnx and onnxruntime say of somebody's model, without what they say of themselves."""

import re

_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_SOURCE = re.compile(r"\S*\b(?:\w+_src|onnxruntime|onnx)/\S+\.(?:cc|h|cpp|py):\d+")
"""A place in their code: what follows are the names of their functions."""

_LONGEST = 300


def reason(error: Exception) -> str:
    r"""Why a model failed, on one line and bounded: strangers wrote the names in the text.

    >>> text = "[ONNXRuntimeError] : 1 : FAIL : Running Reshape node. Name:'a\n' Status Message: "
    >>> reason(ValueError(text + "/onnxruntime_src/onnxruntime/core/a.h:91 Reshape(const T&)"))
    "Running Reshape node. Name:'a '"
    >>> reason(ValueError("[ONNXRuntimeError] : 1 : FAIL : /onnxruntime_src/core/g.cc:1 f()"))
    'its runtime gives no reason in words'
    """
    if lacks_memory(error):
        return "it takes more memory than there is"
    text = _SOURCE.split(_PREFIX.sub("", str(error).strip()), maxsplit=1)[0]
    text = text.strip().removesuffix("Status Message:").strip()
    if len(text) > _LONGEST:
        text = f"{text[:100]} … {text[-(_LONGEST - 103) :]}"
    words = "".join(one if one.isprintable() else " " for one in text).split()
    return " ".join(words) or "its runtime gives no reason in words"


def lacks_memory(error: Exception) -> bool:
    """Whether that is why onnxruntime failed, which has no class for it."""
    words = ("Failed to allocate memory", "std::bad_alloc")
    return isinstance(error, MemoryError) or any(one in str(error) for one in words)
