import boto3
import pytest
from botocore.exceptions import ClientError

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


def test_keep_what_composite_alarms_watch() -> None:
    client = boto3.client("cloudwatch")
    patches = [cloudwatch.put_composite_alarms(), cloudwatch.keep_what_composite_alarms_watch()]
    watched = {"AlarmNames": ["errors"]}
    with applied(patches[:1]):
        client.put_composite_alarm(AlarmName="any", AlarmRule='ALARM("errors")')
    client.delete_alarms(**watched)  # which stock moto does not mind

    with applied(patches):
        with pytest.raises(ClientError, match=r"ValidationError.*composite alarm\(s\) depending"):
            client.delete_alarms(**watched)
        client.put_composite_alarm(AlarmName="any", AlarmRule='ALARM("throttles")')
        client.delete_alarms(**watched)
