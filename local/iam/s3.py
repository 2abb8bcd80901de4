"""The permissions that a request to S3 needs.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from local.iam.evaluation import Demand
from local.iam.matching import Context
from local.signature import SignedRequest

VERBS = {"GET": "Get", "HEAD": "Get", "PUT": "Put", "POST": "Put", "DELETE": "Delete"}
OBJECT_PARTS = {
    "acl": "Object{}Acl",
    "attributes": "Object{}Attributes",
    "legal-hold": "ObjectLegalHold",
    "retention": "ObjectRetention",
    "tagging": "Object{}Tagging",
}
BUCKET_PARTS = {
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "analytics": "AnalyticsConfiguration",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "intelligent-tiering": "IntelligentTieringConfiguration",
    "inventory": "InventoryConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "metrics": "MetricsConfiguration",
    "notification": "BucketNotification",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
DELETED_BY_NAME = {"policy", "website"}
"""What is deleted with Delete; the rest of a bucket's settings with Put."""

KNOWN_PARAMETERS = {
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "list-type",
    "marker",
    "max-keys",
    "max-parts",
    "max-uploads",
    "partNumber",
    "part-number-marker",
    "prefix",
    "start-after",
    "upload-id-marker",
    "uploadId",
    "uploads",
    "version-id-marker",
    "versionId",
    "versions",
    "x-id",
}
"""Of a query, besides sub-resources: another one may ask for something else entirely."""

WRITE_HEADERS = {
    "if-match": "s3:GetObject",
    "x-amz-acl": "s3:PutObjectAcl",
    "x-amz-object-lock-legal-hold": "s3:PutObjectLegalHold",
    "x-amz-object-lock-mode": "s3:PutObjectRetention",
    "x-amz-tagging": "s3:PutObjectTagging",
}
"""What a write needs besides PutObject, by the header that asks for more."""

CONDITION_KEYS = (
    "delimiter",
    "if-match",
    "if-none-match",
    "max-keys",
    "prefix",
    "versionid",
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
)


class UnknownRequestError(Exception):
    """Which permission a request needs is not known here; the message says of which one."""


class Key(NamedTuple):
    """A KMS key by its ARN, and whether S3 asks for it once per bucket or once per object."""

    arn: str
    bucket_key: bool


class Objects(Protocol):
    """What a decision needs to know of the objects themselves."""

    def exists(self, bucket: str, key: str, version: str | None) -> bool: ...

    def tags(self, bucket: str, key: str, version: str | None) -> Mapping[str, str]: ...

    def key_of(self, bucket: str, key: str, version: str | None) -> Key | None:
        """The key of the caller's own account that encrypts an object."""

    def default_key(self, bucket: str, upload: str | None) -> Key | None:
        """The one that encrypts what is written to a bucket, or to a multipart upload."""

    def named_key(self, key_id: str) -> Key | None:
        """The one that a request names."""


@dataclass(frozen=True)
class _Call:
    """A request to a bucket (key is empty) or an object, taken apart."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    request: SignedRequest
    region: str
    objects: Objects

    @property
    def version(self) -> str | None:
        return self.query.get("versionId")

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}{'/' if self.key else ''}{self.key}"

    @property
    def part(self) -> str:
        """The sub-resource that the query names."""
        parts = OBJECT_PARTS if self.key else BUCKET_PARTS
        return next((one for one in self.query if one in parts), "")

    def strange(self) -> bool:
        """Whether the request is none of those that are told apart below."""
        kind = "service" if not self.bucket else "object" if self.key else "bucket"
        known = KNOWN_PARAMETERS | {self.part} | ({"delete"} if kind == "bucket" else set())
        named = {one for one in self.query if not one.lower().startswith(("x-amz-", "response-"))}
        posted = {"delete"} if kind == "bucket" else {"uploads", "uploadId"}
        return (
            not named <= known
            or self.method not in VERBS
            or (self.method == "POST" and not named & posted)
            or (kind == "service" and self.method != "GET")
        )

    def context(self) -> Context:
        given = {name.lower(): value for name, value in {**self.query, **self.headers}.items()}
        requested = dict(parse_qsl(self.headers.get("x-amz-tagging", "")))
        found: dict[str, tuple[str, ...]] = {
            **{f"s3:{key}": (given[key],) for key in CONDITION_KEYS if key in given},
            **({"s3:requestobjecttagkeys": tuple(requested)} if requested else {}),
        }
        tags = {"request": requested}
        if self.key and self.method in ("GET", "HEAD"):
            tags["existing"] = dict(self.objects.tags(self.bucket, self.key, self.version))
        for kind, pairs in tags.items():
            found |= {f"s3:{kind}objecttag/{tag.lower()}": (pairs[tag],) for tag in pairs}
        return found

    def uses(self, action: str, key: Key | None, bucket: str, arn: str) -> Iterator[Demand]:
        """A use of a KMS key by S3 on behalf of the caller."""
        if key is not None:
            context = {
                "kms:viaservice": (f"s3.{self.region}.amazonaws.com",),
                "kms:encryptioncontext:aws:s3:arn": (
                    f"arn:aws:s3:::{bucket}" if key.bucket_key else arn,
                ),
            }
            yield Demand(f"kms:{action}", key.arn, context)


def demands(request: SignedRequest, region: str, objects: Objects) -> Iterator[Demand]:
    """All of them, for a path-style request. Raises UnknownRequestError."""
    bucket, _, key = request.path.lstrip("/").partition("/")
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    presigned = {name.lower(): value for name, value in query.items() if name.startswith("x-amz-")}
    call = _Call(
        request.method,
        unquote(bucket),
        unquote(key),
        query,
        {**presigned, **request.headers},
        request,
        region,
        objects,
    )
    if call.strange():
        raise UnknownRequestError(f"S3's {request.method} {request.path}?{'&'.join(query)}")
    if not bucket:
        yield Demand("s3:ListAllMyBuckets", "*")
    elif not key:
        yield from _of_bucket(call)
    elif call.part:
        yield from _of_part(call)
    else:
        yield from _of_object(call)


def _of_bucket(call: _Call) -> Iterator[Demand]:
    method, query = call.method, call.query
    if method == "POST" and "delete" in query:
        for entry in ElementTree.fromstring(call.request.read_body()).iterfind("{*}Object"):
            version = "Version" if entry.findtext("{*}VersionId") else ""
            yield Demand(f"s3:DeleteObject{version}", f"{call.arn}/{entry.findtext('{*}Key')}")
    elif call.part:
        verb = VERBS[method]
        if verb == "Delete" and call.part not in DELETED_BY_NAME:
            verb = "Put"
        yield Demand(f"s3:{verb}{BUCKET_PARTS[call.part]}", call.arn, call.context())
    elif method in ("GET", "HEAD"):
        kinds = {"versions": "BucketVersions", "uploads": "BucketMultipartUploads"}
        kind = next((kinds[one] for one in kinds if one in query), "Bucket")
        yield Demand(f"s3:List{kind}", call.arn, call.context())
    else:
        yield Demand("s3:CreateBucket" if method == "PUT" else "s3:DeleteBucket", call.arn)


def _of_part(call: _Call) -> Iterator[Demand]:
    name = OBJECT_PARTS[call.part].format("Version" if call.version else "")
    yield Demand(f"s3:{VERBS[call.method]}{name}", call.arn, call.context())
    if call.part == "attributes":
        yield from _read(call, call.bucket, call.key, call.version)


def _of_object(call: _Call) -> Iterator[Demand]:
    upload = call.query.get("uploadId")
    if call.method in ("GET", "HEAD"):
        if upload:
            yield Demand("s3:ListMultipartUploadParts", call.arn, call.context())
        else:
            yield from _read(call, call.bucket, call.key, call.version)
    elif call.method == "DELETE":
        if upload:
            yield Demand("s3:AbortMultipartUpload", call.arn)
        else:
            yield Demand(f"s3:DeleteObject{'Version' if call.version else ''}", call.arn)
    else:
        yield from _write(call, upload)


def _read(call: _Call, bucket: str, key: str, version: str | None) -> Iterator[Demand]:
    arn = f"arn:aws:s3:::{bucket}/{key}"
    action = f"s3:GetObject{'Version' if version else ''}"
    yield Demand(action, arn, call.context() if arn == call.arn else {})
    if not call.objects.exists(bucket, key, version):
        # Only who may list the whole bucket is told that a key is missing: no prefix is given.
        yield Demand("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    yield from call.uses("Decrypt", call.objects.key_of(bucket, key, version), bucket, arn)


def _write(call: _Call, upload: str | None) -> Iterator[Demand]:
    yield Demand("s3:PutObject", call.arn, call.context())
    for header, action in WRITE_HEADERS.items():
        if header in call.headers:
            yield Demand(action, call.arn, call.context())
    if any(header.startswith("x-amz-grant-") for header in call.headers):
        yield Demand("s3:PutObjectAcl", call.arn, call.context())
    if source := call.headers.get("x-amz-copy-source"):
        path, _, version = unquote(source).lstrip("/").partition("?versionId=")
        bucket, _, key = path.partition("/")
        yield from _read(call, bucket, key, version or None)
        directive = call.headers.get("x-amz-tagging-directive", "COPY")
        if not upload and directive == "COPY" and call.objects.tags(bucket, key, version or None):
            tagging = f"s3:GetObject{'Version' if version else ''}Tagging"
            yield Demand(tagging, f"arn:aws:s3:::{path}")
            yield Demand("s3:PutObjectTagging", call.arn)
    # The parts of an upload are decrypted to be put together, so each needs that, too.
    action = "Decrypt" if upload else "GenerateDataKey"
    yield from call.uses(action, _key_to_write_with(call, upload), call.bucket, call.arn)


def _key_to_write_with(call: _Call, upload: str | None) -> Key | None:
    asked = call.headers.get("x-amz-server-side-encryption")
    if asked is None:
        return call.objects.default_key(call.bucket, upload)
    key_id = call.headers.get("x-amz-server-side-encryption-aws-kms-key-id")
    return call.objects.named_key(key_id) if asked.startswith("aws:kms") and key_id else None
