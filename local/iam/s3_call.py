"""A request to S3, taken apart: what it is about, and the values of S3's condition keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from local.iam.evaluation import UnknownRequestError
from local.iam.matching import Context
from local.iam.objects import Objects
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


@dataclass(frozen=True)
class Call:
    """A request to a bucket (key is empty) or an object, taken apart."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    request: SignedRequest
    region: str
    objects: Objects

    @classmethod
    def of(cls, request: SignedRequest, region: str, objects: Objects) -> "Call":
        """A path-style request. Raises UnknownRequestError."""
        bucket, _, key = request.path.lstrip("/").partition("/")
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        signed = {name.lower(): value for name, value in query.items() if name.startswith("x-amz-")}
        headers = {**signed, **request.headers}
        call = cls(
            request.method, unquote(bucket), unquote(key), query, headers, request, region, objects
        )
        if call._strange():
            raise UnknownRequestError(f"S3's {request.method} {request.path}?{'&'.join(query)}")
        return call

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

    def _strange(self) -> bool:
        """Whether the request is none of those that `s3` tells apart."""
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
        """The values of S3's condition keys."""
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
