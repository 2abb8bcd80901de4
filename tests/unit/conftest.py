"""What holds for every unit test.

Property tests run without deadlines: no test may fail because the machine is busy.
They take the same examples each time, so that nobody's clone fails for what others have not seen.
`make fuzz` takes new ones, and many of them; what it finds becomes an example of its test.

A test is never named after bytes it is given: an archive's bytes hold the time, and workers that
collect the tests in different seconds would see different names.

Calls of AWS have the time that a busy machine takes; tests of their limits set their own.
"""

import os

# Tests load onnxruntime by themselves, too: tasks.framework.onnx says why.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# The local cloud has moto load AWS's policies, which no unit test asks about: 1,500 of them, twelve
# times for each test, took more than half of the suite's time.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "false"

from hypothesis import settings

from common import store, time_limit

store.CALL_SECONDS = 600.0
store._READ_SECONDS = 60.0
time_limit.REQUEST_SECONDS = 600.0

settings.register_profile("unit", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=3000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unit"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    return argname if isinstance(val, bytes) else None
