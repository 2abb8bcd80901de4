"""Inspects and tries the model in a folder, where it leaves the verdict as JSON.

TRIAL_BYTES=1000000000 TRIAL_SECONDS=60 python -m tasks.onnx.training.trial FOLDER
"""

import math
import os
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from tasks import InvalidInstances
from tasks.onnx.codecs.form import Arrays, Encoded
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.limits import LOADING_SECONDS, NotRun
from tasks.onnx.messages import reason
from tasks.onnx.serving import Imported
from tasks.onnx.spec import Spec
from tasks.onnx.training import VERDICT, VERDICT_BYTES, Verdict, served_files
from tasks.onnx.training.batching import agrees
from tasks.onnx.training.comparison import by_keys
from tasks.onnx.training.inspection import DIVISION, Refused, batchable, inspect


def main() -> None:
    _limit(resource.RLIMIT_DATA, int(os.environ["TRIAL_BYTES"]))
    _limit(resource.RLIMIT_CPU, _cpu_seconds(float(os.environ["TRIAL_SECONDS"])))
    _limit(resource.RLIMIT_FSIZE, VERDICT_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    folder = Path(sys.argv[1])
    spec = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Spec)
    try:
        verdict = tried(served_files(folder), spec)
    except Refused as refused:
        verdict = Verdict(refused=str(refused))
    except MemoryError:
        verdict = Verdict(refused="The model takes more memory than the function has.")
    (folder / VERDICT).write_bytes(msgspec.json.encode(verdict))


def _cpu_seconds(seconds: float) -> int:
    """More than all cores take in the time: the caller ends a trial, unless the trial outlives it.

    >>> _cpu_seconds(5.0) > 5 * (os.cpu_count() or 1)
    True
    """
    return math.ceil(seconds + 1) * (os.cpu_count() or 1)


def _limit(what: int, most: int) -> None:
    resource.setrlimit(what, (most, most))


def tried(files: Mapping[str, bytes], spec: Spec) -> Verdict:
    """The verdict on a model. Raises Refused."""
    try:
        model = onnx.load_model_from_string(files["model.onnx"])
    except DecodeError as error:
        raise Refused("model.onnx is no ONNX model.") from error
    operators = inspect(model, spec)
    divides = DIVISION in operators
    try:
        onnx.checker.check_model(model)
        started = time.process_time()
        brought = _model(spec, files, divides)
        loading = time.process_time() - started
    except Unfit as unfit:
        raise Refused(f"{unfit}.") from None
    except Exception as error:  # whatever they raise, the model cannot be loaded
        raise Refused(f"model.onnx cannot be loaded: {reason(error)}") from None
    if loading > LOADING_SECONDS:
        raise Refused(
            f"model.onnx takes {loading:.1f} s to load, and {LOADING_SECONDS:g} s is the most: its "
            "runtime computes then what depends on no input. Store the result of that instead."
        )
    instances = [example.instance for example in spec.examples]
    try:
        encoded = brought.encode(instances)
    except InvalidInstances as error:
        first = error.errors[0]
        where = first.pointer.removeprefix("/instances")
        raise Refused(f"manifest.json /examples{where}: {first.detail}") from None
    started = time.perf_counter()
    outputs = _run(brought, encoded)
    seconds = time.perf_counter() - started
    largest = max(_difference(number, found, spec) for number, found in enumerate(outputs))
    _check_answers(brought, outputs, encoded)
    constants = {one.name for one in spec.inputs if one.codec == "constant"}
    return Verdict(
        batched=batchable(model.graph, operators, spec)
        and agrees(brought, encoded, constants, [one.name for one in model.graph.output]),
        divides=divides,
        opset=next((one.version for one in model.opset_import if not one.domain), 0),
        producer=f"{model.producer_name:.100} {model.producer_version:.100}".strip(),
        operators=dict(operators.most_common()),
        examples=len(outputs),
        max_difference=largest,
        milliseconds=round(1000 * seconds / len(outputs), 3),
    )


def _model(spec: Spec, files: Mapping[str, bytes], divides: bool) -> Imported:
    plain: dict[str, Any] = msgspec.to_builtins(spec)
    parts = {"inputs": plain["inputs"], "outputs": plain["outputs"]}
    inputs = {**parts, "batched": False, "divides": divides}
    return Imported(inputs, spec.labels, files)


def _run(model: Imported, encoded: list[Encoded]) -> list[Arrays]:
    try:
        return model.run(encoded)
    except NotRun as stumble:
        raise Refused(f"model.onnx cannot run its examples: {stumble}") from None


def _difference(number: int, found: Arrays, spec: Spec) -> float:
    """The largest difference from what an example expects. Raises Refused beyond tolerance."""
    largest = 0.0
    for name, value in spec.examples[number].outputs.items():
        where = f"manifest.json /examples/{number}/outputs/{name}"
        if name not in found:
            raise Refused(f"{where}: manifest.json names no such output.")
        try:
            expected = np.asarray(value)
            shape = expected.shape
            wanted, expected = by_keys(expected)
        except ValueError:
            raise Refused(f"{where}: arrays of unequal lengths.") from None
        got = found[name]
        if shape != got.shape:
            raise Refused(f"{where}: expected shape {list(shape)}, got {list(got.shape)}.")
        keys, got = by_keys(got)
        if keys != wanted:
            raise Refused(f"{where}: the model answers with a map of other keys.")
        if got.dtype.kind not in "fiu" or expected.dtype.kind not in "fiu":
            if (got != expected).any():
                raise Refused(f"{where}: the model answers otherwise.")
            continue
        difference = np.abs(got - expected) / np.maximum(1.0, np.abs(expected))
        worst = float(difference.max(initial=0.0))
        if not worst <= spec.tolerance:
            raise Refused(
                f"{where}: the model's answer differs by {worst:.2g}, and {spec.tolerance:g} is "
                "the tolerance."
            )
        largest = max(largest, worst)
    return largest


def _check_answers(model: Imported, outputs: list[Arrays], encoded: list[Encoded]) -> None:
    """Refuses outputs that their codecs can make no answer of."""
    for number, (found, one) in enumerate(zip(outputs, encoded, strict=True)):
        try:
            model.decode(found, one)
        except Unfit as unfit:
            raise Refused(
                f"Outputs of example {number} do not fit manifest.json: {unfit}."
            ) from None


if __name__ == "__main__":
    main()
