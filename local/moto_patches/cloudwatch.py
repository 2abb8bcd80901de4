"""CloudWatch."""

from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse

from local.moto_patches.patch import Patch


def put_composite_alarms() -> Patch:
    def replacement(self: Any) -> Any:
        return self.put_metric_alarm()  # which keeps the rule of one

    return Patch(
        CloudWatchResponse,
        "put_composite_alarm",
        replacement,
        "moto tells of composite alarms and has no way of making them",
    )
