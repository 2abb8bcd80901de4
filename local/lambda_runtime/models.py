"""What the parts of the runtime hand to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

MAX_PAYLOAD_BYTES = 6_291_556  # of a synchronous invocation, each way
MAX_ASYNC_PAYLOAD_BYTES = 262_144

InvocationType = Literal["RequestResponse", "Event", "DryRun"]


@dataclass(frozen=True)
class FunctionConfig:
    """One version of a function as deployed. Two equal configs may share warm environments."""

    name: str
    version: str
    handler: str
    runtime: str
    architecture: str
    memory_mb: int
    timeout_seconds: float
    variables: tuple[tuple[str, str], ...]
    role_arn: str
    code_sha256: str
    region: str

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.name}"


@dataclass(frozen=True)
class Invocation:
    """One event on its way to a function."""

    request_id: str
    function_arn: str
    payload: bytes
    client_context: str = ""


@dataclass(frozen=True)
class Outcome:
    """What Invoke answers: a payload, whether it is an error, and the tail of the log."""

    payload: bytes
    failed: bool
    log_tail: str = ""


@dataclass(frozen=True)
class Credentials:
    """The keys by which one caller signs."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    principal_arn: str

    @property
    def role(self) -> str:
        """Name of the role whose session this is; empty for a user."""
        _, found, session = self.principal_arn.partition(":assumed-role/")
        return session.split("/")[0] if found else ""

    def as_variables(self) -> Mapping[str, str]:
        variables = {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }
        if self.session_token:
            variables["AWS_SESSION_TOKEN"] = self.session_token
        return variables
