"""AWS Signature Version 4, checked: the request is signed again by botocore's signer and compared.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.utils import normalize_url_path

from local.lambda_runtime.models import Credentials

KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ALGORITHM = "AWS4-HMAC-SHA256"
CLOCK_SKEW = timedelta(minutes=15)
MAX_PRESIGNED_SECONDS = 604_800
CONTENT_SHA256 = "x-amz-content-sha256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
AUTHORIZATION = re.compile(
    r"^AWS4-HMAC-SHA256 +Credential=(?P<credential>[^,\s]+),\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})$"
)


class SignatureError(Exception):
    """The request is not signed as it should be. `kind` is API Gateway's response type.

    `unsigned` names the headers that the signature does not cover, where that is the reason.
    """

    def __init__(self, kind: str, message: str, unsigned: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.unsigned = unsigned


@dataclass(frozen=True)
class SignedRequest:
    """An HTTP request as it came in: the path and query are raw, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    read_body: Callable[[], bytes]


@dataclass(frozen=True)
class Keyring:
    """The access keys of one run."""

    keys: dict[str, Credentials]

    def add(self, credentials: Credentials) -> Credentials:
        self.keys[credentials.access_key_id] = credentials
        return credentials


def access_key_id() -> str:
    """A new one, that no other run knows."""
    return "LOCAL" + "".join(secrets.choice(KEY_ALPHABET) for _ in range(15))


@dataclass(frozen=True)
class Claim:
    """What a request says about its own signature."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: list[str]
    signature: str
    timestamp: str
    token: str
    query: str
    payload: str
    """S3's hash of the body, or how the body is sent; empty where the request does not say."""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True)
class Verified:
    """Whose key signed a request, and how."""

    credentials: Credentials
    claim: Claim

    @property
    def service(self) -> str:
        """The service that the request was signed for."""
        return self.claim.service

    def sign(self, text: str) -> str:
        """The signature of a string to sign, as the request's signer makes it."""
        keys = self.credentials
        signer = SigV4Auth(
            ReadOnlyCredentials(keys.access_key_id, keys.secret_access_key, None),
            self.claim.service,
            self.claim.region,
        )
        context = AWSRequest()
        context.context["timestamp"] = self.claim.timestamp
        return str(signer.signature(text, context))


def verify(request: SignedRequest, keyring: Keyring, service: str | None = None) -> Verified:
    """Who signed the request, by header or presigned query.

    With `service`, it must have been signed for that service. Raises SignatureError.
    """
    claim = _claim(request)
    credentials = keyring.keys.get(claim.access_key_id)
    if credentials is None or not hmac.compare_digest(
        claim.token.encode(), credentials.session_token.encode()
    ):
        raise SignatureError(
            "ACCESS_DENIED", "The security token included in the request is invalid."
        )
    if service and claim.service != service:
        raise SignatureError(
            "INVALID_SIGNATURE",
            f"Credential should be scoped to correct service: '{service}'.",
        )
    verified = Verified(credentials, claim)
    if claim.service == "s3":
        _check_coverage(request, claim)
    if not hmac.compare_digest(verified.sign(_string_to_sign(request, claim)), claim.signature):
        raise SignatureError(
            "INVALID_SIGNATURE",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. "
            "Consult the service documentation for details.",
        )
    return verified


def presigning_key(query: str, service: str) -> str | None:
    """The id of the access key that a presigned URL of a service names in its query, if any."""
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    if parameters.get("X-Amz-Algorithm") != ALGORITHM:
        return None
    try:
        key, _, _, named = _scope(parameters.get("X-Amz-Credential", ""))
    except SignatureError:
        return None
    return key if named == service else None


def _check_coverage(request: SignedRequest, claim: Claim) -> None:
    """Refuse x-amz- headers that are not signed, as S3 does.

    The hash of the body need not be: it is signed as a part of the request itself. Other services
    take such headers.
    """
    unsigned = sorted(
        name
        for name in request.headers.keys() - set(claim.signed_headers)
        if name.startswith("x-amz-") and name != CONTENT_SHA256
    )
    if unsigned:
        raise SignatureError(
            "ACCESS_DENIED",
            "There were headers present in the request which were not signed",
            ", ".join(unsigned),
        )


def _claim(request: SignedRequest) -> Claim:
    authorization = request.headers.get("authorization", "")
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    if authorization:
        claim = _header_claim(request, authorization)
        _check_age(_time(claim.timestamp), datetime.now(UTC))
    elif query.get("X-Amz-Algorithm") == ALGORITHM:
        claim = _query_claim(request, query)
    else:
        raise SignatureError("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
    if "host" not in claim.signed_headers or not claim.timestamp.startswith(claim.date):
        raise _incomplete(authorization or request.query)
    return claim


def _header_claim(request: SignedRequest, authorization: str) -> Claim:
    match = AUTHORIZATION.match(authorization)
    if match is None:
        raise _incomplete(authorization)
    key, date, region, service = _scope(match["credential"])
    return Claim(
        access_key_id=key,
        date=date,
        region=region,
        service=service,
        signed_headers=match["headers"].split(";"),
        signature=match["signature"],
        timestamp=request.headers.get("x-amz-date", ""),
        token=request.headers.get("x-amz-security-token", ""),
        query=request.query,
        payload=request.headers.get(CONTENT_SHA256, ""),
    )


def _query_claim(request: SignedRequest, query: Mapping[str, str]) -> Claim:
    key, date, region, service = _scope(query.get("X-Amz-Credential", ""))
    timestamp = query.get("X-Amz-Date", "")
    expires = query.get("X-Amz-Expires", "")
    if not expires.isdigit() or not 0 < int(expires) <= MAX_PRESIGNED_SECONDS:
        raise SignatureError(
            "INVALID_SIGNATURE",
            f"X-Amz-Expires is {expires!r}; seconds from 1 to {MAX_PRESIGNED_SECONDS} would do.",
        )
    now = datetime.now(UTC)
    if now > _time(timestamp) + timedelta(seconds=int(expires)):
        raise SignatureError("EXPIRED_TOKEN", "Request has expired")
    if _time(timestamp) > now + CLOCK_SKEW:
        raise SignatureError("EXPIRED_TOKEN", "Request is not valid yet")
    parts = [part for part in request.query.split("&") if not part.startswith("X-Amz-Signature=")]
    return Claim(
        access_key_id=key,
        date=date,
        region=region,
        service=service,
        signed_headers=query.get("X-Amz-SignedHeaders", "").split(";"),
        signature=query.get("X-Amz-Signature", ""),
        timestamp=timestamp,
        token=query.get("X-Amz-Security-Token", ""),
        query="&".join(parts),
        payload=request.headers.get(CONTENT_SHA256)
        or query.get("X-Amz-Content-Sha256", UNSIGNED_PAYLOAD),
    )


def _scope(credential: str) -> tuple[str, str, str, str]:
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise _incomplete(credential)
    return parts[0], parts[1], parts[2], parts[3]


def _time(timestamp: str) -> datetime:
    try:
        return datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _incomplete(timestamp) from None


def _check_age(signed_at: datetime, now: datetime) -> None:
    if abs(now - signed_at) > CLOCK_SKEW:
        raise SignatureError(
            "EXPIRED_TOKEN",
            f"Signature expired: {signed_at:%Y%m%dT%H%M%SZ} is not within "
            f"{CLOCK_SKEW.seconds // 60} min. of {now:%Y%m%dT%H%M%SZ}",
        )


def _incomplete(value: str) -> SignatureError:
    return SignatureError(
        "INVALID_SIGNATURE",
        f"{value[:200]!r} is not a complete AWS Signature Version 4 ({ALGORITHM} with Credential, "
        "SignedHeaders with host, Signature, and a date).",
    )


def _string_to_sign(request: SignedRequest, claim: Claim) -> str:
    headers = sorted(claim.signed_headers)
    canonical = "\n".join(
        [
            request.method,
            _canonical_path(request.path, claim.service),
            _canonical_query(claim.query),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in headers),
            "",
            ";".join(headers),
            _body_hash(request, claim),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return f"{ALGORITHM}\n{claim.timestamp}\n{claim.scope}\n{digest}"


def _canonical_path(path: str, service: str) -> str:
    encoded = "/".join(_encode(segment) for segment in path.split("/"))  # %2F separates nothing
    return encoded if service == "s3" else quote(normalize_url_path(encoded), safe="/-_.~")


def _canonical_query(query: str) -> str:
    pairs = [part.partition("=") for part in query.split("&") if part]
    encoded = sorted((_encode(name), _encode(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encode(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _body_hash(request: SignedRequest, claim: Claim) -> str:
    """S3's own statement of it, to which `s3_bodies` holds the body; for the rest, the real one."""
    if claim.service == "s3":
        return claim.payload or UNSIGNED_PAYLOAD
    return hashlib.sha256(request.read_body()).hexdigest()
