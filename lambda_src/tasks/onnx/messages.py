"""What onnx and onnxruntime say of somebody's model, without what they say of themselves."""

import re

_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_WORD = re.compile(r"\S+")
_FOLDER = re.compile(r"(?:_src|\bonnxruntime|\bonnx)/")
_FILE = re.compile(r"\.(?:cc|h|cpp|py):\d+")
"""A word with both is a place in their code: what follows are the names of their functions. One
expression for both took a minute and a half for a name of 100,000 characters."""
_BARE = re.compile(r"(?<![\w/])\w+\.(?:cc|h|cpp):\d+(?: \S+)?\s*")
"""A place without its folder, and the function there: what follows are words for readers."""

_LONGEST = 300


def reason(error: Exception) -> str:
    r"""Why a model failed, on one line and bounded: strangers wrote the names in the text.

    >>> text = "[ONNXRuntimeError] : 1 : FAIL : Running Reshape node. Name:'a\n' Status Message: "
    >>> reason(ValueError(text + "/onnxruntime_src/onnxruntime/core/a.h:91 Reshape(const T&)"))
    "Running Reshape node. Name:'a '"
    >>> reason(ValueError("[ONNXRuntimeError] : 1 : FAIL : /onnxruntime_src/core/g.cc:1 f()"))
    'its runtime gives no reason in words'
    >>> reason(ValueError("Name:'' Status Message: element_wise_ops.cc:703 Compute Division by 0"))
    "Name:'' Status Message: Division by 0"
    """
    if lacks_memory(error):
        return "it takes more memory than there is"
    if isinstance(error, UnicodeDecodeError):
        return "a text that it makes is not UTF-8"
    text = _BARE.sub("", _before_places(_PREFIX.sub("", str(error).strip())))
    text = text.strip().removesuffix("Status Message:").strip()
    if len(text) > _LONGEST:
        text = f"{text[:100]} … {text[-(_LONGEST - 103) :]}"
    words = "".join(one if one.isprintable() else " " for one in text).split()
    return " ".join(words) or "its runtime gives no reason in words"


def _before_places(text: str) -> str:
    for word in _WORD.finditer(text):
        folder = _FOLDER.search(word[0])
        if folder and _FILE.search(word[0], folder.end()):
            return text[: word.start()]
    return text


def lacks_memory(error: Exception) -> bool:
    """Whether that is why onnxruntime failed, which has no class for it."""
    words = ("Failed to allocate memory", "std::bad_alloc")
    return isinstance(error, MemoryError) or any(one in str(error) for one in words)
