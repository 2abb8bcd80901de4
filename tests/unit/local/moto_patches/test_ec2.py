import boto3

from local.moto_patches import ec2
from local.moto_patches.patch import applied


def test_keep_rule_descriptions() -> None:
    client = boto3.client("ec2")
    vpc = client.describe_vpcs()["Vpcs"][0]["VpcId"]
    lists = client.describe_managed_prefix_lists()["PrefixLists"]

    def descriptions(name: str) -> list[str | None]:
        """Of the rules for a block, a group and a prefix list."""
        group = client.create_security_group(GroupName=name, Description="-", VpcId=vpc)["GroupId"]
        answer = client.authorize_security_group_egress(
            GroupId=group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": 443,
                    "ToPort": 443,
                    "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "block"}],
                    "UserIdGroupPairs": [{"GroupId": group, "Description": "group"}],
                    "PrefixListIds": [
                        {"PrefixListId": lists[0]["PrefixListId"], "Description": "list"}
                    ],
                }
            ],
        )
        return [rule.get("Description") for rule in answer["SecurityGroupRules"]]

    assert descriptions("stock") == ["block", None, None]
    with applied([ec2.keep_rule_descriptions()]):
        assert descriptions("patched") == ["block", "group", "list"]
