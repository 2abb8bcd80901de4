"""The function that answers with predictions."""

import gc
import os

# numpy's BLAS starts a busy thread for every processor. With them a start took 232 ms of CPU time,
# without them 125 ms, and Lambda limits CPU time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# During the imports the garbage collector ran 21 times and found nothing: 10 ms of 160. So it is
# off until the start has ended. Then the objects of the start are exempt (see handler._start).
if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    gc.disable()
