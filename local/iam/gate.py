"""Holds the functions' sessions to their roles, and writes down what they were allowed."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from local.guard import signed_request
from local.iam import s3, services
from local.iam.conditions import PolicyError
from local.iam.evaluation import Decision, Demand, Principal, UnknownRequestError, decide
from local.iam.journal import Journal
from local.iam.matching import Context
from local.iam.state import State
from local.lambda_runtime.functions import ACCOUNT_ID
from local.lambda_runtime.models import Credentials
from local.signature import SignedRequest, Verified
from local.wsgi import App, Environ, StartResponse, json_response, xml_error


class Gate:
    """Lets through what IAM would; the run's own user may do anything."""

    def __init__(self, app: App, region: str, journal: Journal) -> None:
        self._app = app
        self._region = region
        self._state = State(region)
        self._journal = journal

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        caller: Verified = environ["local.caller"]
        if caller.credentials.role:
            request = signed_request(environ)
            refusal = self._refusal(caller, request, environ)
            if refusal:
                return _denied(caller.service, request, refusal)(environ, start_response)
        return self._app(environ, start_response)

    def permits(self, credentials: Credentials, demand: Demand) -> bool:
        """Whether a caller may do what is not asked of moto."""
        return not credentials.role or self._decide(credentials, demand, {}).allowed

    def _refusal(self, caller: Verified, request: SignedRequest, environ: Environ) -> str:
        """Why a request is not let through; empty when it is."""
        function = caller.credentials.principal_arn.rpartition("/")[2]
        asked = {
            "lambda:sourcefunctionarn": (
                f"arn:aws:lambda:{self._region}:{ACCOUNT_ID}:function:{function}",
            ),
            "aws:sourceip": (environ.get("REMOTE_ADDR", "127.0.0.1"),),
            "aws:useragent": (request.headers.get("user-agent", ""),),
        }
        try:
            for demand in self._demands(caller.service, request):
                decision = self._decide(caller.credentials, demand, asked)
                if not decision.allowed:
                    return (
                        f"User: {caller.credentials.principal_arn} is not authorized to perform: "
                        f"{demand.action} on resource: {demand.resource or '*'} {decision.reason}"
                    )
        except UnknownRequestError as error:
            return f"The local cloud does not know which permission {error} needs."
        except PolicyError as error:
            return str(error)
        return ""

    def _demands(self, service: str, request: SignedRequest) -> Iterator[Demand]:
        if service == "s3":
            yield from s3.demands(request, self._region, self._state)
        else:
            yield services.demand(request, service, self._region)

    def _decide(self, credentials: Credentials, demand: Demand, asked: Context) -> Decision:
        role = self._state.role(credentials.role)
        if role is None:
            return Decision(False, f"because its role {credentials.role} is gone")
        known = Demand(
            demand.action,
            demand.resource,
            {**self._about(credentials, role), **asked, **demand.context},
        )
        principal = Principal.session(credentials.principal_arn, role.arn)
        decision = decide(known, principal, self._state.policies(role, demand.resource))
        self._journal.write(credentials.principal_arn, demand, decision)
        return decision

    def _about(self, credentials: Credentials, role: Any) -> Context:
        """The global condition keys: who asks, when, where.

        Loopback stands in for TLS, as it does for the endpoint.
        """
        now = datetime.now(UTC)
        session = credentials.principal_arn.rpartition("/")[2]
        tags = {
            f"aws:principaltag/{tag['Key'].lower()}": (tag["Value"],) for tag in role.tags or ()
        }
        return {
            "aws:currenttime": (now.isoformat(timespec="seconds"),),
            "aws:epochtime": (str(int(now.timestamp())),),
            "aws:principalaccount": (ACCOUNT_ID,),
            "aws:principalarn": (role.arn,),
            "aws:principaltype": ("AssumedRole",),
            "aws:requestedregion": (self._region,),
            "aws:resourceaccount": (ACCOUNT_ID,),
            "aws:securetransport": ("true",),
            "aws:userid": (f"{role.id}:{session}",),
            "aws:viaawsservice": ("false",),
            **{f"aws:principaltag/{key}": (value,) for key, value in tags.items()},
        }


def _denied(service: str, request: SignedRequest, message: str) -> App:
    """In the form of the service's own errors."""
    query_protocol = "x-www-form-urlencoded" in request.headers.get("content-type", "")
    if service == "s3" or query_protocol:
        return xml_error(403, "AccessDenied", message, wrapped=query_protocol)
    return json_response(403, {"__type": "AccessDeniedException", "message": message})
