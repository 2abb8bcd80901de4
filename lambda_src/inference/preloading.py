"""Preparations before the first request, while Lambda gives the environment a whole vCPU.

Importing onnxruntime takes 100 ms. Meanwhile a thread reads S3: it loads the live versions of the
models that PRELOAD_MODELS names, or at least opens the connection.
"""

import contextlib
import logging
from collections.abc import Callable, Sequence
from threading import Thread

from common.logs import log
from common.registry import LIVE
from inference.models import Models


def prepare(models: Models, names: Sequence[str], connect: Callable[[], None]) -> None:
    """Imports the runtime, opens the connection, and loads the live versions of named models.

    A model that cannot be loaded is logged, and requests for it try again.
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
