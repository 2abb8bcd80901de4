"""The function that answers from models."""

import gc
import os

# numpy's BLAS starts a thread for every processor, and they spin until they find nothing to do: a
# start took 232 ms of CPU where it takes 125 without them, and Lambda sells CPU by the share.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# The collector looked 21 times at what had been imported, of which nothing is garbage: 10 ms of
# 160. What a start leaves behind is exempt from then on; see handler._start.
if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    gc.disable()
