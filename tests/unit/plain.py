"""What no text for callers may hold: it names a bucket, a file of the function, or a library."""

import json
import re
from typing import Any

INTERNALS = re.compile(
    r"/tmp|/var/task|\.py\b|\.cc:\d|amazonaws|https?://|\b\d{12}\b(?!…)|arn:aws"
    r"|\w(?-i:Error|Exception)\b|Errno|Traceback|codec can't|recursion depth"
    r"|\b0x[0-9a-f]{6,}\b|<[\w.]+ object"
    r"|duckdb|botocore|msgspec|onnxruntime|calamine|expat|zlib",
    re.IGNORECASE,
)

REQUEST_ID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
"""May end in 12 digits, as the number of an account has them."""


def assert_plain(problem: Any) -> None:
    """Fails for a problem that tells its caller of how the service is made or deployed."""
    text = REQUEST_ID.sub("", json.dumps(problem, ensure_ascii=False))
    found = INTERNALS.search(text)
    assert found is None, f"{found[0]!r} in {text[:2000]}"
