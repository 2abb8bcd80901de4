"""EC2."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from moto.ec2.models.security_groups import SecurityGroupBackend

from local.moto_patches.patch import Patch


def keep_rule_descriptions() -> Patch:
    original = SecurityGroupBackend._iterate_security_rules

    def replacement(self: Any, *args: Any, **more: Any) -> Iterator[Any]:
        peers = chain(*args[4:7])  # CIDR blocks, groups, prefix lists: a rule is made of each
        for rule, peer in zip(original(self, *args, **more), peers, strict=True):
            if isinstance(peer, dict) and "Description" in peer:
                rule.ip_range = {**rule.ip_range, "Description": peer["Description"]}
            yield rule

    return Patch(
        SecurityGroupBackend,
        "_iterate_security_rules",
        replacement,
        "moto tells the description of a rule for a CIDR block only, not of one for a security "
        "group or a prefix list",
    )
