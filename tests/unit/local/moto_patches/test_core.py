import boto3
from moto.s3.models import FakeKey

from local.moto_patches import core
from local.moto_patches.patch import applied


def test_keep_no_instances() -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    instances = vars(FakeKey)["instances_tracked"]

    def kept() -> int:
        """How many more objects moto holds once one has been written again and again."""
        before = len(instances)
        for _ in range(3):
            client.put_object(Bucket="bucket", Key="k", Body=b"1")
        return len(instances) - before

    assert kept() == 3
    with applied([core.keep_no_instances()]):
        assert kept() == 0
        assert client.get_object(Bucket="bucket", Key="k")["Body"].read() == b"1"
