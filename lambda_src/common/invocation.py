"""What one invocation may use: who asked, how long, how much memory."""

import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Invocation:
    """The facts of a Lambda context that the use cases need.

    memory_mb is the function's memory setting; deadline is in seconds since the epoch.
    """

    request_id: str
    function_arn: str
    memory_mb: int
    deadline: float
    scratch: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))

    @classmethod
    def of(cls, context: Any) -> "Invocation":
        """From the context object that Lambda passes to a handler."""
        return cls(
            request_id=context.aws_request_id,
            function_arn=context.invoked_function_arn,
            memory_mb=int(context.memory_limit_in_mb),
            deadline=time.time() + context.get_remaining_time_in_millis() / 1000,
        )

    def seconds_left(self) -> float:
        """Seconds until the function would be stopped."""
        return self.deadline - time.time()

    @property
    def threads(self) -> int:
        """Threads worth starting: 1,769 MB of memory buy one vCPU.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
        """
        return max(1, min(os.cpu_count() or 1, round(self.memory_mb / 1769)))
