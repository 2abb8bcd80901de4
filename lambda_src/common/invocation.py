"""What one invocation may use: who asked, how long, how much memory."""

import os
import time
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


class Invocation(msgspec.Struct, frozen=True):
    """The facts of a Lambda context that the use cases need.

    memory_mb is the function's memory setting; deadline is a moment of time.monotonic(), which
    goes on as before when the clock is set.
    """

    request_id: str
    function_arn: str
    memory_mb: int
    deadline: float

    @classmethod
    def of(cls, context: Any) -> "Invocation":
        """From the context object that Lambda passes to a handler."""
        return cls(
            request_id=context.aws_request_id,
            function_arn=context.invoked_function_arn,
            memory_mb=int(context.memory_limit_in_mb),
            deadline=time.monotonic() + context.get_remaining_time_in_millis() / 1000,
        )

    def seconds_left(self) -> float:
        """Seconds until the function would be stopped."""
        return self.deadline - time.monotonic()

    @property
    def scratch(self) -> "Path":
        """The folder that files may be written to."""
        import tempfile
        from pathlib import Path

        return Path(tempfile.gettempdir())

    @property
    def threads(self) -> int:
        """Threads worth starting: 1,769 MB of memory buy one vCPU.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
        """
        return max(1, min(os.cpu_count() or 1, round(self.memory_mb / 1769)))
