"""One JSON object per log line, so that CloudWatch Logs Insights can query every field."""

import logging
import os
import sys
import time
from functools import cache
from typing import Any

import msgspec


class JsonFormatter(logging.Formatter):
    """Renders a record, with the fields given as `extra={"fields": {...}}`, as one line."""

    def format(self, record: logging.LogRecord) -> str:
        fields = dict(getattr(record, "fields", {}))
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return line(record.created, record.levelname, record.getMessage(), fields)


def line(at: float, level: str, message: str, fields: dict[str, Any]) -> str:
    """A log line; at is in seconds since the epoch.

    >>> line(0.0625, "INFO", "request", {"status": 200})
    '{"time":"1970-01-01T00:00:00.062Z","level":"INFO","message":"request","status":200}'
    """
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    document = {
        "time": f"{moment}.{int(at % 1 * 1000):03d}Z",
        "level": level,
        "message": message,
        **fields,
    }
    return msgspec.json.encode(document, enc_hook=str).decode()


@cache
def configure() -> None:
    """Sends every log line through JsonFormatter, at LOG_LEVEL (default INFO)."""
    root = logging.getLogger()
    # The runtime client has put a handler of its own here, with a plain-text form.
    for existing in root.handlers[:]:
        root.removeHandler(existing)
    stream = logging.StreamHandler(sys.stdout)
    stream.setFormatter(JsonFormatter())
    root.addHandler(stream)
    root.setLevel(os.environ.get("LOG_LEVEL", "INFO"))
    for noisy in ("boto3", "botocore", "urllib3", "s3transfer"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def log(message: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Writes one line with its fields."""
    logging.getLogger("ml").log(level, message, extra={"fields": fields})
