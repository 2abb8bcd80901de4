"""`python -m local`: starts the local cloud, applies examples/quickstart, serves until Ctrl-C."""

import argparse
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

from local.cloud import FOLDER, LocalCloud
from local.errors import LocalCloudError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for all that it writes")
    arguments = parser.parse_args()
    stop = threading.Event()

    def ask_to_stop(*_: object) -> None:
        if stop.is_set():
            return
        stop.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    try:
        with LocalCloud(arguments.port, arguments.folder) as cloud:
            serve(cloud)
    except KeyboardInterrupt:
        print("\nStopped.")
    except LocalCloudError as error:
        print(f"local cloud: {error}", file=sys.stderr)
        return 1
    return 0


def serve(cloud: LocalCloud) -> None:
    """Apply, say what there is, and wait for a signal."""
    print(f"AWS at {cloud.endpoint_url}. Terraform applies examples/quickstart:")
    started = time.monotonic()
    cloud.apply(on_line=show_progress)
    print(f"  applied in {time.monotonic() - started:.0f} s\n")
    env = os.path.relpath(cloud.folder.with_suffix(".env"))
    print(describe(cloud, env))
    threading.Event().wait()


def show_progress(line: str) -> None:
    """One line for each thing that Terraform has made."""
    match = re.match(r"^(?:module\.ml\.)?(\S+): Creation complete", line)
    if match:
        print(f"  + {match[1]}")


def describe(cloud: LocalCloud, env: str) -> str:
    logs = os.path.relpath(cloud.folder / "logs")
    functions = ", ".join(cloud.function_names.values())
    return f"""\
  API        {cloud.api_url}
  data       s3://{cloud.outputs["data_bucket"]}
  functions  {functions}
  logs       {Path(logs)}/<function>.log

Point any client at it:

  source {env}
  aws s3 ls "$DATA_BUCKET"
  curl --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" \\
       --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$API_URL/models"

Clients without a signature, such as web pages, use $OPEN_API_URL in place of $API_URL, where the
API's authorization is NONE or API_KEY.

Ctrl-C stops everything."""


if __name__ == "__main__":
    sys.exit(main())
