"""What an environment does before its first request, while Lambda gives it a whole vCPU.

onnxruntime takes 100 ms to import. Meanwhile a thread waits for S3: it fetches the live versions
of the models that PRELOAD_MODELS names, or at least opens the connection.
"""

import contextlib
import logging
from collections.abc import Callable, Sequence
from threading import Thread

from common.logs import log
from common.registry import LIVE
from inference.models import Models


def prepare(models: Models, names: Sequence[str], connect: Callable[[], None]) -> None:
    """Imports what every prediction needs, and loads the live versions of the named models.

    What cannot be had from S3 is left to the requests for it, which say why.
    """
    waiting = Thread(target=_read_s3, args=(models, names, connect))
    waiting.start()
    import tasks.framework.onnx  # noqa: F401  # every prediction needs it

    waiting.join()


def _read_s3(models: Models, names: Sequence[str], connect: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):
        connect()
    for name in names:
        try:
            models.preload(name, LIVE)
        except Exception as error:
            log("model not preloaded", level=logging.WARNING, model=name, reason=str(error))
