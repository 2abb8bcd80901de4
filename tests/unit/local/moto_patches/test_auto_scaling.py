from typing import Any

import boto3
import pytest

from local.moto_patches import auto_scaling
from local.moto_patches.patch import applied


def tags_of_a_target() -> Any:
    client = boto3.client("application-autoscaling")
    arn = client.register_scalable_target(
        ServiceNamespace="lambda",
        ResourceId="function:f:live",
        ScalableDimension="lambda:function:ProvisionedConcurrency",
        MinCapacity=2,
        MaxCapacity=5,
        Tags={"owner": "ml"},
    )["ScalableTargetARN"]
    return client.list_tags_for_resource(ResourceARN=arn)["Tags"]


def test_keep_tags() -> None:
    with pytest.raises(NotImplementedError):
        tags_of_a_target()
    with applied(auto_scaling.keep_tags()):
        assert tags_of_a_target() == {"owner": "ml"}
