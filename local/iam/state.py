"""Roles, policies and objects as moto holds them."""

import json
from collections.abc import Mapping
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.s3.models import FakeKey, s3_backends

from local.iam.evaluation import Policies
from local.iam.objects import Key
from local.iam.policy import Statement, parse
from local.lambda_runtime.functions import ACCOUNT_ID, ARN


class State:
    """One region's; nothing is cached but parsed policies, so that a change holds at once."""

    def __init__(self, region: str) -> None:
        self._region = region

    def role(self, name: str) -> Any:
        """moto's role, or None."""
        return next((one for one in _iam().roles.values() if one.name == name), None)

    def policies(self, role: Any, resource: str | None) -> Policies:
        """All that applies where a role meets a resource. Raises PolicyError."""
        inline = [(name, document) for name, document in role.policies.items()]
        managed = [(one.name, _document(one)) for one in role.managed_policies.values()]
        identity = tuple(
            statement for _, document in (*inline, *managed) for statement in parse(document)
        )
        boundary = role.permissions_boundary_arn
        return Policies(
            identity=identity,
            boundary=parse(_document(_iam().managed_policies[boundary])) if boundary else None,
            resource=self._of_resource(resource or ""),
            resource_must_allow=(resource or "").startswith("arn:aws:kms:"),
        )

    def _of_resource(self, arn: str) -> tuple[Statement, ...]:
        if arn.startswith("arn:aws:s3:::"):
            bucket = _s3().buckets.get(arn[len("arn:aws:s3:::") :].partition("/")[0])
            return parse(bucket.policy.decode()) if bucket and bucket.policy else ()
        if arn.startswith("arn:aws:kms:"):
            key = self._kms_key(arn)
            return parse(key.policy) if key else ()
        return function_policy(arn) if ARN.match(arn) else ()

    def exists(self, bucket: str, key: str, version: str | None) -> bool:
        return self._object(bucket, key, version) is not None

    def tags(self, bucket: str, key: str, version: str | None) -> Mapping[str, str]:
        found = self._object(bucket, key, version)
        tags: dict[str, str] = (
            _s3().tagger.get_tag_dict_for_resource(found.arn) if found is not None else {}
        )
        return tags

    def key_of(self, bucket: str, key: str, version: str | None) -> Key | None:
        found = self._object(bucket, key, version)
        if found is None or not found.kms_key_id:
            return None
        return self.named_key(found.kms_key_id, bool(found.bucket_key_enabled))

    def default_key(self, bucket: str, upload: str | None) -> Key | None:
        found = _s3().buckets.get(bucket)
        if upload and found and upload in found.multiparts:
            key_id = found.multiparts[upload].kms_key_id
            if key_id:
                return self.named_key(key_id)
        if found is None or not found.encryption:
            return None
        rule = found.encryption["Rule"]
        key_id = rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID")
        bucket_key = str(rule.get("BucketKeyEnabled", "")).lower() == "true"
        return self.named_key(key_id, bucket_key) if key_id else None

    def named_key(self, key_id: str, bucket_key: bool = False) -> Key | None:
        if key_id.endswith("alias/aws/s3"):  # everyone in the account may use it through S3
            return None
        found = self._kms_key(key_id)
        return Key(found.arn if found else key_id, bucket_key)

    def _object(self, bucket: str, key: str, version: str | None) -> Any:
        found = _s3().buckets.get(bucket)
        if found is None:
            return None
        if version is None:
            one = found.keys.get(key)
            return one if isinstance(one, FakeKey) else None
        versions = found.keys.getlist(key, default=[])
        return next((one for one in versions if str(one.version_id) == version), None)

    def _kms_key(self, key_id: str) -> Any:
        backend = kms_backends[ACCOUNT_ID][self._region]
        try:
            return backend.keys.get(backend.any_id_to_key_id(key_id))
        except AttributeError:  # an alias that is of no key
            return None


def function_policy(arn: str) -> tuple[Statement, ...]:
    """The resource policy of a function, of all its qualifiers; none where there is no function."""
    match = ARN.match(arn)
    if match is None:
        return ()
    try:
        function = lambda_backends[ACCOUNT_ID][match["region"]].get_function(match["name"])
    except Exception:  # moto raises one of several classes, all of them meaning: not there
        return ()
    return parse(json.dumps({"Version": "2012-10-17", "Statement": function.policy.statements}))


def _document(policy: Any) -> str:
    return next(str(one.document) for one in policy.versions if one.is_default)


def _iam() -> Any:
    return iam_backends[ACCOUNT_ID]["aws"]


def _s3() -> Any:
    return s3_backends[ACCOUNT_ID]["aws"]
