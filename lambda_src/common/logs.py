"""One JSON object per log line, so that CloudWatch Logs Insights can query every field."""

import json
import logging
import os
import sys
import time
from typing import Any


class JsonFormatter(logging.Formatter):
    """Renders a record, with the fields given as `extra={"fields": {...}}`, as one line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


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
