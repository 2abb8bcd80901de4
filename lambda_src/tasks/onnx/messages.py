"""What onnx and onnxruntime say of somebody's model, without what they say of themselves."""

import re

_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_SOURCE = re.compile(r"\S*\b(?:\w+_src|onnxruntime|onnx)/\S+\.(?:cc|h|cpp|py):\d+")
"""A place in their code: what follows are the names of their functions."""


def first_line(error: Exception, most: int = 300) -> str:
    r"""The first line of an error's text about a model, in so many characters at most.

    >>> text = "[ONNXRuntimeError] : 1 : FAIL : Running Reshape node. Name:'a' Status Message: "
    >>> first_line(ValueError(text + "/onnxruntime_src/onnxruntime/core/a.h:91 Reshape(const T&)"))
    "Running Reshape node. Name:'a'"
    >>> first_line(ValueError("[ONNXRuntimeError] : 1 : FAIL : /onnxruntime_src/core/g.cc:1 f()"))
    'its runtime gives no reason in words'
    """
    text = _SOURCE.split(_PREFIX.sub("", str(error).strip()))[0]
    text = text.strip().removesuffix("Status Message:").strip()
    return text.splitlines()[0][:most] if text else "its runtime gives no reason in words"
