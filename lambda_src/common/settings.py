"""The environment that Terraform gives every function."""

import os

S3_UPLOAD_BYTES = 5 * 1024**3
"""The most bytes that S3 takes in one PUT."""


def data_bucket() -> str:
    """The bucket that holds data, models and jobs."""
    return os.environ["DATA_BUCKET"]


def data_prefix() -> str:
    """The prefix of all keys in that bucket: empty, or ending in a slash."""
    return os.environ.get("DATA_PREFIX", "")


def dns_suffix() -> str:
    """The suffix of the names of AWS's hosts in this partition."""
    return os.environ.get("DNS_SUFFIX", "amazonaws.com")


def api_seconds() -> int:
    """The seconds that API Gateway waits for an answer."""
    return int(os.environ.get("API_SECONDS", "29"))


def max_upload_bytes() -> int:
    """The most bytes that an upload may have; S3 takes 5 GiB at once."""
    return int(os.environ.get("MAX_UPLOAD_BYTES", S3_UPLOAD_BYTES))


def code_version() -> str:
    """The module's version and the first digits of the zip's sha256, for lineage."""
    return os.environ.get("CODE_VERSION", "unknown")


def allowed_origin() -> str | None:
    """The origin whose pages may read the API's answers; "*" for any."""
    return os.environ.get("ALLOWED_ORIGIN")


def images_by_key() -> bool:
    """Whether inference may read images below raw/ that a request names by key."""
    return os.environ.get("IMAGES_BY_KEY") == "true"


def preload_models() -> list[str]:
    """The models whose live versions inference loads before its first request."""
    return os.environ.get("PRELOAD_MODELS", "").split()
