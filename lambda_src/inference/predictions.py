"""The use case of inference: instances in, predictions with warnings out."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import structs

from common.decoding import MAX_OBJECTS, Name, Version, convert
from common.metrics import RequestLine
from common.problems import FieldError, Unavailable, Unprocessable, check_answer_size, invalid
from common.registry import LIVE
from inference import images
from inference.models import Models
from tasks import FieldWarning, InvalidInstances


class InferenceRequest(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The body of POST /inference: a model, its alias or version, and the instances."""

    model: Name
    instances: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=MAX_OBJECTS)]
    alias: Name | None = None
    version: Version | None = None


class InferenceAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """One prediction for each instance, in order, and the version that made them."""

    model: str
    version: str
    predictions: list[dict[str, Any]]
    warnings: list[FieldWarning]


def predict(
    models: Models, body: Any, deadline: float = math.inf, line: RequestLine | None = None
) -> InferenceAnswer:
    """Answers a request. deadline is a time of time.monotonic(); not all models observe it.

    What surrounds Model.infer is here: the body is parsed, images that it names are read, the
    predictions are counted in the request's log line and become an answer.

    Raises Unprocessable with an error for each bad field, NotFound for a model, alias or version
    that does not exist, PayloadTooLarge for an answer that is too large to send, and Unavailable
    when loading the model took so long that no time was left.
    """
    started = time.monotonic()
    request = convert(body, InferenceRequest)
    if request.version is not None:
        if request.alias is not None:
            raise invalid(["version"], "send either version or alias, not both")
        loaded = models.at_version(request.model, request.version, line)
    else:
        loaded = models.at_alias(request.model, request.alias or LIVE, line)
    loading = time.monotonic() - started
    model = loaded.model
    check_answer_size(model.least_bytes(request.instances))
    instances: Sequence[Any] = request.instances
    sent: Mapping[str, str] = {}
    if model.image_keys:
        instances, sent = images.resolved(models.store, instances, model.image_keys)
    try:
        predictions, warnings = model.infer(instances, deadline)
    except InvalidInstances as error:
        if time.monotonic() >= deadline and loading > (deadline - started) / 2:
            raise Unavailable(
                f"Version {loaded.version!r} of model {request.model!r} was loaded for this "
                "request, which left too little time to answer it. Send it again."
            ) from None
        raise Unprocessable(
            f"{len(error.errors) + error.others:,} fields do not fit version {loaded.version!r} of "
            f"model {request.model!r}; GET /models/{request.model}/versions/{loaded.version} "
            "describes its inputs.",
            _as_sent(error.errors, sent),
            error.others,
        ) from None
    if line is not None:
        line.note({"Predictions": len(predictions)})
    return InferenceAnswer(
        model=request.model,
        version=loaded.version,
        predictions=predictions.rows(),
        warnings=_as_sent(warnings, sent),
    )


def _as_sent[T: (FieldError, FieldWarning)](
    reports: Sequence[T], sent: Mapping[str, str]
) -> list[T]:
    """Errors or warnings, with the pointers of the fields that the caller has sent."""
    return [structs.replace(one, pointer=sent.get(one.pointer, one.pointer)) for one in reports]
