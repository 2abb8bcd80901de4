"""Brings the models of train.py to the service, and compares its answers with PyTorch's.

    python -m examples.bring_your_own.serve FOLDER

needs API_URL and the AWS_ variables of build/local.env, which `make local` writes.
"""

import json
import os
import sys
from pathlib import Path

from local.client import Client

BATCH = 50


def main(folder: Path) -> None:
    client = Client(
        os.environ["API_URL"],
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        os.environ["AWS_REGION"],
    )
    for name in ("cnn", "rnn"):
        key = client.upload(name, folder / f"{name}.zip")
        request = {"model": name, "import": {"key": key}, "promote": "always"}
        result = client.run("/model_training", request)
        print(f"{name}: version {result['version']} is live")
        expected = json.loads((folder / f"{name}-held-out.json").read_text(encoding="utf-8"))
        instances = expected["instances"]
        answers = [
            answer
            for start in range(0, len(instances), BATCH)
            for answer in client.post(
                "/inference", {"model": name, "instances": instances[start : start + BATCH]}
            )["predictions"]
        ]
        largest = max(
            abs(served - trained)
            for answer, probabilities in zip(answers, expected["probabilities"], strict=True)
            for served, trained in zip(answer["probabilities"].values(), probabilities, strict=True)
        )
        print(f"{name}: {len(answers)} answers, at most {largest:.1e} from PyTorch's")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
