"""A scikit-learn model behind Lambda, written as AWS's own examples are, and with care.

Everything that can be done once is done at import: the client, the model, the names of its
inputs. A request costs one pass over its rows, predict_proba, and JSON.
"""

import io
import json
import os
from typing import Any

import boto3
import joblib
import numpy as np


def _load() -> dict[str, Any]:
    answer = boto3.client("s3").get_object(
        Bucket=os.environ["MODEL_BUCKET"], Key=os.environ["MODEL_KEY"]
    )
    model: dict[str, Any] = joblib.load(io.BytesIO(answer["Body"].read()))
    return model


MODEL = _load()
PIPELINE = MODEL["pipeline"]
LABELS = MODEL["labels"]
FEATURES = MODEL["features"]
TEXT = MODEL["text"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers a request of the REST API: {"instances": [{...}, ...]}."""
    try:
        rows = _rows(json.loads(event["body"])["instances"])
    except (KeyError, TypeError, ValueError) as error:
        return _answer(400, {"message": f"instances do not fit: {error!r}"})
    predictions = [
        {
            "label": LABELS[int(row.argmax())],
            "probability": float(row.max()),
            "probabilities": dict(zip(LABELS, row.tolist(), strict=True)),
        }
        for row in PIPELINE.predict_proba(rows)
    ]
    return _answer(200, {"predictions": predictions})


def _rows(instances: list[dict[str, Any]]) -> Any:
    if TEXT:
        return [instance[TEXT] for instance in instances]
    values = [[instance[name] for name in FEATURES] for instance in instances]
    return np.array(values, dtype=object)


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
