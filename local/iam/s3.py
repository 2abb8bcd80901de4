"""The permissions that a request to S3 needs.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree import ElementTree

from local.iam.evaluation import Demand
from local.iam.objects import Key, Objects
from local.iam.s3_call import BUCKET_PARTS, OBJECT_PARTS, VERBS, Call
from local.signature import SignedRequest

DELETED_BY_NAME = {"policy", "website"}
"""What is deleted with Delete; the rest of a bucket's settings with Put."""

WRITE_HEADERS = {
    "if-match": "s3:GetObject",
    "x-amz-acl": "s3:PutObjectAcl",
    "x-amz-object-lock-legal-hold": "s3:PutObjectLegalHold",
    "x-amz-object-lock-mode": "s3:PutObjectRetention",
    "x-amz-tagging": "s3:PutObjectTagging",
}
"""What a write needs besides PutObject, by the header that asks for more."""


def demands(request: SignedRequest, region: str, objects: Objects) -> Iterator[Demand]:
    """All of them, for a path-style request. Raises UnknownRequestError."""
    call = Call.of(request, region, objects)
    if not call.bucket:
        yield Demand("s3:ListAllMyBuckets", "*")
    elif not call.key:
        yield from _of_bucket(call)
    elif call.part:
        yield from _of_part(call)
    else:
        yield from _of_object(call)


def _of_bucket(call: Call) -> Iterator[Demand]:
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


def _of_part(call: Call) -> Iterator[Demand]:
    name = OBJECT_PARTS[call.part].format("Version" if call.version else "")
    yield Demand(f"s3:{VERBS[call.method]}{name}", call.arn, call.context())
    if call.part == "attributes":
        yield from _read(call, call.bucket, call.key, call.version)


def _of_object(call: Call) -> Iterator[Demand]:
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


def _read(call: Call, bucket: str, key: str, version: str | None) -> Iterator[Demand]:
    arn = f"arn:aws:s3:::{bucket}/{key}"
    action = f"s3:GetObject{'Version' if version else ''}"
    yield Demand(action, arn, call.context() if arn == call.arn else {})
    if not call.objects.exists(bucket, key, version):
        # Only who may list the whole bucket is told that a key is missing: no prefix is given.
        yield Demand("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    yield from _uses(call, "Decrypt", call.objects.key_of(bucket, key, version), bucket, arn)


def _write(call: Call, upload: str | None) -> Iterator[Demand]:
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
    yield from _uses(call, action, _key_to_write_with(call, upload), call.bucket, call.arn)


def _key_to_write_with(call: Call, upload: str | None) -> Key | None:
    asked = call.headers.get("x-amz-server-side-encryption")
    if asked is None:
        return call.objects.default_key(call.bucket, upload)
    key_id = call.headers.get("x-amz-server-side-encryption-aws-kms-key-id")
    return call.objects.named_key(key_id) if asked.startswith("aws:kms") and key_id else None


def _uses(call: Call, action: str, key: Key | None, bucket: str, arn: str) -> Iterator[Demand]:
    """A use of a KMS key by S3 on behalf of the caller."""
    if key is not None:
        context = {
            "kms:viaservice": (f"s3.{call.region}.amazonaws.com",),
            "kms:encryptioncontext:aws:s3:arn": (
                f"arn:aws:s3:::{bucket}" if key.bucket_key else arn,
            ),
        }
        yield Demand(f"kms:{action}", key.arn, context)
