"""One invocation of the function: its id, its time and its memory."""

import os
import time
from typing import TYPE_CHECKING, Any

import msgspec

from common.metrics import RequestLine, begin

if TYPE_CHECKING:
    from pathlib import Path


class Invocation(msgspec.Struct, frozen=True):
    """The facts of a Lambda context that the use cases need.

    memory_mb is the function's memory setting. deadline is a time of time.monotonic(), which is
    not affected when the clock is set. line is the log line of the request.
    """

    request_id: str
    function_arn: str
    memory_mb: int
    deadline: float
    line: RequestLine = msgspec.field(default_factory=RequestLine)

    @classmethod
    def of(cls, context: Any) -> "Invocation":
        """From the context object that Lambda passes to a handler."""
        return cls(
            request_id=context.aws_request_id,
            function_arn=context.invoked_function_arn,
            memory_mb=int(context.memory_limit_in_mb),
            deadline=time.monotonic() + context.get_remaining_time_in_millis() / 1000,
            line=begin(),
        )

    def seconds_left(self) -> float:
        """The seconds until Lambda stops the function."""
        return self.deadline - time.monotonic()

    @property
    def scratch(self) -> "Path":
        """The folder that files may be written to."""
        import tempfile
        from pathlib import Path

        return Path(tempfile.gettempdir())

    @property
    def threads(self) -> int:
        """The number of threads worth starting: 1,769 MB of memory give one vCPU.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
        """
        return max(1, min(os.cpu_count() or 1, round(self.memory_mb / 1769)))
