"""Property tests run without deadlines: no test may fail because the machine is busy."""

from hypothesis import settings

settings.register_profile("unit", deadline=None)
settings.load_profile("unit")
