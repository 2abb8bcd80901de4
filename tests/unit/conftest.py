"""Property tests run without deadlines: no test may fail because the machine is busy.

They take the same examples each time, so that nobody's clone fails for what others have not seen.
`make fuzz` takes new ones, and many of them; what it finds becomes an example of its test.
"""

import os

from hypothesis import settings

settings.register_profile("unit", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=3000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unit"))
