import boto3
import pytest

from local.moto_patches import cloudwatch
from local.moto_patches.patch import applied


def test_put_composite_alarms() -> None:
    client = boto3.client("cloudwatch")
    asked = {"AlarmName": "any", "AlarmRule": 'ALARM("errors")', "AlarmActions": ["arn:topic"]}

    with pytest.raises(NotImplementedError):
        client.put_composite_alarm(**asked)
    with applied([cloudwatch.put_composite_alarms()]):
        client.put_composite_alarm(**asked)
        (told,) = client.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert asked.items() <= told.items()
