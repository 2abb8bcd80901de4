"""CloudWatch."""

from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend
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


def keep_what_composite_alarms_watch() -> Patch:
    original = CloudWatchBackend.delete_alarms

    def replacement(self: Any, alarm_names: list[str]) -> None:
        rules = [alarm.rule for alarm in self.alarms.values() if alarm.rule]
        watched = [name for name in alarm_names if any(f'"{name}"' in rule for rule in rules)]
        if watched:
            raise ValidationError(
                f"Cannot delete {','.join(watched)} as there are composite alarm(s) depending on it"
            )
        original(self, alarm_names)

    return Patch(
        CloudWatchBackend,
        "delete_alarms",
        replacement,
        "CloudWatch keeps an alarm that the rule of a composite alarm names, which moto deletes: "
        "https://github.com/hashicorp/terraform-provider-aws/issues/34807",
    )
