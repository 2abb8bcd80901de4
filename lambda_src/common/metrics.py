"""Logs a JSON line with CloudWatch metrics for each request and each finished job.

CloudWatch extracts the metrics from the log, so they need no client and no request: a line costs 10
microseconds. It is written at every LOG_LEVEL. docs/operations.md describes every metric.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Literal

from common.logs import line

NAMESPACE = "ServerlessML"
DIMENSION = "FunctionName"
"""The only dimension, because CloudWatch charges for each metric of each value."""

Metric = Literal[
    "Latency",
    "ColdStarts",
    "ClientErrors",
    "ServerErrors",
    "Predictions",
    "ModelCacheHits",
    "ModelLoadTime",
    "JobsSucceeded",
    "JobsFailed",
    "JobDuration",
]

UNITS: Mapping[Metric, Literal["Count", "Milliseconds", "Seconds"]] = {
    "Latency": "Milliseconds",
    "ColdStarts": "Count",
    "ClientErrors": "Count",
    "ServerErrors": "Count",
    "Predictions": "Count",
    "ModelCacheHits": "Count",
    "ModelLoadTime": "Milliseconds",
    "JobsSucceeded": "Count",
    "JobsFailed": "Count",
    "JobDuration": "Seconds",
}

_is_warm = False
"""Whether this process has had an invocation."""


class RequestLine:
    """The log line of a request: its metrics and fields are noted while it is answered."""

    def __init__(self) -> None:
        self._metrics: dict[Metric, float] = {}
        self._fields: dict[str, Any] = {}

    def note(self, metrics: Mapping[Metric, float] = {}, /, **fields: Any) -> None:
        """Adds metrics and fields to the line."""
        self._metrics.update(metrics)
        self._fields.update(fields)

    def write(self, request_id: str, route: str, status: int, seconds: float) -> None:
        """Writes the line; seconds is the time from event to answer."""
        metrics: dict[Metric, float] = {
            "Latency": round(1000 * seconds, 3),
            "ClientErrors": int(400 <= status < 500),
            "ServerErrors": int(status >= 500),
            **self._metrics,
        }
        fields = {"request_id": request_id, "route": route, "status": status, **self._fields}
        write("request", metrics, fields)


def begin() -> RequestLine:
    """The line of an invocation, which notes whether it is the first one of its process."""
    global _is_warm
    line = RequestLine()
    line.note({"ColdStarts": int(not _is_warm)})
    _is_warm = True
    return line


def write(message: str, metrics: Mapping[Metric, float], fields: Mapping[str, Any]) -> None:
    """Writes a log line with metrics of this function."""
    now = time.time()
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in metrics],
    }
    document: dict[str, Any] = {
        **fields,
        DIMENSION: os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "unknown"),
        "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]},
    }
    for name, value in metrics.items():
        document[name] = value
    sys.stdout.write(line(now, "INFO", message, document) + "\n")
