"""Apply roots of its own to an AWS account, use them, and destroy them.

    make smoke-aws [REGIONS="us-east-1 eu-central-1"] [ROOTS="quickstart public private"]

It takes the credentials of the environment or the profile, states the account and the cost, and
asks before it makes anything. With the variables of build/local.env it goes to the local cloud.
The exit status is 0 only if every step of every root has passed and nothing is left.
"""

import argparse
import itertools
import secrets
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from scripts.smoke import loop
from scripts.smoke.cost import dollars
from scripts.smoke.deployment import Deployment
from scripts.smoke.signals import stop_like_ctrl_c
from scripts.smoke.steps import StepFailed, Steps

REGIONS = ("us-east-1", "eu-central-1")
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.smoke",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--regions", nargs="+", default=REGIONS, metavar="REGION")
    parser.add_argument("--roots", nargs="+", default=[*loop.CALLERS], choices=loop.CALLERS)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args()
    client = boto3.client("sts", region_name=options.regions[0])
    local = is_local(client)
    try:
        caller = client.get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        print(f"smoke: no credentials: {error}", file=sys.stderr)
        return 1
    stop_like_ctrl_c()
    prefix = f"smoke-{''.join(secrets.choice(LETTERS) for _ in range(4))}"
    where = "the local cloud" if local else f"AWS account {caller['Account']}"
    print(f"{', '.join(options.roots)} in {', '.join(options.regions)} of {where}")
    print(f"as {caller['Arn']}. All names begin with {prefix}.")
    if not local:
        cost = dollars(options.roots, len(options.regions))
        print(f"It costs about ${cost:.2f} at the prices of us-east-1 (scripts/smoke/cost.py).")
    if not options.yes and not _agreed():
        return 1
    places = itertools.product(options.regions, options.roots)
    return check(
        Deployment(root, f"{prefix}-{number}", boto3.Session(region_name=region), local)
        for number, (region, root) in enumerate(places, 1)
    )


def is_local(client: Any) -> bool:
    """Whether a client goes to the local cloud, whatever its settings say."""
    return urlsplit(client.meta.endpoint_url).hostname in ("127.0.0.1", "localhost", "::1")


def check(deployments: Iterable[Deployment]) -> int:
    """One after the other, also after one has failed; the exit status."""
    steps = Steps()
    try:
        for deployment in deployments:
            steps.title = f"{deployment.session.region_name} {deployment.root}"
            with suppress(StepFailed), deployment.applied(steps) as deployed:
                loop.run(deployment.root, deployed, steps, deployment.local)
    except KeyboardInterrupt:
        steps.failed.append(f"{steps.title}: stopped")
    if steps.failed:
        print(f"First to fail: {steps.failed[0]}")
        return 1
    print("All steps passed.")
    return 0


def _agreed() -> bool:
    try:
        return input("Type yes to begin: ") == "yes"
    except (EOFError, KeyboardInterrupt):
        return False


if __name__ == "__main__":
    sys.exit(main())
