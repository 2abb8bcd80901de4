"""The keys by which functions act: sessions of their own roles, as Lambda gives them."""

import secrets
from dataclasses import dataclass, field

from local.iam.evaluation import Demand
from local.iam.gate import Gate
from local.lambda_runtime.functions import ACCOUNT_ID, put_log_events, send_message
from local.lambda_runtime.models import Credentials, FunctionConfig
from local.signature import Keyring, access_key_id


@dataclass(frozen=True)
class RoleSessions:
    """One session per function and role, and what Lambda itself does by it."""

    keyring: Keyring
    gate: Gate
    _sessions: dict[str, Credentials] = field(default_factory=dict)

    def credentials(self, config: FunctionConfig) -> Credentials:
        """Keys of a session of the function's role."""
        role = config.role_arn.rpartition("/")[2]
        arn = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{role}/{config.name}"
        if arn not in self._sessions:
            self._sessions[arn] = self.keyring.add(
                Credentials(
                    access_key_id(), secrets.token_urlsafe(30), secrets.token_urlsafe(60), arn
                )
            )
        return self._sessions[arn]

    def put_log_events(
        self, config: FunctionConfig, stream: str, events: list[tuple[int, str]]
    ) -> None:
        """Log for a function; without the permission its log stays empty, as on Lambda."""
        group = f"arn:aws:logs:{config.region}:{ACCOUNT_ID}:log-group:{config.log_group}"
        credentials = self.credentials(config)
        if all(
            self.gate.permits(credentials, Demand(action, f"{group}:log-stream:{stream}"))
            for action in ("logs:CreateLogStream", "logs:PutLogEvents")
        ):
            put_log_events(config.region, config.log_group, stream, events)

    def send_message(self, config: FunctionConfig, queue_arn: str, body: str) -> None:
        """Send for a function; without the permission the message is lost, as on Lambda."""
        if self.gate.permits(self.credentials(config), Demand("sqs:SendMessage", queue_arn)):
            send_message(queue_arn, body)
