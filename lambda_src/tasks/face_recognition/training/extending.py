"""Some people more or fewer in a model, and all else in it as it was.

Networks, thresholds and the means of those who stay are the bytes of the version that is extended:
no photo of theirs is needed again.
"""

import numpy as np

from common.problems import Unprocessable, invalid
from tasks import Published, Trained, TrainingData
from tasks.face_recognition import UNKNOWN
from tasks.face_recognition.options import Training
from tasks.face_recognition.training import evaluation
from tasks.face_recognition.training.enrolment import means
from tasks.face_recognition.training.gallery import ENROLLED, Enrolled, Gallery
from tasks.face_recognition.training.methods import Features, published
from tasks.framework.training.context import TrainingContext
from tasks.images.training import reading


def extend(
    base: Published, source: TrainingData, options: Training, context: TrainingContext
) -> Trained:
    """The base with those people of the dataset whom it does not know, and without the forgotten.

    Raises Unprocessable where that changes nothing.
    """
    manifest, before = base.manifest, Gallery.of(base.manifest.inputs, base.files)
    _check_forgotten(options.forget, before)
    stays = [person not in options.forget for person in before.people]
    kept = [person for person, there in zip(before.people, stays, strict=True) if there]
    names = reading.targets(source, ENROLLED)
    new = sorted({*names} - {*kept, UNKNOWN})
    if not new and not options.forget:
        raise invalid(
            ["extends"], f"version {manifest.version!r} knows everybody in the dataset already"
        )
    white = reading.white(source)
    if white not in (None, before.white):
        raise invalid(
            ["extends"],
            f"{white:,} is white in the dataset's images of 16 bits, which version "
            f"{manifest.version!r} does not read so: save them with 8 bits, or train anew",
        )
    context.progress("enrolling", 10, f"Enrolling {len(new):,} people beside {len(kept):,}.")
    method = published(manifest, base.files, context.threads)
    features = method.features(source, ENROLLED, context.threads)
    y = evaluation.numbers(names, new)
    used = features.seen & (y != evaluation.STRANGER)
    there, places = np.unique(y[used], return_inverse=True)
    added = [new[number] for number in there]
    if len(kept) + len(added) == 0 or (new and not added):
        raise Unprocessable("No face is seen in the images of those who are to be enrolled.")
    made = Enrolled(
        method,
        _as_it_is,
        Gallery(
            [*kept, *added],
            np.concatenate([before.means[stays], means(features.values[used], places, len(there))]),
            before.threshold,
            before.pair_threshold,
            before.white,
        ),
        Features(features.values, features.seen),
        method.features(source, ("test",), context.threads),
    )
    context.progress("evaluating", 85, "Evaluating it on the test split.")
    graph = base.files["model.onnx"]
    about = {
        "metric": options.metric or manifest.metric,
        "selected": manifest.selected,
        "candidates": manifest.candidates,
        "parity": made.compared(source, graph).parity.record(),
    }
    details = {
        "backbones": manifest.details.get("backbones", []),
        "cross_enrolment": manifest.details.get("cross_enrolment"),
        "extends": {
            "version": manifest.version,
            "added": added,
            "forgotten": list(dict.fromkeys(options.forget)),
        },
    }
    return made.trained(source, graph, about, details, context.seed)


def _check_forgotten(forget: list[str], before: Gallery) -> None:
    strangers = sorted({*forget} - {*before.people})
    if strangers:
        raise invalid(["forget"], f"{strangers[0]!r} is not enrolled in the version to be extended")


def _as_it_is(descriptors: np.ndarray) -> np.ndarray:
    return descriptors
