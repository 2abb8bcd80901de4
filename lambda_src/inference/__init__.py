"""The function that answers from models."""

import os

# numpy's BLAS starts a thread for every processor, and they spin until they find nothing to do: a
# start took 232 ms of CPU where it takes 125 without them, and Lambda sells CPU by the share.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
